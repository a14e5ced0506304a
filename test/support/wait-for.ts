import { setTimeout as sleep } from 'node:timers/promises';

const POLL_INTERVAL_MS = 20;
/** Generous, as the limit of a whole test: a busy machine is no fault of the code. */
const TIMEOUT_MS = 50_000;

/**
 * Asks again and again until the answer is neither false, null nor undefined.
 * @param expectation what is waited for, as the end of the sentence "waited 50000 ms for …"
 * @returns that answer
 * @throws after `timeoutMs`, with the last error of `poll` as its cause where there was one
 */
export async function waitFor<Answer>(
  expectation: string,
  poll: () => Answer | Promise<Answer>,
  timeoutMs = TIMEOUT_MS,
): Promise<Exclude<Answer, false | null | undefined>> {
  const deadline = performance.now() + timeoutMs;
  let lastError: unknown;
  do {
    try {
      const answer = await withDeadline(poll, deadline);
      lastError = undefined;
      if (answer !== false && answer !== null && answer !== undefined) {
        return answer as Exclude<Answer, false | null | undefined>;
      }
    } catch (error) {
      lastError = error;
    }
    await sleep(POLL_INTERVAL_MS);
  } while (performance.now() < deadline);
  throw new Error(`waited ${timeoutMs} ms for ${expectation}`, lastError === undefined ? {} : { cause: lastError });
}

/** One poll that never answers must not outlast the deadline. */
async function withDeadline<Answer>(poll: () => Answer | Promise<Answer>, deadline: number): Promise<Answer> {
  const timer = new AbortController();
  const expiry = sleep(Math.max(0, deadline - performance.now()), undefined, { signal: timer.signal }).then(() => {
    throw new Error('the last look did not come back');
  });
  try {
    return await Promise.race([poll(), expiry]);
  } finally {
    timer.abort();
    expiry.catch(() => undefined);
  }
}
