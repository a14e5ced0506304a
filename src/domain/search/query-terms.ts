import { isIdentifierLexeme } from '../documents/identifiers.ts';

/** A lexeme of a query, and in how many documents of the workspace it stands (estimated where they are many). */
export interface LexemeFrequency {
  lexeme: string;
  frequency: number;
}

/** What the lexical side of a search looks for. */
export interface QueryTerms {
  /** Every document that is looked at is scored by all of these. */
  lexemes: string[];
  /** Weight of each lexeme: rarer words tell more. */
  weights: number[];
  /** A tsquery: documents that have one of the rarest lexemes. */
  candidates: string;
  /** A tsquery: documents that the query names by an identifier; null where it names none. */
  named: string | null;
  /** False where documents that have the commonest lexemes alone are not looked at. */
  coversAllLexemes: boolean;
}

/** Distinct lexemes of a query that are looked up at all: the ones it repeats most, then its first. */
export const MAX_LEXEMES_READ = 128;
/** Lexemes that documents are scored by. */
export const MAX_LEXEMES_SCORED = 64;
/** Scoring costs some 3 µs a document: beyond this many, a further lexeme brings no candidates of its own … */
const MAX_CANDIDATES = 5_000;
/** … unless there would be fewer than this. */
const MIN_CANDIDATES = 500;

/**
 * The lexemes to score by and the ones to find candidates by; null where no document has any of them.
 * @param documents how many the workspace has
 */
export function chooseTerms(frequencies: readonly LexemeFrequency[], documents: number): QueryTerms | null {
  const rarestFirst = frequencies
    .filter(({ frequency }) => frequency > 0)
    .sort((a, b) => a.frequency - b.frequency || (a.lexeme < b.lexeme ? -1 : 1))
    .slice(0, MAX_LEXEMES_SCORED);
  if (rarestFirst.length === 0) return null;
  let expected = 0;
  const candidates = rarestFirst.filter(({ frequency }) => {
    const isWanted = expected < MIN_CANDIDATES || expected + frequency <= MAX_CANDIDATES;
    if (isWanted) expected += frequency;
    return isWanted;
  });
  const named = candidates.filter(({ lexeme }) => isIdentifierLexeme(lexeme));
  return {
    lexemes: rarestFirst.map(({ lexeme }) => lexeme),
    weights: rarestFirst.map(({ frequency }) => inverseFrequency(frequency, documents)),
    candidates: candidates.map(({ lexeme }) => quoteLexeme(lexeme)).join(' | '),
    named: named.length === 0 ? null : named.map(({ lexeme }) => quoteLexeme(lexeme)).join(' | '),
    coversAllLexemes: candidates.length === rarestFirst.length,
  };
}

/** The idf of BM25: https://doi.org/10.1561/1500000019 */
function inverseFrequency(frequency: number, documents: number): number {
  return Math.log(1 + Math.max(0, documents - frequency + 0.5) / (frequency + 0.5));
}

/** A lexeme as tsquery's text form takes it. */
export function quoteLexeme(lexeme: string): string {
  return `'${lexeme.replaceAll('\\', '\\\\').replaceAll("'", "''")}'`;
}
