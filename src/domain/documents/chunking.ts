/** A passage of a document, as UTF-16 offsets in its text. */
export interface Chunk {
  /** 0, 1, 2, … in the order of the text. */
  readonly ordinal: number;
  /** First code unit of the passage. */
  readonly start: number;
  /** One past its last code unit. `start = end = 0` is the chunk of a document that has a title and no text. */
  readonly end: number;
}

export interface ChunkOptions {
  /** Words that a chunk has at the most; the embedding model's `chunkWords`. */
  readonly words: number;
  /** The document's title. It is put in front of every chunk, so its words count towards each. */
  readonly title?: string | null;
}

/** A stretch of a text, as UTF-16 offsets in it. */
export interface Span {
  readonly start: number;
  readonly end: number;
  /** Length in words; see `weigh`. */
  readonly words: number;
}

/** Texts are segmented in windows, which bounds the work and the memory of the segmenter. */
const WINDOW_LENGTH = 8_000;
/** Characters that count as one word where no spaces tell the words (base64, minified code, Thai). */
const CHARACTERS_PER_WORD = 12;
/** In scripts that write without spaces and in which nearly every character is a token. */
const DENSE_SCRIPT = /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}]/gu;

/** Ends of "sentences" that are abbreviations. */
const ABBREVIATION =
  /(?:^|[\s("'[])(?:e\.g|i\.e|cf|vs|viz|approx|Dr|Mr|Mrs|Ms|Prof|St|Sr|Jr|Gen|Sen|Rep|Lt|Col|Capt|Mt|Fig|Figs|Eq|Sec|Ch|Vol|pp?|ed|al|\p{Lu})\.$/iu;
/** Abbreviations only before a number: "No. 5", but "No. Never." */
const NUMBER_ABBREVIATION = /(?:^|[\s("'[])(?:No|Nos|Nr|Art|Abs)\.$/i;

const sentenceSegmenter = new Intl.Segmenter('en', { granularity: 'sentence' });

/**
 * Cuts a text into passages of at most `words` words that end where sentences do; a passage begins with the last
 * sentence of the one before it where both fit. What has no sentence end within `words` words is cut by size.
 * Takes time and memory in proportion to the length. '' gives one empty chunk where there is a title, else none.
 */
export function chunkText(text: string, { words, title }: ChunkOptions): Chunk[] {
  if (text.trim() === '') return title?.trim() ? [{ ordinal: 0, start: 0, end: 0 }] : [];
  const limit = Math.max(1, Math.ceil(words / 2), words - weigh(title ?? ''));
  const chunks: Chunk[] = [];
  const pending: Span[] = [];
  let pendingWords = 0;
  const flush = () => {
    const first = pending[0];
    const last = pending.at(-1);
    if (first && last) chunks.push({ ordinal: chunks.length, start: first.start, end: last.end });
  };
  for (const span of sentences(text, limit)) {
    if (pending.length > 0 && pendingWords + span.words > limit) {
      flush();
      const overlap = pending.length > 1 ? pending.at(-1) : undefined;
      pending.length = 0;
      pendingWords = 0;
      if (overlap && overlap.words + span.words <= limit) {
        pending.push(overlap);
        pendingWords = overlap.words;
      }
    }
    pending.push(span);
    pendingWords += span.words;
  }
  flush();
  return chunks;
}

/** Whether a text says its title itself, as what extractors make of a source does. */
export function beginsWithTitle(title: string, text: string): boolean {
  return text.trimStart().startsWith(title.trim());
}

/** What is embedded for a passage: the title in front of it, unless the passage begins with it already. */
export function chunkInput(title: string | null, passage: string): string {
  const heading = title?.trim() ?? '';
  if (heading === '' || beginsWithTitle(heading, passage)) return passage;
  return passage === '' ? heading : `${heading}\n${passage}`;
}

/** Sentences without the white space around them, none longer than `limit` words. */
export function* sentences(text: string, limit: number): Generator<Span> {
  let start = -1;
  for (const { end, isFinal } of sentenceEnds(text)) {
    if (start === -1) start = end.from;
    if (!isFinal) continue;
    const span = trimmed(text, start, end.to);
    start = -1;
    if (span === null) continue;
    if (span.words <= limit) yield span;
    else yield* splitBySize(text, span, limit);
  }
}

/** The segmenter's sentences; one that ends in an abbreviation goes on in the next. */
function* sentenceEnds(text: string): Generator<{ end: { from: number; to: number }; isFinal: boolean }> {
  for (let from = 0; from < text.length; ) {
    const to = windowEnd(text, from);
    const window = text.slice(from, to);
    for (const { segment, index } of sentenceSegmenter.segment(window)) {
      const end = { from: from + index, to: from + index + segment.length };
      const isLastOfWindow = end.to === to;
      yield { end, isFinal: isLastOfWindow || !endsInAbbreviation(segment, window.charAt(index + segment.length)) };
    }
    from = to;
  }
}

/** A window ends at a line end, else at a space, else anywhere but within a surrogate pair. */
function windowEnd(text: string, from: number): number {
  const latest = from + WINDOW_LENGTH;
  if (latest >= text.length) return text.length;
  const window = text.slice(from, latest);
  const newline = window.lastIndexOf('\n');
  if (newline > WINDOW_LENGTH / 4) return from + newline + 1;
  const space = window.lastIndexOf(' ');
  if (space > WINDOW_LENGTH / 2) return from + space + 1;
  return isWithinPair(text, latest) ? latest - 1 : latest;
}

function endsInAbbreviation(segment: string, next: string): boolean {
  // Abbreviations are short: the tail of the segment is enough, and keeps this constant in time.
  const tail = segment.slice(-24);
  if (/\n\s*$/.test(tail)) return false;
  const ending = tail.trimEnd();
  return ABBREVIATION.test(ending) || (/\p{N}/u.test(next) && NUMBER_ABBREVIATION.test(ending));
}

function trimmed(text: string, from: number, to: number): Span | null {
  const passage = text.slice(from, to);
  const start = from + passage.length - passage.trimStart().length;
  const end = from + passage.trimEnd().length;
  return start >= end ? null : { start, end, words: weigh(text.slice(start, end)) };
}

/**
 * Length in words. Long words count as several and each character of a dense script as one, so that a limit in words
 * bounds the tokens of any text.
 */
function weigh(text: string): number {
  let words = 0;
  for (const [word] of text.matchAll(/\S+/g)) words += weighWord(word);
  return words;
}

function weighWord(word: string): number {
  const dense = word.match(DENSE_SCRIPT)?.length ?? 0;
  return Math.max(1, dense + Math.floor((word.length - dense) / CHARACTERS_PER_WORD));
}

/** Cuts between words; a word that is too long by itself is cut anywhere but within a surrogate pair. */
function* splitBySize(text: string, span: Span, limit: number): Generator<Span> {
  let start = span.start;
  let end = span.start;
  let words = 0;
  for (const match of text.slice(span.start, span.end).matchAll(/\S+/g)) {
    for (const part of wordParts(text, span.start + match.index, match[0], limit)) {
      if (words > 0 && words + part.words > limit) {
        yield { start, end, words };
        start = part.start;
        words = 0;
      }
      end = part.end;
      words += part.words;
    }
  }
  yield { start, end, words };
}

function* wordParts(text: string, start: number, word: string, limit: number): Generator<Span> {
  const words = weighWord(word);
  if (words <= limit) {
    yield { start, end: start + word.length, words };
    return;
  }
  const isDense = (word.match(DENSE_SCRIPT)?.length ?? 0) > word.length / 4;
  const length = Math.max(2, isDense ? limit : limit * CHARACTERS_PER_WORD);
  for (let from = start; from < start + word.length; ) {
    let to = Math.min(from + length, start + word.length);
    if (isWithinPair(text, to)) to -= 1;
    yield { start: from, end: to, words: limit };
    from = to;
  }
}

function isWithinPair(text: string, offset: number): boolean {
  return /^[\ud800-\udbff][\udc00-\udfff]$/.test(text.slice(offset - 1, offset + 1));
}
