import { ForbiddenError } from '../../domain/access/actions.ts';
import type { UpsertOutcome } from '../../domain/documents/document-service.ts';
import { BudgetExceededError, LimitReachedError } from '../../domain/usage/errors.ts';
import { ConflictError, InvalidInputError, NotFoundError } from '../../shared/errors.ts';
import { builder } from '../builder.ts';
import { DeletedType } from '../deleted.ts';
import { JobType } from '../jobs/jobs.ts';
import { AiTaskEnum, DocumentFilter, DocumentInput } from './document-inputs.ts';
import { DocumentType } from './document-type.ts';

/** What `wait: true` waits for the job at the most. */
const WAIT_MS = 30_000;

const UpsertedDocumentsType = builder.objectRef<UpsertOutcome>('UpsertedDocuments').implement({
  description: 'What an upsert did.',
  fields: (t) => ({
    documents: t.field({
      type: [DocumentType],
      description: 'The documents in the order of the input; one that was deleted since is left out.',
      complexity: 1,
      resolve: async ({ documentIds }, _args, { loaders }) => {
        const documents = await Promise.all(documentIds.map((id) => loaders.document.load(id)));
        return documents.filter((document) => document !== null);
      },
    }),
    created: t.exposeInt('created', { description: 'How many are new.' }),
    updated: t.exposeInt('updated', { description: 'How many were there and have changed.' }),
    unchanged: t.exposeInt('unchanged', { description: 'How many were there just so; they are not embedded again.' }),
    job: t.field({
      type: JobType,
      nullable: true,
      description: 'The job that works on them; null where there is nothing to do.',
      resolve: async ({ jobId }, _args, { services, caller }) =>
        jobId === null ? null : ((await services.jobs.find(caller, [jobId]))[0] ?? null),
    }),
  }),
});

const UpsertDocumentsInput = builder.inputType('UpsertDocumentsInput', {
  description:
    '`wait: true` returns when the tasks are done, or after 30 s with the job still running. Same key, same answer: an idempotency key lasts 24 h.',
  fields: (t) => ({
    collectionId: t.id({ required: true, description: 'Where the documents belong.' }),
    documents: t.field({ type: [DocumentInput], required: true, description: 'Up to 1,000.' }),
    tasks: t.field({
      type: [AiTaskEnum],
      defaultValue: ['EMBED'],
      description: 'What models do on them afterwards; none where it is empty.',
    }),
    wait: t.boolean({ defaultValue: false, description: 'Answer when the tasks are done.' }),
    idempotencyKey: t.string({
      description: 'Sending the same again with the same key does nothing again; 1 to 200 characters.',
    }),
  }),
});

const DeleteDocumentsInput = builder.inputType('DeleteDocumentsInput', {
  description: 'Which documents to delete: by id or by filter, not both.',
  fields: (t) => ({
    ids: t.idList({ description: 'Up to 1,000; ids that are not there are passed over.' }),
    filter: t.field({ type: DocumentFilter, description: 'All that match; an empty filter is refused.' }),
  }),
});

builder.mutationFields((t) => ({
  upsertDocuments: t.field({
    type: UpsertedDocumentsType,
    description:
      'Writes documents, and in the same transaction the job that works on them: all or nothing. Needs DOCUMENTS_WRITE, and AI_USE for tasks.',
    errors: {
      types: [InvalidInputError, NotFoundError, ForbiddenError, ConflictError, LimitReachedError, BudgetExceededError],
    },
    args: { input: t.arg({ type: UpsertDocumentsInput, required: true, description: 'The documents.' }) },
    resolve: async (_root, { input }, { services, caller, signal }) => {
      const outcome = await services.documents.upsert(caller, {
        collectionId: input.collectionId,
        documents: input.documents,
        tasks: input.tasks ?? ['EMBED'],
        idempotencyKey: input.idempotencyKey ?? null,
      });
      if (input.wait === true && outcome.jobId !== null)
        await services.jobs.wait(caller, outcome.jobId, WAIT_MS, signal);
      return outcome;
    },
  }),
  deleteDocuments: t.field({
    type: DeletedType,
    description: 'Deletes documents with their vectors, labels and cached answers. Needs DOCUMENTS_WRITE.',
    errors: { types: [InvalidInputError, NotFoundError, ForbiddenError] },
    args: { input: t.arg({ type: DeleteDocumentsInput, required: true, description: 'Which documents.' }) },
    resolve: async (_root, { input }, { services, caller }) => ({
      count: await services.documents.delete(caller, { ids: input.ids ?? null, filter: input.filter ?? null }),
    }),
  }),
}));
