import { ForbiddenError } from '../../domain/access/actions.ts';
import type { Caller } from '../../domain/access/caller.ts';
import { BudgetExceededError, LimitReachedError } from '../../domain/usage/errors.ts';
import { InvalidInputError, NotFoundError } from '../../shared/errors.ts';
import { builder } from '../builder.ts';
import { JobType } from '../jobs/jobs.ts';
import type { Services } from '../services.ts';
import { AiTaskEnum, DocumentFilter } from './document-inputs.ts';

const ProcessDocumentsInput = builder.inputType('ProcessDocumentsInput', {
  description: 'What models are to do, and on which documents: by id or by filter, not both.',
  fields: (t) => ({
    documentIds: t.idList({ description: 'Up to 1,000; ids that are not there are passed over.' }),
    filter: t.field({
      type: DocumentFilter,
      description:
        'All that match, however many; `{}` is every document. Documents that are written later are not part of it.',
    }),
    tasks: t.field({
      type: [AiTaskEnum],
      required: true,
      description: 'What to do on each of them. What is done already, for the same text, is not done or paid again.',
    }),
    priority: t.int({ defaultValue: 5, description: '1 to 10; 10 goes first, and from 8 on in the queue HIGH.' }),
  }),
});

const BackfillEmbeddingsInput = builder.inputType('BackfillEmbeddingsInput', {
  description: 'Which documents are to have vectors of which model. What is left out does not narrow.',
  fields: (t) => ({
    collectionId: t.id({ description: 'In this collection.' }),
    documentIds: t.idList({ description: 'Of these, up to 1,000.' }),
    model: t.id({
      description:
        'Id of an embedding model; the workspace’s own where it is left out. Vectors of another one are kept beside, and are there at once when the workspace changes to it.',
    }),
    batchSize: t.int({ defaultValue: 50, description: 'Documents that are embedded together, 1 to 100.' }),
  }),
});

const ERRORS = { types: [InvalidInputError, NotFoundError, ForbiddenError, LimitReachedError, BudgetExceededError] };

builder.mutationFields((t) => ({
  processDocuments: t.field({
    type: JobType,
    description:
      'Has models work on documents that are there already. The job counts a task on a document as one item, goes on where it stopped, and waits at the end of an allowance or a budget. What a model refuses is counted as failed and named in `result.failures`, and a job of its own tries it again, which ends in the dead letters. Needs DOCUMENTS_WRITE and AI_USE.',
    errors: ERRORS,
    args: { input: t.arg({ type: ProcessDocumentsInput, required: true, description: 'What, and on which.' }) },
    resolve: async (_root, { input }, { services, caller }) =>
      job(services, caller, await services.processing.processDocuments(caller, input)),
  }),
  backfillEmbeddings: t.field({
    type: JobType,
    description:
      'Embeds every document that has no current vector of a model, also those that it has refused before. Needs DOCUMENTS_WRITE and AI_USE.',
    errors: ERRORS,
    args: { input: t.arg({ type: BackfillEmbeddingsInput, required: true, description: 'Which, and by what.' }) },
    resolve: async (_root, { input }, { services, caller }) =>
      job(services, caller, await services.processing.backfillEmbeddings(caller, input)),
  }),
}));

async function job(services: Services, caller: Caller, id: string) {
  const [found] = await services.jobs.find(caller, [id]);
  if (found === undefined) throw new Error(`the job ${id} was enqueued and is not there`);
  return found;
}
