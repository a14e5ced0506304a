import { QUEUE_COUNT_MAX, type Queue } from '../../domain/queues/queue.ts';
import { builder } from '../builder.ts';
import { QueueNameEnum } from './jobs.ts';

const UP_TO = `; ${QUEUE_COUNT_MAX.toLocaleString('en-GB')} stands for so many or more`;

const QueueType = builder.objectRef<Queue>('Queue').implement({
  description: 'What of a queue is this workspace’s. Other workspaces’ jobs are neither seen nor waited for.',
  fields: (t) => ({
    name: t.field({ type: QueueNameEnum, description: 'Which queue.', resolve: (queue) => queue.name }),
    depth: t.exposeInt('depth', {
      description: `Jobs that wait, for a worker or for their next attempt${UP_TO}. DEAD_LETTER: jobs that were given up.`,
    }),
    running: t.exposeInt('running', { description: 'Jobs that are being worked on.' }),
    oldestAgeSeconds: t.exposeFloat('oldestAgeSeconds', {
      nullable: true,
      description:
        'For how long the oldest job that waits for a worker has been there; DEAD_LETTER: how long ago the oldest was given up. Null where there is none.',
    }),
    deadLetters: t.exposeInt('deadLetters', { description: `Jobs of this queue that were given up${UP_TO}.` }),
  }),
});

builder.queryField('queues', (t) =>
  t.field({
    type: [QueueType],
    description: 'The queues with what this workspace has in them: HIGH, STANDARD, BATCH and DEAD_LETTER.',
    resolve: (_root, _args, { services, caller }) => services.queues.list(caller),
  }),
);
