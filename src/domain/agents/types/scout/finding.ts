import type { JsonObject } from '../../../../shared/json.ts';
import type { SignalType } from '../../../insights/signal.ts';

/** A sentence of a text, with offsets in it. */
export interface Sentence {
  readonly text: string;
  readonly start: number;
  readonly place: number;
}

/** What a rule reads beside the sentence. */
export interface RuleContext {
  /** Names of the companies that ours is compared with, as the texts spell them. */
  readonly competitors: readonly string[];
  /** The sentence before, or ''. */
  readonly before: string;
  /** The sentence after, or ''. */
  readonly after: string;
}

/** A place in a sentence where a rule sees its kind of signal. Guards and attribution look around it. */
export interface Match {
  readonly type: SignalType;
  /** What the sentence says of it: an amount, a role, a place. */
  readonly facts: JsonObject;
  /** The words that say that it happens, as offsets in the sentence. */
  readonly start: number;
  readonly end: number;
  /** 0 to 100: how sure the words alone are. */
  readonly certainty: number;
  /** Objections of the guards that do not hold for this one. */
  readonly allows?: readonly Objection[];
  /** Counts only where a known company is named: between `start` and `end`, or anywhere in the sentence and beside it. */
  readonly named?: 'within' | 'beside';
}

/** Why a match is no signal after all. */
export type Objection =
  | 'negated'
  | 'hypothetical'
  | 'question'
  | 'past'
  | 'policy'
  | 'generic'
  | 'instruction'
  | 'sells';

export type Rule = (sentence: string, context: RuleContext) => Match[];

/** The first match of a pattern at or after an offset, with its named groups. */
export function firstMatch(
  pattern: RegExp,
  text: string,
  from = 0,
): { start: number; end: number; groups: Groups } | null {
  const found = pattern.exec(from === 0 ? text : text.slice(from));
  if (found === null) return null;
  const start = from + found.index;
  return { start, end: start + found[0].length, groups: found.groups ?? {} };
}

type Groups = Readonly<Record<string, string | undefined>>;

/** Facts that are known: those without a value are left out. */
export function knownFacts(facts: Readonly<Record<string, string | number | boolean | null | undefined>>): JsonObject {
  const known: JsonObject = {};
  for (const [name, value] of Object.entries(facts)) {
    if (value !== null && value !== undefined && value !== '') known[name] = value;
  }
  return known;
}

/** A certainty with so many points for what else is known, 97 at the most. */
export function certainty(base: number, ...points: readonly [boolean, number][]): number {
  return Math.max(
    0,
    Math.min(
      97,
      points.reduce((sum, [holds, worth]) => sum + (holds ? worth : 0), base),
    ),
  );
}
