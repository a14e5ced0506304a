import { z } from 'zod';
import { defineJob, type JobDefinition } from '../../jobs/define-job.ts';
import { jobCalls } from '../gateway/job-call.ts';
import { type ConversationParts, ConversationSummaries } from './conversation-summaries.ts';
import { ImportRun, type ImportRunParts } from './import-run.ts';

/** Each goes on from the checkpoint of the one before it, so that a killed one has lost little. */
export const IMPORT_ATTEMPTS = 20;

const PAYLOAD = z.object({
  importId: z.string(),
  /** First the records; then, of conversations, their summaries, in a job of their own. */
  phase: z.enum(['records', 'conversations']),
  apiKeyId: z.string().nullable(),
  userId: z.string().nullable(),
});
export type ImportPayload = z.infer<typeof PAYLOAD>;

/** The job that stores the records of a file, and the one that sums up its conversations. */
export function importJob(parts: ImportRunParts & ConversationParts): JobDefinition<ImportPayload> {
  return defineJob({
    kind: 'IMPORT',
    queue: 'batch',
    schema: PAYLOAD,
    run: async (payload, context) => {
      const callFor = await jobCalls(parts.database, payload, context.signal);
      if (callFor === null) return { gone: true };
      return payload.phase === 'records'
        ? new ImportRun(parts, payload, callFor('embed').caller, context).run()
        : new ConversationSummaries(parts, callFor, context).run(payload.importId);
    },
  });
}
