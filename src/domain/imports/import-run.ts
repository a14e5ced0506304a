import type { Database } from '../../db/client.ts';
import { FileMissingError, type FileStore } from '../../db/file-store.ts';
import type { WorkspaceScope } from '../../db/workspace-scope.ts';
import { FinalJobError, type JobContext, type JobIdentity, RetryLater } from '../../jobs/define-job.ts';
import type { JsonObject } from '../../shared/json.ts';
import type { WorkspaceCaller } from '../access/caller.ts';
import { findCollections } from '../documents/collection-store.ts';
import type { Collection } from '../documents/document.ts';
import type { DocumentService } from '../documents/document-service.ts';
import { BatchWindow } from './batch-window.ts';
import { BatchWriter } from './batch-writer.ts';
import { type Batch, cutBatches } from './batches.ts';
import { csvRecords } from './csv-records.ts';
import type { Position } from './dialect.ts';
import { type Checkpoint, fileKeyOf, type Import } from './import.ts';
import { beginImport, finishImport, noteFile, storeTotal } from './import-store.ts';
import { jsonlRecords } from './jsonl-records.ts';
import { Landmarks } from './landmarks.ts';
import type { OpenFile, SourceRecord } from './source-record.ts';

/** An attempt that is still at it gives its place to others, and goes on from its checkpoint. */
const ATTEMPT_MS = 3_600_000;
const FILE_MISSING = 'the file of the import is not in the store any more: import it again';
/** Of the file, from when its records are stored. */
const FILE_KEPT_HOURS = 7 * 24;

export interface ImportRunParts {
  database: Database;
  files: FileStore;
  documents: DocumentService;
  /** Enqueues the summaries of an import's conversations. Returns the job's id. */
  enqueueConversations(scope: WorkspaceScope, importId: string, caller: WorkspaceCaller): Promise<string>;
}

type Begun = Import & Checkpoint;

/** What a job of an import answers with. */
export interface ImportResult extends JsonObject {
  imported: number;
  failed: number;
  created: number;
  updated: number;
  unchanged: number;
  /** Records that were never looked at: of a collection or a workspace that was deleted meanwhile. */
  notImported: number;
}

/** Ends the reading of a file whose import is gone. */
class ImportGoneError extends Error {
  override readonly name = 'ImportGoneError';
}

/** Stores the records of one import, from where an earlier attempt has left off. */
export class ImportRun {
  readonly #parts: ImportRunParts;
  readonly #identity: JobIdentity & { importId: string };
  readonly #caller: WorkspaceCaller;
  readonly #context: JobContext;
  readonly #landmarks: Landmarks;
  readonly #stop = new AbortController();
  #total: number | null = null;
  #imported = 0;
  #failed = 0;

  constructor(
    parts: ImportRunParts,
    identity: JobIdentity & { importId: string },
    caller: WorkspaceCaller,
    context: JobContext,
  ) {
    this.#parts = parts;
    this.#identity = identity;
    this.#caller = caller;
    this.#context = context;
    this.#landmarks = new Landmarks(context);
  }

  /** @throws RetryLater after an hour; what the batches or the file have failed with */
  async run(): Promise<JsonObject> {
    const begun = await this.#begin();
    if (begun === null) return { gone: true };
    const { import: row, collection } = begun;
    this.#total = row.totalRecords;
    this.#imported = row.imported;
    this.#failed = row.failed;
    this.#tellProgress();
    const counting = this.#count(row).catch((error: unknown) =>
      this.#context.logger.warn({ err: error }, 'the records of an import could not be counted'),
    );
    try {
      const records = await this.#storeAll(row, collection);
      return await this.#finish(row, records);
    } catch (error) {
      if (error instanceof ImportGoneError) return { ...this.#counts(row), gone: true };
      if (error instanceof FileMissingError) throw new FinalJobError(FILE_MISSING, { cause: error });
      throw error;
    } finally {
      this.#stop.abort();
      await counting;
    }
  }

  async #begin(): Promise<{ import: Begun; collection: Collection } | null> {
    const { workspaceId, importId } = this.#identity;
    return this.#parts.database.withWorkspace(workspaceId, async (scope) => {
      const row = await beginImport(scope, importId);
      if (row === null) return null;
      const [collection] = await findCollections(scope, [row.collectionId]);
      return collection === undefined ? null : { import: row, collection };
    });
  }

  /** @returns how many records there are */
  async #storeAll(row: Begun, collection: Collection): Promise<number> {
    const { documents } = this.#parts;
    const writer = new BatchWriter({ documents, caller: this.#caller, collection, import: row });
    const window = new BatchWindow();
    const start = row.resumeAt ?? { ...row.dialect.start, records: 0 };
    const endsAt = performance.now() + ATTEMPT_MS;
    let { records } = start;
    try {
      for await (const batch of cutBatches(this.#records(row, start), { index: row.nextBatch, start })) {
        records = batch.start.records + batch.records.length;
        if (row.doneBatches.includes(batch.index)) continue;
        this.#context.signal.throwIfAborted();
        if (performance.now() > endsAt) throw new RetryLater(0, 'the import goes on from here after other work');
        await this.#add(window, writer, batch);
      }
      await window.drain();
    } finally {
      await window.settle();
    }
    return records;
  }

  async #add(window: BatchWindow, writer: BatchWriter, batch: Batch): Promise<void> {
    const prepared = await writer.prepare(batch);
    const keys = new Set(prepared.documents.flatMap(({ document }) => document.externalId ?? []));
    const { index, start } = batch;
    await window.add({ index, start, keys }, async () => {
      const low = () => window.lowest() ?? { batch: index, start };
      const recorded = await writer.write(prepared, low);
      if (recorded === 'import gone') throw new ImportGoneError();
      this.#imported += batch.records.length - prepared.errors.length;
      this.#failed += prepared.errors.length;
      this.#tellProgress();
      await this.#landmarks.pass(this.#imported + this.#failed);
    });
  }

  #records(row: Begun, from: Position): AsyncGenerator<SourceRecord> {
    const key = fileKeyOf(this.#identity.workspaceId, row.id);
    const open: OpenFile = (fromByte) => this.#parts.files.read(key, fromByte);
    return row.dialect.format === 'CSV' ? csvRecords(open, row.dialect, from) : jsonlRecords(open, row.dialect, from);
  }

  /** Reads the file once beside the storing, to tell how much there is. */
  async #count(row: Begun): Promise<void> {
    if (row.totalRecords !== null) return;
    const reading = this.#records(row, row.dialect.start);
    let records = 0;
    while ((await reading.next()).done !== true) {
      if (this.#stop.signal.aborted || this.#context.signal.aborted) return void (await reading.return(undefined));
      records += 1;
    }
    this.#total = records;
    await this.#parts.database.withWorkspace(this.#identity.workspaceId, (scope) => storeTotal(scope, row.id, records));
    this.#tellProgress();
  }

  async #finish(row: Begun, records: number): Promise<JsonObject> {
    const { workspaceId } = this.#identity;
    this.#total = records;
    this.#tellProgress();
    return this.#parts.database.withWorkspace(workspaceId, async (scope) => {
      const finished = await finishImport(scope, row.id, records);
      if (finished === null) throw new ImportGoneError();
      const fileKey = fileKeyOf(workspaceId, row.id);
      await noteFile(scope, { importId: row.id, fileKey, keptHours: FILE_KEPT_HOURS });
      const result = this.#counts(finished);
      if (row.mapping.conversation === undefined || finished.imported === 0) return result;
      return { ...result, conversationsJob: await this.#parts.enqueueConversations(scope, row.id, this.#caller) };
    });
  }

  #counts({ imported, failed, created, updated, unchanged, totalRecords }: Import): ImportResult {
    const notImported = Math.max(0, (totalRecords ?? this.#total ?? 0) - imported - failed);
    return { imported, failed, created, updated, unchanged, notImported };
  }

  #tellProgress(): void {
    this.#context.progress(this.#imported, this.#failed, this.#total ?? undefined);
  }
}
