/** A piece that so many texts share, word by word, was not written for any of them. */
const MIN_TEXTS = 4;
const MIN_SHARE = 0.01;
/** Shorter ones are said by many people in earnest, but as the headings and the answers of a form. */
const MIN_LETTERS = 8;
/** Lines, and what a form asks before the colon. */
const PIECE = /[^\n:]+(?::(?=\s)|:$|\n+|$)?/gmu;
const HEADING = /^\s*(?:#{1,6}\s|\*\*[^*]+\*\*\s*$)/u;
/** So many words in a row are the same in several texts where they were copied, however their lines are broken. */
const RUN_WORDS = 8;
const MIN_SHARE_OF_RUNS = 0.005;
const WORD = /\p{L}+/gu;

interface Piece {
  text: string;
  letters: string;
  isHeading: boolean;
  /** What stands before a colon: it says what the rest of the line is. */
  isLabel: boolean;
}

/**
 * Texts without what a form, a template or a signature has put into them: they name what was asked, not what was
 * answered. A text that would be left empty stays as it is.
 */
export function withoutBoilerplate(texts: readonly string[]): string[] {
  const answered = withoutForms(texts);
  const told = withoutCopies(answered);
  return texts.map((text, i) => [told[i], answered[i]].find((part) => lettersOf(part ?? '') !== '') ?? text);
}

function withoutForms(texts: readonly string[]): string[] {
  const pieces = texts.map((text) => (text.match(PIECE) ?? []).map(pieceOf));
  const counts = new Map<string, number>();
  for (const own of pieces) {
    if (own.length < 2) continue;
    for (const letters of new Set(own.map((piece) => piece.letters)))
      counts.set(letters, (counts.get(letters) ?? 0) + 1);
  }
  const most = Math.max(MIN_TEXTS, texts.length * MIN_SHARE);
  const isCommon = ({ letters }: Piece) => (counts.get(letters) ?? 0) >= most;
  return pieces.map((own) => {
    const isForm = own.some((piece) => piece.isHeading && isCommon(piece));
    const isMeant = (piece: Piece, i: number) =>
      !isForm && !piece.isLabel && own[i - 1]?.isLabel !== true && piece.letters.length < MIN_LETTERS;
    const kept = own.filter((piece, i) => !isCommon(piece) || isMeant(piece, i));
    return kept.map(({ text }) => text).join('\n');
  });
}

/** Two pieces are the same where their letters are: numbers, marks and spaces differ from form to form. */
function pieceOf(text: string): Piece {
  return { text, letters: lettersOf(text), isHeading: HEADING.test(text), isLabel: text.endsWith(':') };
}

/** A line's end stands in place of words that were copied, so that no phrase reaches over them. */
function withoutCopies(texts: readonly string[]): string[] {
  const words = texts.map((text) => [...text.matchAll(WORD)]);
  const runs = words.map(runsOf);
  const counts = new Map<string, number>();
  for (const own of runs) for (const run of new Set(own)) counts.set(run, (counts.get(run) ?? 0) + 1);
  const most = Math.max(MIN_TEXTS, texts.length * MIN_SHARE_OF_RUNS);
  return texts.map((text, i) => {
    const own = words[i] ?? [];
    let told = '';
    let end = 0;
    for (const [place, run] of (runs[i] ?? []).entries()) {
      if ((counts.get(run) ?? 0) < most) continue;
      const last = own[place + RUN_WORDS - 1] as RegExpExecArray;
      told += `${text.slice(end, Math.max(end, own[place]?.index ?? 0))}\n`;
      end = last.index + last[0].length;
    }
    return told + text.slice(end);
  });
}

function runsOf(words: readonly RegExpExecArray[]): string[] {
  const lower = words.map(([word]) => word.toLowerCase());
  const count = Math.max(0, lower.length - RUN_WORDS + 1);
  return Array.from({ length: count }, (_, place) => lower.slice(place, place + RUN_WORDS).join(' '));
}

function lettersOf(text: string): string {
  return text.toLowerCase().replace(/[^\p{L}]+/gu, '');
}
