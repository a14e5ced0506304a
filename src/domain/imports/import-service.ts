import type { Database } from '../../db/client.ts';
import type { FileStore } from '../../db/file-store.ts';
import type { WorkspaceScope } from '../../db/workspace-scope.ts';
import { DomainError, NotFoundError } from '../../shared/errors.ts';
import { newId } from '../../shared/ids.ts';
import type { JsonObject } from '../../shared/json.ts';
import { storableJson, storableText } from '../../shared/text.ts';
import type { Upload } from '../../shared/upload.ts';
import { authorize, type Caller, type WorkspaceCaller } from '../access/caller.ts';
import {
  AlreadyAnsweredError,
  type IdempotentRequest,
  idempotentRequest,
  keepAnswer,
  readAnswer,
} from '../caching/idempotent-answers.ts';
import { findCollections } from '../documents/collection-store.ts';
import type { Collection } from '../documents/document.ts';
import { AI_TASKS, type AiTask } from '../documents/document-service.ts';
import { findJobs } from '../queues/job-view-store.ts';
import type { ImportFormat } from './dialect.ts';
import { fileKeyOf, type Import, type ImportError } from './import.ts';
import { type ImportReport, importReport } from './import-report.ts';
import { findImports, findImportsOfJobs, insertImport, listErrors, noteFile } from './import-store.ts';
import { type GivenMapping, readGivenMapping } from './mapping.ts';
import type { ImportReports, ReportFormat } from './report-links.ts';
import { storeUpload } from './upload-inspector.ts';
import { UploadSlots } from './upload-slots.ts';

const FILE_NAME_MAX_CHARACTERS = 255;
/** An upload that is not done by then was cut off by the death of its server. */
const UPLOAD_HOURS = 24;
/** As long as the job of an import that is never finished. */
const UNFINISHED_HOURS = 30 * 24;
const ERRORS_PER_PAGE = 500;

export interface ImportInput {
  collectionId: string;
  file: Upload;
  format: ImportFormat;
  /** Which column is which field; guessed where it is null. */
  mapping: JsonObject | null;
  tasks: AiTask[];
  idempotencyKey: string | null;
}

export interface ImportServiceParts {
  database: Database;
  files: FileStore;
  /** Enqueues the storing of an import's records. Returns the job's id. */
  enqueue(scope: WorkspaceScope, importId: string, caller: WorkspaceCaller): Promise<string>;
}

/** What an import is answered with; its row is read when it is asked for. */
interface ImportAnswer {
  importId: string;
}

export class ImportService implements ImportReports {
  readonly #parts: ImportServiceParts;
  readonly #slots = new UploadSlots();

  constructor(parts: ImportServiceParts) {
    this.#parts = parts;
  }

  /**
   * Takes a file: stored as it comes in, then written down with its job in one transaction. The same idempotency key is
   * the same import; its second file is not read.
   * @throws InvalidInputError (a file that cannot be read, a column that is not there), NotFoundError (collection),
   * ConflictError (idempotency key), UnavailableError (too many files at once)
   */
  async start(caller: Caller, input: ImportInput, signal?: AbortSignal): Promise<Import> {
    const member = authorize(caller, 'DOCUMENTS_WRITE');
    if (input.tasks.length > 0 || input.mapping?.conversation !== undefined) authorize(caller, 'AI_USE');
    const mapping = readGivenMapping(input.mapping);
    await input.file.begun();
    const request = requestOf(input);
    const { answer, collection } = await this.#inWorkspace(member, async (scope) => ({
      answer: request === null ? null : await readAnswer<ImportAnswer>(scope, request),
      collection: (await findCollections(scope, [input.collectionId]))[0],
    }));
    if (answer !== null) return this.#found(member, answer.importId);
    if (collection === undefined) throw new NotFoundError('collection', input.collectionId);
    const taken = { ...input, collection, given: mapping };
    return this.#slots.run(member.workspace.id, () => this.#take(member, taken, request, signal), signal);
  }

  /** Imports by id, in no order; those that are not there are left out. */
  async find(caller: Caller, ids: readonly string[]): Promise<Import[]> {
    const member = authorize(caller, 'DOCUMENTS_READ');
    return this.#inWorkspace(member, (scope) => findImports(scope, ids));
  }

  /** The imports whose records these jobs store, in no order. */
  async findOfJobs(caller: Caller, jobIds: readonly string[]): Promise<Import[]> {
    const member = authorize(caller, 'DOCUMENTS_READ');
    return this.#inWorkspace(member, (scope) => findImportsOfJobs(scope, jobIds));
  }

  /** Errors in the order of the file, behind the record with the number `after`. */
  async errors(
    caller: Caller,
    importId: string,
    page: { limit: number; after: number | null },
  ): Promise<ImportError[]> {
    const member = authorize(caller, 'DOCUMENTS_READ');
    return this.#inWorkspace(member, (scope) => listErrors(scope, importId, page));
  }

  /**
   * A report to be downloaded, made while it is read: as CSV the errors, as JSON all that is known of the import.
   * @throws NotFoundError
   */
  async report(caller: Caller, importId: string, format: ReportFormat): Promise<ImportReport> {
    const member = authorize(caller, 'DOCUMENTS_READ');
    const { row, job } = await this.#inWorkspace(member, async (scope) => {
      const [row] = await findImports(scope, [importId]);
      return { row, job: row === undefined ? undefined : (await findJobs(scope, [row.jobId]))[0] };
    });
    if (row === undefined) throw new NotFoundError('import', importId);
    return importReport(format, row, job ?? null, (after) =>
      this.#inWorkspace(member, (scope) => listErrors(scope, importId, { limit: ERRORS_PER_PAGE, after })),
    );
  }

  async #take(
    member: WorkspaceCaller,
    input: ImportInput & { collection: Collection; given: GivenMapping | null },
    request: IdempotentRequest | null,
    signal?: AbortSignal,
  ): Promise<Import> {
    const { files } = this.#parts;
    const id = newId('Import');
    const fileKey = fileKeyOf(member.workspace.id, id);
    // Written down before it is there: should this process die, it is deleted all the same.
    await this.#inWorkspace(member, (scope) => noteFile(scope, { importId: id, fileKey, keptHours: UPLOAD_HOURS }));
    let isStored = false;
    try {
      const { collection, format, given } = input;
      const asked = { format, mapping: given, kind: collection.kind };
      const { bytes, ...plan } = await storeUpload(files, fileKey, input.file.open(), asked, signal);
      if (plan.mapping.conversation !== undefined) authorize(member, 'AI_USE');
      isStored = true;
      return await this.#inWorkspace(member, async (scope) => {
        await noteFile(scope, { importId: id, fileKey, keptHours: UNFINISHED_HOURS });
        const jobId = await this.#parts.enqueue(scope, id, member);
        const fileName = storableText(input.file.fileName).slice(0, FILE_NAME_MAX_CHARACTERS);
        const stored = {
          dialect: storable(plan.dialect),
          mapping: storable(plan.mapping),
          notes: storable(plan.notes),
        };
        const tasks = tasksOf(input.tasks, plan.mapping.conversation !== undefined);
        await insertImport(scope, {
          ...{ id, jobId, collectionId: collection.id, fileName, fileBytes: bytes, tasks },
          ...stored,
        });
        if (request !== null) await keepAnswer(scope, request, { importId: id } satisfies ImportAnswer);
        return firstOf(await findImports(scope, [id]), id);
      });
    } catch (error) {
      // Where the connection was lost at the commit, there may be an import of it. What is left is deleted in its time.
      const mayBeImported = isStored && !(error instanceof DomainError || error instanceof AlreadyAnsweredError);
      if (!mayBeImported) await files.delete(fileKey).catch(() => undefined);
      if (!(error instanceof AlreadyAnsweredError) || request === null) throw error;
      const quicker = await this.#inWorkspace(member, (scope) => readAnswer<ImportAnswer>(scope, request));
      if (quicker === null) throw error;
      return this.#found(member, quicker.importId);
    }
  }

  async #found(member: WorkspaceCaller, id: string): Promise<Import> {
    return firstOf(await this.#inWorkspace(member, (scope) => findImports(scope, [id])), id);
  }

  #inWorkspace<Result>(member: WorkspaceCaller, work: (scope: WorkspaceScope) => Promise<Result>): Promise<Result> {
    return this.#parts.database.withWorkspace(member.workspace.id, work);
  }
}

/** What the file holds is no part of it: the second file is not read. */
function requestOf({
  collectionId,
  file,
  format,
  mapping,
  tasks,
  idempotencyKey,
}: ImportInput): IdempotentRequest | null {
  if (idempotencyKey === null) return null;
  const input = { collectionId, fileName: file.fileName, format, mapping, tasks };
  return idempotentRequest('importDocuments', idempotencyKey, input);
}

/** Each message of a conversation has its sentiment. */
function tasksOf(given: readonly AiTask[], isConversation: boolean): AiTask[] {
  return AI_TASKS.filter((task) => given.includes(task) || (isConversation && task === 'SENTIMENT'));
}

/** Names of columns are as the file has them. */
function storable<Value extends object>(value: Value): Value {
  return storableJson(JSON.parse(JSON.stringify(value))) as Value;
}

function firstOf(found: readonly Import[], id: string): Import {
  const [row] = found;
  if (row === undefined) throw new NotFoundError('import', id);
  return row;
}
