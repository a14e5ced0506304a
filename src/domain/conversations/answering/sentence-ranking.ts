import { type ReadQuestion, tellingStems } from './question.ts';
import { hasWanted, lacksWanted } from './wanted-kind.ts';

/** How well a sentence answers a question. */
export interface RankedSentence {
  /** Its place among those that were given. */
  readonly place: number;
  /** 0..1: by words, meaning and kind together. */
  readonly score: number;
  /** Share of the question's words that it has, 0..1: rare ones count for more, those of its context for less. */
  readonly coverage: number;
}

/** A sentence that is to be judged. */
export interface JudgedSentence {
  readonly text: string;
  /** What it goes on from: the title of its document, the sentence before it. */
  readonly context: string;
  /**
   * Likeness of its vector and the question's, 0..1, on the scale of a space in which texts of one meaning have .73;
   * null where it has no vector.
   */
  readonly similarity: number | null;
  /** How well its passage was found, 0..1. */
  readonly passageScore: number;
}

/** By the development half of TREC QA, where all shares near these do as well: see docs/decisions/0019. */
const WORDS_SHARE = 0.5;
const MEANING_SHARE = 0.25;
const KIND_SHARE = 0.15;
const PASSAGE_SHARE = 0.1;
/** What a word counts that only the context has. */
const CONTEXT_WORTH = 0.6;
/** Telling words beyond which each further one makes a sentence a little less of an answer. */
const COMFORTABLE_WORDS = 30;
/** A sentence with fewer telling words is a heading or a greeting. */
const FEW_WORDS = 3;
const FEW_WORDS_FACTOR = 0.5;
/** A field of a form, such as "Tags: export", says little by itself. */
const FIELD_FACTOR = 0.6;
/** Who holds an office, how long, how much money: a sentence that has nothing of it does not say so. */
const LACKING_FACTOR = 0.55;
/** An answer that asks is none. */
const QUESTION_FACTOR = 0.4;

/** What the words of a question weigh among so many texts: rare ones more. */
export function termWeights(question: ReadQuestion, texts: readonly (readonly string[])[]): Map<string, number> {
  const weights = new Map<string, number>();
  const sets = texts.map((terms) => new Set(terms));
  for (const term of question.terms) {
    const holding = sets.filter((terms) => terms.has(term)).length;
    weights.set(term, Math.log(1 + (texts.length + 1) / (holding + 0.5)));
  }
  return weights;
}

/** Share of the weight of a question's words that a text has; what only `context` has counts for less. */
export function coverageOf(
  weights: ReadonlyMap<string, number>,
  terms: ReadonlySet<string>,
  context: ReadonlySet<string> = new Set(),
): number {
  let covered = 0;
  let total = 0;
  for (const [term, weight] of weights) {
    total += weight;
    if (terms.has(term)) covered += weight;
    else if (context.has(term)) covered += weight * CONTEXT_WORTH;
  }
  return total === 0 ? 0 : covered / total;
}

/** Sentences by how well they answer a question, best first. */
export function rankSentences(question: ReadQuestion, sentences: readonly JudgedSentence[]): RankedSentence[] {
  const terms = sentences.map(({ text }) => tellingStems(text));
  const weights = termWeights(question, terms);
  return sentences
    .map((sentence, place) => {
      const own = terms[place] as string[];
      const coverage = coverageOf(weights, new Set(own), new Set(tellingStems(sentence.context)));
      const { similarity, passageScore } = sentence;
      const sum =
        WORDS_SHARE * coverage +
        MEANING_SHARE * (similarity ?? coverage) +
        KIND_SHARE * hasWanted(sentence.text, question) +
        PASSAGE_SHARE * passageScore;
      const lacking = lacksWanted(sentence.text, question) ? LACKING_FACTOR : 1;
      return { place, score: sum * shapeFactor(sentence.text, own) * lacking, coverage };
    })
    .sort((left, right) => right.score - left.score || left.place - right.place);
}

/** Whether a line is a name with its value. */
export function isField(line: string): boolean {
  return /^\p{Lu}[\p{L} ]{1,30}: .{1,80}$/u.test(line) && !/[.!?]$/.test(line);
}

function shapeFactor(text: string, terms: readonly string[]): number {
  const asking = /\?["'”’)]*\s*$/u.test(text) ? QUESTION_FACTOR : 1;
  const few = terms.length < FEW_WORDS ? FEW_WORDS_FACTOR : isField(text) ? FIELD_FACTOR : 1;
  const long = terms.length > COMFORTABLE_WORDS ? (COMFORTABLE_WORDS / terms.length) ** 0.5 : 1;
  return asking * few * long;
}
