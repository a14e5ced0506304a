import { ProviderError } from '../../plugins/errors.ts';
import { isProviderFailure, ProviderFailedError } from './errors.ts';
import type { Attempt } from './generation.ts';

/** Texts in one question. */
const BATCH_TEXTS = 10;
/** Questions under way at a time, of one caller. */
const BATCHES_AT_ONCE = 3;

/** What one question brought: an answer for each of its texts, null where the model passed it over. */
export interface Reply<Said> {
  said: readonly (Said | null)[];
  attempts: readonly Attempt[];
}

/** What became of some texts. */
export interface Replies<Said> {
  /** In the order of the texts; null: there is no answer. */
  said: readonly (Said | null)[];
  /** Why there are some without one; null where there are none. */
  failure: unknown;
}

/**
 * Asks a model that writes about texts, ten a question. A text that an answer passes over is asked for once more, by
 * itself. What fails is told beside what was said; what is no provider's fault ends it, because it would happen to all
 * others too.
 */
export async function askInBatches<Text, Said>(
  texts: readonly Text[],
  ask: (batch: readonly Text[]) => Promise<Reply<Said>>,
): Promise<Replies<Said>> {
  const said: (Said | null)[] = texts.map(() => null);
  let failure: unknown = null;
  const askFor = async (places: readonly number[]): Promise<void> => {
    if (failure !== null && !isProviderFailure(failure)) return;
    let reply: Reply<Said>;
    try {
      reply = await ask(places.map((place) => texts[place] as Text));
    } catch (error) {
      if (failure === null || !isProviderFailure(error)) failure = error;
      return;
    }
    for (const [i, place] of places.entries()) said[place] = reply.said[i] ?? null;
    const missing = places.filter((place) => said[place] === null);
    if (places.length > 1) {
      for (const place of missing) await askFor([place]);
    } else if (missing.length > 0) {
      const passedOver = new ProviderError('malformed', 'the model passed over a text that it was asked for alone');
      failure ??= new ProviderFailedError(reply.attempts, passedOver);
    }
  };
  const batches: number[][] = [];
  for (let start = 0; start < texts.length; start += BATCH_TEXTS) {
    batches.push([...texts.keys()].slice(start, start + BATCH_TEXTS));
  }
  const queue = batches.values();
  const work = async () => {
    for (const batch of queue) await askFor(batch);
  };
  await Promise.all(Array.from({ length: BATCHES_AT_ONCE }, work));
  return { said, failure };
}

/** Key of the text at a place, in questions and answers. */
export function documentKey(place: number): string {
  return `d${place + 1}`;
}

/**
 * The answer to each of so many texts, by its key. Two answers to one question are none: which of them is meant, nobody
 * can tell.
 */
export function answersByKey<Said extends { document: string }>(
  answers: readonly Said[],
  textCount: number,
): (Said | null)[] {
  return Array.from({ length: textCount }, (_, place) => {
    const [first, second] = answers.filter(({ document }) => document === documentKey(place));
    return first === undefined || second !== undefined ? null : first;
  });
}
