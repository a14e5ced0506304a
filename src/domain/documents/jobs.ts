import { z } from 'zod';
import type { WorkspaceScope } from '../../db/workspace-scope.ts';
import {
  defineJob,
  type JobContext,
  type JobDefinition,
  type JobIdentity,
  type JobKind,
} from '../../jobs/define-job.ts';
import type { EnqueueOptions, JobQueue } from '../../jobs/queue.ts';
import { WARM_PAYLOAD, type WarmPayload, warmCache } from '../caching/warming.ts';
import type { AiTask, DocumentTasks } from './document-service.ts';
import { type DocumentTaskParts, DocumentTaskWork } from './document-tasks.ts';
import { PROCESS_PAYLOAD, type ProcessPayload } from './process-payload.ts';
import { ProcessRun } from './process-run.ts';
import { followedUp } from './process-store.ts';

/** Kinds of job that have models work on documents: one task alone, several, or the vectors that are missing. */
const KINDS = ['EMBED', 'CLASSIFY', 'SENTIMENT', 'INTENT', 'PROCESS_DOCUMENTS', 'BACKFILL_EMBEDDINGS'] as const;
type Kind = (typeof KINDS)[number];

/** What tries a task again that failed at some documents. */
const FOLLOW_UP_KIND: Readonly<Record<AiTask, Kind>> = {
  ...{ EMBED: 'EMBED', CLASSIFY: 'CLASSIFY', SENTIMENT: 'SENTIMENT', INTENT: 'INTENT' },
  SUMMARISE: 'PROCESS_DOCUMENTS',
  THEMES: 'PROCESS_DOCUMENTS',
};

export interface DocumentJobParts extends DocumentTaskParts {
  queue: JobQueue;
}

export interface DocumentJobs {
  /** Also takes texts that are no document's. */
  embed: JobDefinition<ProcessPayload | WarmPayload>;
  /** Of work on documents, by kind. */
  of(kind: Kind): JobDefinition<ProcessPayload>;
  /** All of them, for a worker. */
  definitions: JobDefinition[];
}

/** The jobs that have models work on documents. */
export function documentJobs(parts: DocumentJobParts): DocumentJobs {
  const run = (payload: ProcessPayload & JobIdentity, context: JobContext) =>
    new ProcessRun({ ...parts, tasks, followUp }, payload, context).run();
  const tasks = new DocumentTaskWork(parts);
  const embed = defineJob<ProcessPayload | WarmPayload>({
    kind: 'EMBED',
    schema: z.union([WARM_PAYLOAD, PROCESS_PAYLOAD]),
    run: (payload, context) => ('texts' in payload ? warmCache(parts, payload, context) : run(payload, context)),
  });
  const jobs = new Map<JobKind, JobDefinition<ProcessPayload>>(
    KINDS.filter((kind) => kind !== 'EMBED').map((kind) => {
      const queue = kind === 'BACKFILL_EMBEDDINGS' ? 'batch' : 'standard';
      return [kind, defineJob({ kind, queue, schema: PROCESS_PAYLOAD, run })];
    }),
  );
  jobs.set('EMBED', embed as JobDefinition<ProcessPayload>);
  const of = (kind: Kind) => jobs.get(kind) as JobDefinition<ProcessPayload>;
  /** One job for all documents that a page failed at, without those that another one tries already. */
  const followUp = async (
    scope: WorkspaceScope,
    { model, batchSize, priority, apiKeyId, userId }: ProcessPayload,
    task: AiTask,
    documentIds: readonly string[],
  ) => {
    const kind = FOLLOW_UP_KIND[task];
    const known = await followedUp(scope, kind, { task, model }, documentIds);
    const left = documentIds.filter((id) => !known.has(id));
    if (left.length === 0) return;
    const payload = {
      documentIds: left,
      tasks: [task],
      isFollowUp: true,
      model,
      batchSize,
      priority,
      apiKeyId,
      userId,
    };
    await parts.queue.enqueue(scope, of(kind), payload, priorityOf(payload));
  };
  return { embed, of, definitions: [...jobs.values()] as unknown as JobDefinition[] };
}

/** Enqueues work on documents, in the transaction that writes them or says which they are. */
export class QueuedDocumentTasks implements DocumentTasks {
  readonly #queue: JobQueue;
  readonly #jobs: DocumentJobs;

  constructor(queue: JobQueue, jobs: DocumentJobs) {
    this.#queue = queue;
    this.#jobs = jobs;
  }

  enqueue: DocumentTasks['enqueue'] = (scope, { documentIds, tasks, caller }) => {
    const onlyEmbeds = tasks.every((task) => task === 'EMBED');
    const { apiKeyId, userId } = caller;
    return this.start(scope, onlyEmbeds ? 'EMBED' : 'PROCESS_DOCUMENTS', { documentIds, tasks, apiKeyId, userId });
  };

  /** Enqueues a job of this kind. Returns its id. */
  start(scope: WorkspaceScope, kind: Kind, payload: ProcessPayload): Promise<string> {
    return this.#queue.enqueue(scope, this.#jobs.of(kind), payload, priorityOf(payload));
  }
}

function priorityOf({ priority }: ProcessPayload): EnqueueOptions {
  return priority === undefined ? {} : { priority };
}
