/** By ISO 639-1. */
const SENTENCES: Readonly<Record<string, string>> = {
  en: 'I do not know: the documents say nothing that answers this.',
  de: 'Das weiß ich nicht: In den Dokumenten steht nichts, was diese Frage beantwortet.',
  fr: 'Je ne sais pas : rien dans les documents ne répond à cette question.',
  es: 'No lo sé: nada en los documentos responde a esta pregunta.',
  it: 'Non lo so: nei documenti non c’è nulla che risponda a questa domanda.',
  pt: 'Não sei: nada nos documentos responde a esta pergunta.',
  nl: 'Dat weet ik niet: in de documenten staat niets dat deze vraag beantwoordt.',
};
const ENGLISH = 'en';

/** What is said where nothing is known, in the language of the question where that is one of seven, else in English. */
export function unknownAnswer(language: string | null): string {
  return SENTENCES[language ?? ENGLISH] ?? (SENTENCES[ENGLISH] as string);
}
