import { type Job, type JobProgress, progressOf } from '../../domain/queues/job.ts';
import { attemptsOf, type JobAttempt } from '../../domain/queues/job-attempts.ts';
import type { JobKind } from '../../jobs/define-job.ts';
import type { JobStatus } from '../../jobs/job-store.ts';
import { builder } from '../builder.ts';
import { describedValues } from '../described-values.ts';
import { PAGE_ARGS, pageComplexity } from '../page-args.ts';
import { pageById } from '../paging.ts';

export const JobKindEnum = builder.enumType('JobKind', {
  description: 'What a job does.',
  values: describedValues<JobKind>({
    EMBED: 'Gives documents their vectors.',
    CLASSIFY: 'Gives documents their labels.',
    SENTIMENT: 'Finds out how documents feel.',
    INTENT: 'Finds out what documents are after.',
    THEMES: 'Finds what many documents have in common.',
    PROCESS_DOCUMENTS: 'Several tasks over documents.',
    BACKFILL_EMBEDDINGS: 'Gives vectors to documents that lack them.',
    IMPORT: 'Reads a file.',
    AGENT_RUN: 'Runs an agent.',
    GENERATE: 'Writes an answer.',
    DAILY_REPORT: 'Sums up a day.',
    MAINTENANCE: 'Keeps the house in order.',
  }),
});

export const QueueNameEnum = builder.enumType('QueueName', {
  description: 'Where a job waits.',
  values: describedValues<Job['queue']>({
    HIGH: 'Priority 8 and more; retried after 2, 4 and 8 seconds.',
    STANDARD: 'Retried after 1, 2 and 4 minutes.',
    BATCH: 'Large work that may take its time; retried after 1, 2 and 4 minutes.',
    DEAD_LETTER: 'Jobs that were given up.',
  }),
});

export const JobStatusEnum = builder.enumType('JobStatus', {
  description: 'How far a job is.',
  values: describedValues<JobStatus>({
    QUEUED: 'Waits for a worker.',
    RUNNING: 'Is being worked on.',
    RETRYING: 'Failed, and waits for its next attempt at `nextAttemptAt`.',
    COMPLETED: 'Done.',
    FAILED: 'Failed, and will not be tried again.',
    CANCELLED: 'Was cancelled.',
    DEAD: 'Used up its attempts; `error` says why.',
  }),
});

export const JobProgressType = builder.objectRef<JobProgress>('JobProgress').implement({
  description: 'How much of a job is done.',
  fields: (t) => ({
    done: t.exposeInt('done', { description: 'Items done.' }),
    failed: t.exposeInt('failed', { description: 'Items that could not be done.' }),
    total: t.exposeInt('total', { nullable: true, description: 'Items there are; null while that is not known.' }),
    fraction: t.float({
      nullable: true,
      description: '0..1; null while the total is unknown.',
      resolve: ({ done, failed, total }) =>
        total === null ? null : total === 0 ? 1 : Math.min(1, (done + failed) / total),
    }),
    ratePerSecond: t.exposeFloat('ratePerSecond', {
      nullable: true,
      description:
        'Items a second: over the last 15 seconds while it runs, on average when it is over; null where there is nothing to measure.',
    }),
    etaSeconds: t.exposeFloat('etaSeconds', {
      nullable: true,
      description: 'Seconds still to go at this rate; null where it cannot be told.',
    }),
    message: t.exposeString('message', {
      nullable: true,
      description: 'Why it waits or failed; null where all is well.',
    }),
  }),
});

const JobAttemptType = builder.objectRef<JobAttempt>('JobAttempt').implement({
  description: 'One attempt at a job.',
  fields: (t) => ({
    number: t.exposeInt('number', { description: '1 for the first; counted anew after the job was put back by hand.' }),
    startedAt: t.expose('startedAt', { type: 'DateTime', description: 'When it began.' }),
    finishedAt: t.expose('finishedAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When it was over; null while it runs.',
    }),
    error: t.exposeString('error', { nullable: true, description: 'Why it failed; null where it did not.' }),
  }),
});

export const JobType = builder.objectRef<Job>('Job');

builder.node(JobType, {
  name: 'Job',
  description: 'Work that goes on after the answer: durable, retried, and never lost.',
  id: { resolve: (job) => job.id },
  loadOne: async (id, { services, caller }) => (await services.jobs.find(caller, [id]))[0] ?? null,
  fields: (t) => ({
    kind: t.field({ type: JobKindEnum, description: 'What it does.', resolve: (job) => job.kind }),
    queue: t.field({ type: QueueNameEnum, description: 'Where it waits.', resolve: (job) => job.queue }),
    status: t.field({ type: JobStatusEnum, description: 'How far it is.', resolve: (job) => job.status }),
    priority: t.exposeInt('priority', { description: '1 to 10; 10 goes first.' }),
    attempt: t.exposeInt('attempt', { description: 'The attempt under way or the last one; 0 before the first.' }),
    maxAttempts: t.exposeInt('maxAttempts', { description: 'Attempts before it is given up.' }),
    progress: t.field({ type: JobProgressType, description: 'How much is done.', resolve: progressOf }),
    result: t.field({
      type: 'JSON',
      nullable: true,
      description: 'What came of it; null until it is done.',
      resolve: (job) => job.result,
    }),
    error: t.exposeString('error', {
      nullable: true,
      description: 'Why the last attempt failed or waits; null where none did.',
    }),
    attempts: t.field({
      type: [JobAttemptType],
      description: 'The latest attempts, oldest first: up to 20 that failed, and the one that runs or was the last.',
      resolve: attemptsOf,
    }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When it was enqueued.' }),
    startedAt: t.expose('startedAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When the last attempt began; null before the first.',
    }),
    finishedAt: t.expose('finishedAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When it was over; null until then.',
    }),
    nextAttemptAt: t.expose('nextAttemptAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When it is tried again; null unless it is RETRYING.',
    }),
  }),
});

const JobConnection = builder.connectionObject(
  { type: JobType, name: 'JobConnection', description: 'A page of jobs.' },
  { name: 'JobEdge', description: 'A job in a page.' },
);

builder.queryField('jobs', (t) =>
  t.field({
    type: JobConnection,
    description: 'Jobs of the workspace, newest first.',
    complexity: pageComplexity,
    args: {
      ...PAGE_ARGS,
      kinds: t.arg({ type: [JobKindEnum], description: 'Of these kinds alone.' }),
      status: t.arg({ type: [JobStatusEnum], description: 'In these states alone.' }),
    },
    resolve: (_root, args, { services, caller }) =>
      pageById(args, (page) =>
        services.jobs.list(caller, { kinds: args.kinds ?? null, status: args.status ?? null }, page),
      ),
  }),
);
