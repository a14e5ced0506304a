import type { JobEvent } from '../../domain/queues/job.ts';
import { builder } from '../builder.ts';
import { JobKindEnum, JobProgressType, JobStatusEnum, JobType } from './jobs.ts';

const JobEventType = builder.objectRef<JobEvent>('JobEvent').implement({
  description: 'Something that happened to a job: its status changed, or it got further.',
  fields: (t) => ({
    seq: t.exposeInt('seq', {
      description:
        'Its number within the job, from 1. To go on where a connection was lost, send the last one as `after`. Of a long job’s older progress some numbers are gone.',
    }),
    at: t.expose('at', { type: 'DateTime', description: 'When it happened.' }),
    job: t.field({
      type: JobType,
      description: 'The job as it is when this is told, which may be further on.',
      resolve: (event) => event.job,
    }),
    progress: t.field({
      type: JobProgressType,
      description: 'How much was done.',
      resolve: (event) => event.progress,
    }),
    status: t.field({
      type: JobStatusEnum,
      description: 'How far the job was.',
      resolve: (event) => event.status,
    }),
  }),
});

builder.subscriptionFields((t) => ({
  job: t.field({
    type: JobEventType,
    description:
      'What happens to a job: its events behind `after`, then those that come, each once and in order, and the end of the subscription after the one that ends the job. Progress comes up to four times a second.',
    args: {
      id: t.arg.id({ required: true, description: 'The job.' }),
      after: t.arg.int({
        defaultValue: 0,
        description: 'The last event that is known already; 0 begins with the first.',
      }),
    },
    subscribe: (_root, { id, after }, { services, caller, signal }) =>
      services.jobs.follow(caller, id, after ?? 0, signal),
    resolve: (event) => event,
  }),
  jobs: t.field({
    type: JobEventType,
    description:
      'What happens to the workspace’s jobs from now on: each change of a status, and the newest progress up to four times a second. Of what comes faster than it is taken, the newest event of each job.',
    args: { kinds: t.arg({ type: [JobKindEnum], description: 'Of these kinds alone.' }) },
    subscribe: (_root, { kinds }, { services, caller, signal }) =>
      services.jobs.followAll(caller, kinds ?? null, signal),
    resolve: (event) => event,
  }),
}));
