/** A stretch of a source, as UTF-16 offsets in it. */
export interface QuoteSpan {
  start: number;
  end: number;
}

/** Fewer letters and digits are found in every text. */
const MIN_SIGNS = 4;
/** What is longer is cut at a word: it is to show where something stands, not to copy it out. */
export const QUOTE_MAX_CHARACTERS = 600;

const LOOK_ALIKES: ReadonlyMap<string, string> = new Map([
  ...[...'“”„‟«»″＂'].map((sign): [string, string] => [sign, '"']),
  ...[...'‘’‚‛‹›′`´＇'].map((sign): [string, string] => [sign, "'"]),
  ...[...'‐‑‒–—―−'].map((sign): [string, string] => [sign, '-']),
]);
const INVISIBLE = /[\u00ad\u200b-\u200d\u2060\ufeff]/;

/**
 * Where a quote stands in a source: its words and signs in their order, whatever white space, quotation marks, dashes and
 * letter cases the two are written with. Null where it does not stand there, or says too little to be looked for.
 */
export function findQuote(source: string, quote: string): QuoteSpan | null {
  const wanted = folded(unwrapped(quote)).text;
  if ((wanted.match(/[\p{L}\p{N}]/gu)?.length ?? 0) < MIN_SIGNS) return null;
  const { text, offsets } = folded(source);
  const at = text.indexOf(wanted);
  if (at === -1) return null;
  const start = offsets[at] as number;
  const last = offsets[at + wanted.length - 1] as number;
  return shortened(source, { start, end: last + (isHighSurrogate(source, last) ? 2 : 1) });
}

/** The words of the source at a quote, letter by letter; null where it is not there. */
export function quotedWords(source: string, quote: string): string | null {
  const span = findQuote(source, quote);
  return span === null ? null : source.slice(span.start, span.end);
}

/** A stretch no longer than a quote may be, cut at white space where there is some. */
export function shortened(source: string, { start, end }: QuoteSpan): QuoteSpan {
  if (end - start <= QUOTE_MAX_CHARACTERS) return { start, end };
  const latest = start + QUOTE_MAX_CHARACTERS;
  const space = source.slice(start, latest).search(/\s\S*$/);
  if (space > QUOTE_MAX_CHARACTERS / 2) return { start, end: start + space };
  return { start, end: isHighSurrogate(source, latest - 1) ? latest - 1 : latest };
}

/** Without the marks that say that it is one. */
function unwrapped(quote: string): string {
  return quote
    .trim()
    .replace(/^(?:\.{3}|…)\s*|\s*(?:\.{3}|…)$/g, '')
    .replace(/^["“„«']+|["”“»']+$/g, '')
    .replace(/^(?:\.{3}|…)\s*|\s*(?:\.{3}|…)$/g, '')
    .trim();
}

/** A text in one spelling, with the place in the text of each of its code units. */
function folded(text: string): { text: string; offsets: number[] } {
  const offsets: number[] = [];
  let spelled = '';
  let hasSpace = false;
  for (let at = 0; at < text.length; at++) {
    const sign = text[at] as string;
    if (/\s/.test(sign)) {
      hasSpace = spelled !== '';
      continue;
    }
    if (INVISIBLE.test(sign)) continue;
    if (hasSpace) {
      spelled += ' ';
      offsets.push(at - 1);
      hasSpace = false;
    }
    const lower = sign.toLowerCase();
    spelled += LOOK_ALIKES.get(sign) ?? (lower.length === 1 ? lower : sign);
    offsets.push(at);
  }
  return { text: spelled, offsets };
}

function isHighSurrogate(text: string, at: number): boolean {
  return /[\ud800-\udbff]/.test(text.charAt(at)) && /[\udc00-\udfff]/.test(text.charAt(at + 1));
}
