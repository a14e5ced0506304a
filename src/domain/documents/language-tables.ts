/**
 * How often n-grams come in languages, packed. Imported as the detector's package ships it, one literal with an object for
 * each of 81,000 n-grams, it takes 45 MB of heap, and 85 MB that V8 needed to read it and the C library keeps.
 */
export interface LanguageTables {
  type: string;
  /** ISO 639-1 codes by their number. */
  languages: Readonly<Record<string, string>>;
  /** Where the first pair of an n-gram is. */
  starts: ReadonlyMap<string, number>;
  /** Of each n-gram, for each language that has it: the number of the language, and the score; then `END`. */
  pairs: Uint8Array;
}

/** Scores by the number of a language. */
export type LanguageScores = Record<string, number>;

const HEAD = /\{type:'(\w+)',languages:\{((?:\d+:'\w+',?)+)\},isSubset:false,ngrams:\{/;
const LANGUAGE = /(\d+):'(\w+)'/g;
/** Its name, which may have to stand in quotes, its scores by language, and whether another one follows. */
const NGRAM = /(?:'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)"|([^\s'"{},:]+)):\{([\d:,]+)\}([,}])/y;
const END = 255;

/**
 * Reads the tables from the source of the package's module.
 * @throws Error where its format is another one
 */
export function readTables(source: string): LanguageTables {
  const head = HEAD.exec(source);
  if (head === null) throw unreadable('the beginning');
  const [start, type = '', languages = ''] = head;
  const starts = new Map<string, number>();
  const pairs: number[] = [];
  NGRAM.lastIndex = head.index + start.length;
  for (let follows = ','; follows === ','; ) {
    const found = NGRAM.exec(source);
    if (found === null) throw unreadable(`what follows ${starts.size} n-grams`);
    const [, single, double, bare, scores = ''] = found;
    starts.set(bare ?? (single ?? double ?? '').replaceAll(/\\(.)/g, '$1'), pairs.length);
    for (const value of scores.split(/[:,]/)) pairs.push(Number(value));
    pairs.push(END);
    follows = found[5] ?? '';
  }
  if (pairs.some((value) => value > END)) throw unreadable('a score above 255');
  const codes = Array.from(languages.matchAll(LANGUAGE), ([, number, code]) => [number, code]);
  return { type, languages: Object.fromEntries(codes), starts, pairs: Uint8Array.from(pairs) };
}

/** The scores as the detector reads them, by n-gram: unpacked when one is asked for. */
export function scoresByNgram({ starts, pairs }: LanguageTables): Readonly<Record<string, LanguageScores>> {
  const get = (_: unknown, ngram: string | symbol) => {
    const start = starts.get(ngram as string);
    return start === undefined ? undefined : scoresFrom(pairs, start);
  };
  return new Proxy<Record<string, LanguageScores>>({}, { get });
}

function scoresFrom(pairs: Uint8Array, start: number): LanguageScores {
  const scores: LanguageScores = {};
  for (let i = start; pairs[i] !== END; i += 2) scores[pairs[i] as number] = pairs[i + 1] as number;
  return scores;
}

function unreadable(what: string): Error {
  return new Error(`the tables of the language detector cannot be read: ${what}`);
}
