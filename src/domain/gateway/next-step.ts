import type { ProviderError } from '../../plugins/errors.ts';
import type { CatalogModel } from './model-catalog.ts';
import type { Route } from './router.ts';

const FIRST_BACKOFF_MS = 200;
const MAX_BACKOFF_MS = 5_000;
/** A provider that asks for a longer pause is not waited for where there is another one. */
const PATIENCE_MS = 1_000;
/** Nor anywhere, when it asks for more than this: the caller is told when to come again. */
const MAX_WAIT_MS = 30_000;

/** What to do after a try has failed. */
export type NextStep = { kind: 'again'; waitMs: number } | { kind: 'other' } | { kind: 'stop' };

/**
 * The same request goes to the same provider again only after failures that may pass, with full jitter and not before
 * the provider asked for. Another provider is tried after everything but a content filter's verdict, which is an answer.
 * @param tries at this target so far
 * @param hasBegun whether a part of the answer had come: then the whole answer is lost with it, and another provider is
 * the better choice
 */
export async function nextStep(
  error: ProviderError,
  target: CatalogModel,
  route: Route,
  { tries, hasBegun }: { tries: number; hasBegun: boolean },
): Promise<NextStep> {
  if (error.kind === 'content_filter') return { kind: 'stop' };
  const hasOther = await route.hasMore();
  const elsewhere: NextStep = hasOther ? { kind: 'other' } : { kind: 'stop' };
  const { retries, health } = target.live;
  if (!error.retryable || tries > retries || health.waitMs > 0) return elsewhere;
  // Silence has cost its time limit already.
  if (hasOther && (hasBegun || error.kind === 'timeout')) return elsewhere;
  const asked = error.retryAfterMs ?? 0;
  if (asked > (hasOther ? PATIENCE_MS : MAX_WAIT_MS)) return elsewhere;
  const ceiling = Math.min(MAX_BACKOFF_MS, FIRST_BACKOFF_MS * 2 ** (tries - 1));
  return { kind: 'again', waitMs: asked + Math.random() * ceiling };
}
