import { z } from 'zod';
import type { Database } from '../../db/client.ts';
import { defineJob, type JobContext, type JobDefinition, type JobIdentity } from '../../jobs/define-job.ts';
import type { JobQueue } from '../../jobs/queue.ts';
import { WARM_PAYLOAD, type WarmPayload, warmCache } from '../caching/warming.ts';
import type { ClassificationService } from '../classification/classification-service.ts';
import type { EmbeddingService } from '../embeddings/embedding-service.ts';
import { jobCalls, withinAllowance } from '../gateway/job-call.ts';
import type { ModelCall } from '../gateway/model-call.ts';
import { AI_TASKS, type AiTask, type DocumentTasks, type EmbeddingModelOf } from './document-service.ts';
import { findDocuments } from './document-store.ts';

/** Documents that are read and classified together. */
const DOCUMENTS_PER_BATCH = 100;

const PAYLOAD = z.object({
  documentIds: z.array(z.string()).max(1_000),
  tasks: z.array(z.enum(AI_TASKS)),
  /** Whose usage it is. */
  apiKeyId: z.string().nullable(),
  userId: z.string().nullable(),
});
type Payload = z.infer<typeof PAYLOAD>;

export interface DocumentJobParts {
  database: Database;
  embeddings: EmbeddingService;
  classifications: ClassificationService;
  embeddingModelOf: EmbeddingModelOf;
}

/** The jobs that have models work on written documents; `embed` also takes texts that are no document's. */
export function documentJobs(parts: DocumentJobParts): {
  embed: JobDefinition<Payload | WarmPayload>;
  process: JobDefinition<Payload>;
} {
  const run = (payload: Payload & JobIdentity, context: JobContext) => runTasks(parts, payload, context);
  return {
    embed: defineJob<Payload | WarmPayload>({
      kind: 'EMBED',
      schema: z.union([WARM_PAYLOAD, PAYLOAD]),
      run: (payload, context) =>
        'texts' in payload ? warmCache(parts, payload, context) : runTasks(parts, payload, context),
    }),
    process: defineJob({ kind: 'PROCESS_DOCUMENTS', schema: PAYLOAD, run }),
  };
}

/** What an upsert enqueues. */
export class QueuedDocumentTasks implements DocumentTasks {
  readonly #queue: JobQueue;
  readonly #jobs: ReturnType<typeof documentJobs>;

  constructor(queue: JobQueue, jobs: ReturnType<typeof documentJobs>) {
    this.#queue = queue;
    this.#jobs = jobs;
  }

  enqueue: DocumentTasks['enqueue'] = (scope, { documentIds, tasks, caller }) => {
    const onlyEmbeds = tasks.every((task) => task === 'EMBED');
    const job = onlyEmbeds ? this.#jobs.embed : this.#jobs.process;
    return this.#queue.enqueue(scope, job, { documentIds, tasks, apiKeyId: caller.apiKeyId, userId: caller.userId });
  };
}

async function runTasks(
  parts: DocumentJobParts,
  payload: Payload & JobIdentity,
  context: JobContext,
): Promise<{ done: number; failed: number }> {
  const callFor = await jobCalls(parts.database, payload, context.signal);
  if (callFor === null) return { done: 0, failed: 0 };
  const total = payload.documentIds.length * payload.tasks.length;
  let done = 0;
  let failed = 0;
  await withinAllowance(async () => {
    for (const task of orderedTasks(payload.tasks)) {
      const before = done;
      if (task === 'EMBED') {
        const embedded = await parts.embeddings.embedDocuments(callFor('embed'), payload.documentIds, (progress) =>
          context.progress(before + progress.done, progress.failed, total),
        );
        done += embedded.done;
        failed += embedded.failed;
        continue;
      }
      for (let start = 0; start < payload.documentIds.length; start += DOCUMENTS_PER_BATCH) {
        const ids = payload.documentIds.slice(start, start + DOCUMENTS_PER_BATCH);
        await classify(parts, callFor(OPERATION_OF_TASK[task]), task, ids);
        done += ids.length;
        context.progress(done, failed, total);
      }
    }
  });
  context.progress(done, failed, total);
  return { done, failed };
}

const OPERATION_OF_TASK = { CLASSIFY: 'classify', SENTIMENT: 'sentiment', INTENT: 'intent' } as const;

/** Vectors first: what classifies needs the same texts. */
function orderedTasks(tasks: readonly AiTask[]): AiTask[] {
  return AI_TASKS.filter((task) => tasks.includes(task));
}

async function classify(
  parts: DocumentJobParts,
  call: ModelCall,
  task: Exclude<AiTask, 'EMBED'>,
  ids: readonly string[],
): Promise<void> {
  const workspaceId = call.caller.workspace.id;
  const model = await parts.embeddingModelOf(workspaceId);
  const documents = await parts.database.withWorkspace(workspaceId, (scope) => findDocuments(scope, ids, model));
  if (task === 'SENTIMENT') await parts.classifications.sentimentsOf(call, documents, 'throw');
  else
    await parts.classifications.classifyDocuments(call, documents, task === 'INTENT' ? 'intent' : 'feedback', 'throw');
}
