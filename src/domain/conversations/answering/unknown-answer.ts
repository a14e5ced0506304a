/** By ISO 639-1. */
const SENTENCES: Readonly<Record<string, string>> = {
  en: 'I do not know: the documents say nothing that answers this.',
  de: 'Das weiß ich nicht: In den Dokumenten steht nichts, was diese Frage beantwortet.',
  fr: 'Je ne sais pas : rien dans les documents ne répond à cette question.',
  es: 'No lo sé: nada en los documentos responde a esta pregunta.',
  it: 'Non lo so: nei documenti non c’è nulla che risponda a questa domanda.',
  pt: 'Não sei: nada nos documentos responde a esta pergunta.',
  nl: 'Dat weet ik niet: in de documenten staat niets dat deze vraag beantwoordt.',
  sv: 'Det vet jag inte: ingenting i dokumenten besvarar frågan.',
  da: 'Det ved jeg ikke: intet i dokumenterne besvarer spørgsmålet.',
  no: 'Det vet jeg ikke: ingenting i dokumentene besvarer spørsmålet.',
  fi: 'En tiedä: asiakirjoissa ei ole mitään, mikä vastaisi tähän kysymykseen.',
  pl: 'Nie wiem: w dokumentach nie ma nic, co odpowiada na to pytanie.',
  cs: 'Nevím: v dokumentech není nic, co by na tuto otázku odpovídalo.',
  tr: 'Bilmiyorum: belgelerde bu soruyu yanıtlayan bir şey yok.',
  ru: 'Я не знаю: в документах нет ответа на этот вопрос.',
  uk: 'Я не знаю: у документах немає відповіді на це запитання.',
  ja: 'わかりません。文書の中に、この質問への答えは見つかりませんでした。',
  zh: '我不知道：文档中没有能回答这个问题的内容。',
  ko: '모르겠습니다. 문서에 이 질문에 대한 답이 없습니다.',
};
const ENGLISH = 'en';

/** What is said where nothing is known, in the language of the question where it is one of these, else in English. */
export function unknownAnswer(language: string | null): string {
  return SENTENCES[language ?? ENGLISH] ?? (SENTENCES[ENGLISH] as string);
}
