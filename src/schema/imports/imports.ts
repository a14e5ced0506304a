import { z } from 'zod';
import { ForbiddenError } from '../../domain/access/actions.ts';
import type { ImportFormat } from '../../domain/imports/dialect.ts';
import type { Import, ImportError } from '../../domain/imports/import.ts';
import { ConflictError, InvalidInputError, NotFoundError } from '../../shared/errors.ts';
import { builder } from '../builder.ts';
import { describedValues } from '../described-values.ts';
import { AiTaskEnum } from '../documents/document-inputs.ts';
import { JobType } from '../jobs/jobs.ts';
import { PAGE_ARGS, pageComplexity } from '../page-args.ts';
import { decodeCursor, pageSize, toPage } from '../paging.ts';

const ImportFormatEnum = builder.enumType('ImportFormat', {
  description: 'What a file is.',
  values: describedValues<ImportFormat>({
    CSV: 'Rows of cells, separated by commas, semicolons, tabs or bars; in UTF-8, UTF-16 or windows-1252.',
    JSONL: 'One JSON object a line: a document with the fields of `DocumentInput`, or any other record.',
  }),
});

const ImportErrorType = builder.objectRef<ImportError>('ImportError').implement({
  description: 'A record of a file that could not become a document.',
  fields: (t) => ({
    line: t.exposeInt('line', { description: 'Line of the file on which the record begins; 1 is the first.' }),
    message: t.exposeString('message', { description: 'What is wrong with it.' }),
    record: t.field({
      type: 'JSON',
      description: 'The record by the names of its columns; long values are cut.',
      resolve: (error) => error.record,
    }),
  }),
});

const ImportErrorConnection = builder.connectionObject(
  { type: ImportErrorType, name: 'ImportErrorConnection', description: 'A page of errors.' },
  { name: 'ImportErrorEdge', description: 'An error in a page.' },
);

/** Number of the last record. */
const ERROR_CURSOR = z.number().int().nonnegative();

const ImportType = builder.objectRef<Import>('Import');

builder.node(ImportType, {
  name: 'Import',
  description:
    'A file whose records become documents. Its counts go up with each hundred records that are stored; what was stored stays, also where the job is cancelled.',
  id: { resolve: (row) => row.id },
  loadOne: async (id, { services, caller }) => (await services.imports.find(caller, [id]))[0] ?? null,
  fields: (t) => ({
    job: t.field({
      type: JobType,
      description:
        'The job that stores the records. When it is COMPLETED all are stored or are errors; what models do on them are jobs of their own. Its `result` counts documents that were created, updated and unchanged, and names the job that sums up conversations.',
      resolve: async (row, _args, { loaders }) => {
        const job = await loaders.job.load(row.jobId);
        if (job === null) throw new Error(`the job ${row.jobId} of ${row.id} is not there`);
        return job;
      },
    }),
    fileName: t.exposeString('fileName', { description: 'As it was sent.' }),
    mapping: t.field({
      type: 'JSON',
      description: 'Which column is which field: as it was given, else as it was guessed.',
      resolve: (row) => row.mapping,
    }),
    totalRecords: t.int({
      description:
        'Records in the file. It is counted while it is read; until then, those that are processed (`job.progress.total` is null meanwhile).',
      resolve: (row) => row.totalRecords ?? row.imported + row.failed,
    }),
    processedRecords: t.int({
      description: 'Records that are stored or have failed.',
      resolve: (row) => row.imported + row.failed,
    }),
    failedRecords: t.exposeInt('failed', { description: 'Records that could not become documents.' }),
    errors: t.field({
      type: ImportErrorConnection,
      description: 'Why records failed, in the order of the file; the first 10,000 that were met are kept.',
      complexity: pageComplexity,
      args: PAGE_ARGS,
      resolve: async (row, args, { services, caller }) => {
        const size = pageSize(args.first);
        const after = decodeCursor(args.after, ERROR_CURSOR);
        const errors = await services.imports.errors(caller, row.id, { limit: size + 1, after });
        return toPage(errors, size, after !== null, ({ recordNumber }) => recordNumber);
      },
    }),
    reportUrl: t.string({
      nullable: true,
      description:
        'Where the errors can be downloaded as CSV for an hour, without a key; the same address with `.json` is the whole report. Null for who is in no workspace.',
      resolve: (row, _args, { services, caller }) =>
        caller.workspace === null ? null : services.reportLinks.linkTo(caller.workspace.id, row.id),
    }),
  }),
});

builder.objectField(JobType, 'import', (t) =>
  t.field({
    type: ImportType,
    nullable: true,
    description: 'The import whose records it stores; null for other jobs.',
    resolve: (job, _args, { loaders }) => (job.kind === 'IMPORT' ? loaders.importOfJob.load(job.id) : null),
  }),
);

const ImportDocumentsInput = builder.inputType('ImportDocumentsInput', {
  description:
    '`mapping` says which column is which field: { title: "Subject", text: "Body", externalId: "Ticket #", createdAt: "Date", metadata: ["Plan"], conversation: "Thread", author: "From" }. Left out, it is guessed from the names of the columns and the first hundred records. Same key, same import: an idempotency key lasts 24 h.',
  fields: (t) => ({
    collectionId: t.id({ required: true, description: 'Where the documents belong.' }),
    file: t.field({
      type: 'File',
      required: true,
      description:
        'The file, as a part of a multipart request. It is stored as it comes in, and deleted 7 days after its import.',
    }),
    format: t.field({ type: ImportFormatEnum, defaultValue: 'CSV', description: 'What it is.' }),
    mapping: t.field({
      type: 'JSON',
      description:
        'Columns by field; what is named nowhere is left out. Beside columns: `source: true` makes the whole record the source of its document, `header: false` says that the first record is data, `dateOrder` ("DMY" or "MDY") says how 03/04/2026 is read. A column `conversation` makes each record a MESSAGE with its sentiment, and adds a summary of each conversation.',
    }),
    tasks: t.field({
      type: [AiTaskEnum],
      defaultValue: ['EMBED'],
      description: 'What models do on the documents; none where it is empty.',
    }),
    idempotencyKey: t.string({
      description:
        'Sending the same again with the same key is the same import; the second file is not read. 1 to 200 characters.',
    }),
  }),
});

builder.mutationField('importDocuments', (t) =>
  t.field({
    type: ImportType,
    description:
      'Takes a file and the job that makes documents of its records. A file that cannot be read is refused at once. Needs DOCUMENTS_WRITE, and AI_USE for tasks.',
    errors: { types: [InvalidInputError, NotFoundError, ForbiddenError, ConflictError] },
    args: { input: t.arg({ type: ImportDocumentsInput, required: true, description: 'The file.' }) },
    resolve: (_root, { input }, { services, caller, signal }) =>
      services.imports.start(
        caller,
        {
          collectionId: input.collectionId,
          file: input.file,
          format: input.format ?? 'CSV',
          mapping: input.mapping ?? null,
          tasks: input.tasks ?? ['EMBED'],
          idempotencyKey: input.idempotencyKey ?? null,
        },
        signal,
      ),
  }),
);
