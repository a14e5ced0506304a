import { ForbiddenError } from '../../domain/access/actions.ts';
import { ConflictError, NotFoundError } from '../../shared/errors.ts';
import { builder } from '../builder.ts';
import { JobKindEnum, JobType } from './jobs.ts';

const RedrivenType = builder.objectRef<{ count: number }>('Redriven').implement({
  description: 'Jobs that were given up and are run again.',
  fields: (t) => ({ count: t.exposeInt('count', { description: 'How many there were.' }) }),
});

const CancelJobInput = builder.inputType('CancelJobInput', {
  description: 'Which job to cancel.',
  fields: (t) => ({ id: t.id({ required: true, description: 'Its id.' }) }),
});

const RetryJobInput = builder.inputType('RetryJobInput', {
  description: 'Which job to run again.',
  fields: (t) => ({ id: t.id({ required: true, description: 'Its id.' }) }),
});

const RedriveDeadLettersInput = builder.inputType('RedriveDeadLettersInput', {
  description: 'Which jobs to run again that were given up: all unless told.',
  fields: (t) => ({ kinds: t.field({ type: [JobKindEnum], description: 'Those of these kinds alone.' }) }),
});

builder.mutationFields((t) => ({
  cancelJob: t.field({
    type: JobType,
    description:
      'Cancels a job. One that is being run is cut off within seconds, wherever it runs, with its calls to providers; what it has done by then stays. Cancelling it again changes nothing; one that is over is a conflict. Needs JOBS_MANAGE.',
    errors: { types: [NotFoundError, ForbiddenError, ConflictError] },
    args: { input: t.arg({ type: CancelJobInput, required: true, description: 'Which job.' }) },
    resolve: (_root, { input }, { services, caller }) => services.jobControl.cancel(caller, String(input.id)),
  }),
  retryJob: t.field({
    type: JobType,
    description:
      'Runs a job again that is DEAD, FAILED or CANCELLED: with all its attempts, but not the steps that it has finished. One in another state is a conflict. Needs JOBS_MANAGE.',
    errors: { types: [NotFoundError, ForbiddenError, ConflictError] },
    args: { input: t.arg({ type: RetryJobInput, required: true, description: 'Which job.' }) },
    resolve: (_root, { input }, { services, caller }) => services.jobControl.retry(caller, String(input.id)),
  }),
  redriveDeadLetters: t.field({
    type: RedrivenType,
    description:
      'Does what `retryJob` does for every job that is DEAD by now, up to 100,000 in one call. Two calls at once put each job back once. Needs JOBS_MANAGE.',
    errors: { types: [ForbiddenError] },
    args: { input: t.arg({ type: RedriveDeadLettersInput, required: true, description: 'Which jobs.' }) },
    resolve: async (_root, { input }, { services, caller }) => ({
      count: await services.jobControl.redrive(caller, input.kinds ?? null),
    }),
  }),
}));
