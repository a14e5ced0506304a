import { z } from 'zod';
import { isJsonObject, type JsonObject, type JsonValue } from '../../shared/json.ts';
import { DOCUMENT_KINDS } from '../documents/document.ts';
import type { DocumentInput } from '../documents/prepare-documents.ts';
import { readDate } from './dates.ts';
import type { Dialect } from './dialect.ts';
import { isMetadataName } from './guess-mapping.ts';
import type { ColumnField, Mapping } from './mapping.ts';

/** A conversation's summary is a document too, and its external id holds this. */
const CONVERSATION_MAX_CHARACTERS = 400;

/** A record that is no document; the message says why. */
export class RecordError extends Error {
  override readonly name = 'RecordError';
}

/** A line of JSONL that is a document as `upsertDocuments` takes it. */
const DOCUMENT_LINE = z.strictObject({
  externalId: z.union([z.string(), z.number().transform(String)]).nullish(),
  kind: z.enum(DOCUMENT_KINDS).nullish(),
  title: z.string().nullish(),
  text: z.string().nullish(),
  source: z.custom<JsonObject>(isJsonObject, 'must be a JSON object').nullish(),
  metadata: z.custom<JsonObject>(isJsonObject, 'must be a JSON object').nullish(),
  createdAt: z.union([z.string(), z.number().transform(String)]).nullish(),
});

/** Whether lines have the fields of documents and no others, and some of them are documents. */
export function areDocumentLines(lines: readonly JsonObject[]): boolean {
  const fields = Object.keys(DOCUMENT_LINE.shape);
  const haveNoOthers = lines.every((line) => Object.keys(line).every((key) => fields.includes(key)));
  return haveNoOthers && lines.some((line) => DOCUMENT_LINE.safeParse(line).success);
}

type ReadColumn = (content: readonly string[] | JsonObject, column: string) => JsonValue;

/** Makes documents of the records of one file. */
export class RecordMapper {
  readonly #mapping: Mapping;
  readonly #columns: readonly string[];
  readonly #read: ReadColumn;
  /** Objects that are metadata already first: a column of its own says it more surely. */
  readonly #metadataColumns: readonly string[];

  constructor(dialect: Dialect, mapping: Mapping) {
    this.#mapping = mapping;
    this.#columns = dialect.columns;
    this.#metadataColumns = [...mapping.metadata].sort((a, b) => Number(isMetadataName(b)) - Number(isMetadataName(a)));
    const places = new Map(dialect.columns.map((column, i) => [column, i]));
    this.#read = (content, column) => {
      if (isJsonObject(content)) return Object.hasOwn(content, column) ? (content[column] ?? null) : null;
      return content[places.get(column) ?? -1] ?? null;
    };
  }

  /** @throws RecordError */
  toDocument(content: readonly string[] | JsonObject): DocumentInput {
    if (this.#mapping.documents && isJsonObject(content)) return this.#fromLine(content);
    const conversation = this.#cell(content, 'conversation');
    if ((conversation?.length ?? 0) > CONVERSATION_MAX_CHARACTERS) {
      throw new RecordError(`conversation: may have ${CONVERSATION_MAX_CHARACTERS} characters`);
    }
    return {
      ...(conversation === null ? {} : { kind: 'MESSAGE' }),
      externalId: this.#cell(content, 'externalId'),
      title: this.#cell(content, 'title'),
      text: this.#text(content),
      createdAt: this.#date(this.#cell(content, 'createdAt')),
      source: this.#mapping.source ? this.#asObject(content) : null,
      metadata: this.#metadata(content, conversation),
    };
  }

  /** As an error shows it: by the names of its columns. */
  shown(content: readonly string[] | JsonObject): JsonObject {
    return this.#asObject(content);
  }

  #fromLine(line: JsonObject): DocumentInput {
    const parsed = DOCUMENT_LINE.safeParse(line);
    if (!parsed.success) {
      const issue = parsed.error.issues[0];
      throw new RecordError(
        `${issue?.path.length ? `${issue.path.join('.')}: ` : ''}${issue?.message ?? 'is no document'}`,
      );
    }
    return { ...parsed.data, createdAt: this.#date(parsed.data.createdAt ?? null) };
  }

  #metadata(content: readonly string[] | JsonObject, conversation: string | null): JsonObject {
    const author = this.#cell(content, 'author');
    const metadata: JsonObject = {};
    for (const column of this.#metadataColumns) {
      const value = this.#read(content, column);
      if (isJsonObject(value) && isMetadataName(column)) {
        Object.assign(metadata, value);
        continue;
      }
      const trimmed = typeof value === 'string' ? value.trim() : value;
      if (trimmed !== null && trimmed !== '') metadata[column] = trimmed;
    }
    if (conversation !== null) metadata.conversation = conversation;
    if (author !== null) metadata.author = author;
    return metadata;
  }

  /** Kept as it is: white space at the beginning of a line may say something. */
  #text(content: readonly string[] | JsonObject): string | null {
    const { text } = this.#mapping;
    return text === undefined ? null : cellText(this.#read(content, text));
  }

  /** Null where it is blank, or the mapping has no such column. */
  #cell(content: readonly string[] | JsonObject, field: ColumnField): string | null {
    const column = this.#mapping[field];
    if (column === undefined) return null;
    return cellText(this.#read(content, column)).trim() || null;
  }

  #date(text: string | null): Date | null {
    if (text === null || text.trim() === '') return null;
    const date = readDate(text, this.#mapping.dateOrder);
    if (date === null) throw new RecordError(`createdAt: ${JSON.stringify(text.slice(0, 80))} is no date`);
    return date;
  }

  #asObject(content: readonly string[] | JsonObject): JsonObject {
    if (isJsonObject(content)) return content;
    return Object.fromEntries(content.map((cell, i) => [this.#columns[i] ?? `cell ${i + 1}`, cell]));
  }
}

/** A value as the text that a column of CSV would have; '' for none. */
export function cellText(value: JsonValue | undefined): string {
  if (value === null || value === undefined) return '';
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}
