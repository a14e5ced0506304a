import { quotedWords } from '../../conversations/answering/quote.ts';
import type { Citation } from './citation.ts';
import { cite, type EvidenceDocument } from './evidence-document.ts';

/** What a model is shown of a document, under a number. */
export interface NumberedPassage {
  document: EvidenceDocument;
  text: string;
}

/** The documents' sentences as passages, as many as fit. */
export function passagesOf(
  documents: readonly EvidenceDocument[],
  limits: { characters: number; perDocument: number },
): NumberedPassage[] {
  const passages: NumberedPassage[] = [];
  let characters = 0;
  for (const document of documents) {
    const text = passageText(document, limits.perDocument);
    characters += text.length;
    if (characters > limits.characters && passages.length > 0) break;
    if (text !== '') passages.push({ document, text });
  }
  return passages;
}

/** Passages as `AgentTools.write` is given them: their numbers as names, what they are of in front. */
export function namedPassages(passages: readonly NumberedPassage[]): { name: string; text: string }[] {
  return passages.map(({ document: { title, kind, at, author }, text }, i) => {
    const by = author === null ? '' : `, by ${author}`;
    return { name: `passage ${i + 1}`, text: `${title}\n(${kind}, ${at.slice(0, 10)}${by})\n\n${text}` };
  });
}

/** The citation of what a model says it has from a passage; null: there is no such passage, or the quote is not in it. */
export function checkedCitation(
  passages: readonly NumberedPassage[],
  { passage, quote }: { passage: number; quote: string },
): Citation | null {
  const source = passages[passage - 1];
  if (source === undefined) return null;
  // Sentence by sentence, because what lies between two of them in the document is not shown.
  for (const sentence of source.document.sentences) {
    const words = quotedWords(sentence.quote, quote);
    if (words !== null) return cite(source.document, words);
  }
  return null;
}

const FIGURE = /\p{N}(?:[\p{N}.,:]*\p{N})?/gu;
const ADDRESS = /\b(?:https?:\/\/|www\.)\S+|[\p{L}\p{N}._%+-]+@[\p{L}\p{N}.-]+\.\p{L}{2,}/giu;

/** Figures and addresses of a statement that stand in none of the texts: nobody has said them. */
export function unsaidFigures(statement: string, texts: readonly string[]): string[] {
  const known = new Set(texts.flatMap((text) => figuresOf(text)));
  return figuresOf(statement).filter((figure) => !known.has(figure));
}

/** Links and mail addresses of a text. */
export function addressesOf(text: string): string[] {
  return (text.match(ADDRESS) ?? []).map((address) => address.replace(/[.,;:!?)\]>"'”’]+$/u, ''));
}

function figuresOf(text: string): string[] {
  const figures = text.replace(ADDRESS, ' ').match(FIGURE) ?? [];
  // 1,500 and 1 500 and 1500 are one figure.
  return [...addressesOf(text), ...figures.map((figure) => figure.replace(/,(?=\p{N}{3}(?!\p{N}))/gu, ''))];
}

function passageText({ sentences }: EvidenceDocument, characters: number): string {
  const lines: string[] = [];
  let length = 0;
  for (const { quote } of sentences) {
    length += quote.length + 1;
    if (length > characters && lines.length > 0) break;
    lines.push(quote);
  }
  return lines.join('\n');
}
