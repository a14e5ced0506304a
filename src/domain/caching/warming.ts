import { z } from 'zod';
import type { Database } from '../../db/client.ts';
import type { JobContext, JobIdentity } from '../../jobs/define-job.ts';
import type { EmbedInput } from '../gateway/embed-calls.ts';
import { jobCalls, withinAllowance } from '../gateway/job-call.ts';
import type { ModelCall } from '../gateway/model-call.ts';

export const MAX_WARM_TEXTS = 1_000;
/** Texts of one call of the gateway. */
const TEXTS_PER_CALL = 64;

export const WARM_PAYLOAD = z.object({
  texts: z.array(z.string()).max(MAX_WARM_TEXTS),
  apiKeyId: z.string().nullable(),
  userId: z.string().nullable(),
});
export type WarmPayload = z.infer<typeof WARM_PAYLOAD>;

interface WarmingParts {
  database: Database;
  embeddings: { embedTexts(call: ModelCall, input: EmbedInput): Promise<unknown> };
}

/** Embeds texts as the queries they are going to be. What the cache has already costs nothing, so it may run twice. */
export async function warmCache(
  { database, embeddings }: WarmingParts,
  payload: WarmPayload & JobIdentity,
  context: JobContext,
): Promise<{ done: number; failed: number }> {
  const callFor = await jobCalls(database, payload, context.signal);
  if (callFor === null) return { done: 0, failed: 0 };
  const { texts } = payload;
  await withinAllowance(async () => {
    for (let start = 0; start < texts.length; start += TEXTS_PER_CALL) {
      context.signal.throwIfAborted();
      const piece = texts.slice(start, start + TEXTS_PER_CALL);
      await embeddings.embedTexts(callFor('embed'), { texts: piece, purpose: 'query' });
      context.progress(start + piece.length, 0, texts.length);
    }
  });
  return { done: texts.length, failed: 0 };
}
