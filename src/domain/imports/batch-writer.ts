import { setImmediate as nextTurn } from 'node:timers/promises';
import type { WorkspaceScope } from '../../db/workspace-scope.ts';
import { InvalidInputError } from '../../shared/errors.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../../shared/json.ts';
import { storableJson } from '../../shared/text.ts';
import type { WorkspaceCaller } from '../access/caller.ts';
import type { Collection } from '../documents/document.ts';
import type { DocumentService, UpsertOutcome } from '../documents/document-service.ts';
import type { NewDocument } from '../documents/document-store.ts';
import { prepareDocuments } from '../documents/prepare-documents.ts';
import type { Batch } from './batches.ts';
import type { BatchStart, Import, ImportError } from './import.ts';
import { type BatchRecorded, recordBatch } from './import-store.ts';
import { RecordError, RecordMapper } from './record-document.ts';

/** Other work gets its turn after so many records. */
const RECORDS_PER_TURN = 25;
/** Of a record that an error shows. */
const SHOWN_CELLS = 60;
const SHOWN_CELL_CHARACTERS = 500;

/** SQLSTATE classes of a value that the database does not take: data exception, integrity, a limit of the program. */
const REFUSED_CLASSES = ['22', '23', '54'];

/** What became of a batch by the time that it was to be written. */
class BatchOverError extends Error {
  override readonly name = 'BatchOverError';
  readonly why: Exclude<BatchRecorded, 'recorded'>;

  constructor(why: Exclude<BatchRecorded, 'recorded'>) {
    super(`the batch is not to be stored: ${why}`);
    this.why = why;
  }
}

/** Undoes what was written to see whether it can be. */
class TrialOverError extends Error {
  override readonly name = 'TrialOverError';
}

/** Records as documents, ready to be written. */
export interface PreparedBatch {
  batch: Batch;
  /** Each external id once, as the last record with it has it. */
  documents: NumberedDocument[];
  /** Records whose document a later one of the batch has replaced. */
  replaced: number;
  errors: ImportError[];
}

interface NumberedDocument {
  recordNumber: number;
  line: number;
  document: NewDocument;
}

/** Makes documents of the batches of one import, and stores each batch in one transaction. */
export class BatchWriter {
  readonly #documents: DocumentService;
  readonly #caller: WorkspaceCaller;
  readonly #collection: Collection;
  readonly #import: Import;
  readonly #mapper: RecordMapper;

  constructor(parts: {
    documents: DocumentService;
    caller: WorkspaceCaller;
    collection: Collection;
    import: Import;
  }) {
    this.#documents = parts.documents;
    this.#caller = parts.caller;
    this.#collection = parts.collection;
    this.#import = parts.import;
    this.#mapper = new RecordMapper(parts.import.dialect, parts.import.mapping);
  }

  async prepare(batch: Batch): Promise<PreparedBatch> {
    const errors: ImportError[] = [];
    const documents = new Map<string, NumberedDocument>();
    let good = 0;
    for (const [i, record] of batch.records.entries()) {
      const place = { recordNumber: batch.start.records + i + 1, line: record.line };
      if (i % RECORDS_PER_TURN === RECORDS_PER_TURN - 1) await nextTurn();
      const { content } = record;
      if (content === null) {
        errors.push({ ...place, message: record.problem ?? 'cannot be read', record: this.#shown(record.shown) });
        continue;
      }
      try {
        const [document] = await prepareDocuments(this.#collection, [this.#mapper.toDocument(content)]);
        if (document === undefined) throw new Error('a record was not prepared');
        good += 1;
        const key = document.externalId ?? document.id;
        // As if they were written one after the other: the later one wins.
        documents.delete(key);
        documents.set(key, { ...place, document });
      } catch (error) {
        errors.push({ ...place, message: refusalOf(error), record: this.#shown(this.#mapper.shown(content)) });
      }
    }
    return { batch, documents: [...documents.values()], replaced: good - documents.size, errors };
  }

  /**
   * Stores a batch: its documents, its errors and that it is done, all or nothing, and once whoever else stores it.
   * @param low the first batch that is not known to be stored
   * @returns what there is of it now
   */
  async write(prepared: PreparedBatch, low: () => { batch: number; start: BatchStart }): Promise<BatchRecorded> {
    try {
      await this.#writeAll(prepared, low);
      return 'recorded';
    } catch (error) {
      if (error instanceof BatchOverError) return error.why;
      if (!isRefused(error)) throw error;
    }
    const sifted = await this.#sift(prepared);
    try {
      await this.#writeAll(sifted, low);
      return 'recorded';
    } catch (error) {
      if (error instanceof BatchOverError) return error.why;
      throw error;
    }
  }

  async #writeAll(prepared: PreparedBatch, low: () => { batch: number; start: BatchStart }): Promise<void> {
    const target = { collectionId: this.#collection.id, tasks: this.#import.tasks };
    const documents = prepared.documents.map(({ document }) => document);
    await this.#documents.writePrepared(this.#caller, target, documents, (scope, outcome) =>
      this.#record(scope, prepared, outcome, low()),
    );
  }

  async #record(
    scope: WorkspaceScope,
    { batch, documents, replaced, errors }: PreparedBatch,
    { created, updated, unchanged }: UpsertOutcome,
    low: { batch: number; start: BatchStart },
  ): Promise<void> {
    const conversations = documents.flatMap(({ document }) =>
      this.#import.mapping.conversation !== undefined && typeof document.metadata.conversation === 'string'
        ? [document.metadata.conversation]
        : [],
    );
    const outcome = {
      ...{ batch: batch.index, imported: documents.length + replaced, created, unchanged, errors },
      updated: updated + replaced,
      conversations: [...new Set(conversations)],
    };
    const recorded = await recordBatch(scope, this.#import.id, outcome, low);
    if (recorded !== 'recorded') throw new BatchOverError(recorded);
  }

  /** Finds the documents that the database refuses, each in a transaction that leaves nothing behind. */
  async #sift(prepared: PreparedBatch): Promise<PreparedBatch> {
    const documents: NumberedDocument[] = [];
    const errors = [...prepared.errors];
    for (const numbered of prepared.documents) {
      const refusal = await this.#trialOf(numbered.document);
      if (refusal === null) documents.push(numbered);
      else {
        const { recordNumber, line, document } = numbered;
        errors.push({ recordNumber, line, message: refusal, record: this.#shown(document.metadata) });
      }
    }
    return { ...prepared, documents, errors };
  }

  async #trialOf(document: NewDocument): Promise<string | null> {
    try {
      await this.#documents.writePrepared(
        this.#caller,
        { collectionId: this.#collection.id, tasks: [] },
        [document],
        () => Promise.reject(new TrialOverError()),
      );
    } catch (error) {
      if (error instanceof TrialOverError) return null;
      if (isRefused(error)) return `the database does not take it: ${(error as Error).message.slice(0, 300)}`;
      throw error;
    }
    throw new Error('a trial was not undone');
  }

  #shown(record: JsonValue): JsonObject {
    const whole = isJsonObject(record) ? record : Array.isArray(record) ? this.#mapper.shown(record.map(String)) : {};
    const cells = Object.entries(whole).slice(0, SHOWN_CELLS);
    return storableJson(Object.fromEntries(cells.map(([name, value]) => [name, clipped(value)])));
  }
}

function clipped(value: JsonValue): JsonValue {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  if (text.length <= SHOWN_CELL_CHARACTERS) return value;
  return `${text.slice(0, SHOWN_CELL_CHARACTERS)}…`;
}

function isRefused(error: unknown): boolean {
  const { code } = error as { code?: unknown };
  return typeof code === 'string' && code.length === 5 && REFUSED_CLASSES.includes(code.slice(0, 2));
}

/** Why a record is no document, where that is the record's fault. */
function refusalOf(error: unknown): string {
  if (error instanceof RecordError) return error.message;
  if (!(error instanceof InvalidInputError)) throw error;
  return error.issues
    .map(({ path, message }) => [...path.slice(2), message].join(path.length > 2 ? ': ' : ''))
    .join('; ');
}
