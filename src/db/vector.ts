import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { WorkspaceScope } from './workspace-scope.ts';

/** A row of `chunks`, without the workspace and the model. */
export interface ChunkVector {
  documentId: string;
  ordinal: number;
  startOffset: number;
  endOffset: number;
  embedding: Float32Array;
}

/** A column of `chunks` that holds vectors. */
export interface VectorColumn {
  readonly name: 'embedding' | 'wide_embedding';
  readonly type: 'vector' | 'halfvec';
  readonly bytesPerNumber: 4 | 2;
  /** pgvector's binary format is big-endian, as all of Postgres' are. */
  write(view: DataView, at: number, value: number): void;
}

const FULL_PRECISION: VectorColumn = {
  name: 'embedding',
  type: 'vector',
  bytesPerNumber: 4,
  write: (view, at, value) => view.setFloat32(at, value),
};

const HALF_PRECISION: VectorColumn = {
  name: 'wide_embedding',
  type: 'halfvec',
  bytesPerNumber: 2,
  write: (view, at, value) => view.setFloat16(at, value),
};

/** Of longer vectors a row would not fit its page in full precision. The migration that made the column says it too. */
const MAX_FULL_PRECISION_DIMENSIONS = 1_900;

/** Of longer ones not in half precision either, and pgvector indexes none. https://github.com/pgvector/pgvector#hnsw */
export const MAX_STORED_DIMENSIONS = 4_000;

/** Where a model's vectors are, by their length: in one of the two columns, the other one is null. */
export function vectorColumn(dimensions: number): VectorColumn {
  return dimensions > MAX_FULL_PRECISION_DIMENSIONS ? HALF_PRECISION : FULL_PRECISION;
}

/** Rows that travel in one piece: some 3 MB at 768 dimensions, 6 MB at 3,072. */
const ROWS_PER_PIECE = 1_000;

/**
 * Stores vectors of one model, in binary: as text they take ten times as long. Inside the scope's transaction; a row
 * that is there already is replaced.
 */
export async function writeChunkVectors(
  scope: WorkspaceScope,
  model: string,
  rows: readonly ChunkVector[],
): Promise<void> {
  for (const [column, own] of Map.groupBy(rows, ({ embedding }) => vectorColumn(embedding.length))) {
    for (let start = 0; start < own.length; start += ROWS_PER_PIECE) {
      const piece = own.slice(start, start + ROWS_PER_PIECE);
      if (scope.embedded === null) await copyIn(scope, model, column, piece);
      else await bindIn(scope, model, column, piece);
    }
  }
}

/** COPY does not write to a table with row-level security, so it fills a temporary one that an INSERT reads. */
async function copyIn(
  scope: WorkspaceScope,
  model: string,
  column: VectorColumn,
  rows: readonly ChunkVector[],
): Promise<void> {
  const { sql } = scope;
  await sql`
    create temporary table if not exists incoming_chunks (
      document_id text, ordinal integer, start_offset integer, end_offset integer, embedding vector, wide_embedding halfvec
    ) on commit delete rows`;
  const copy = await sql`
    copy incoming_chunks (document_id, ordinal, start_offset, end_offset, ${sql(column.name)})
    from stdin with (format binary)`.writable();
  await pipeline(Readable.from([encodeCopy(column, rows)]), copy);
  await sql`
    insert into chunks (workspace_id, model, document_id, ordinal, start_offset, end_offset, embedding, wide_embedding)
    select ${scope.workspaceId}, ${model}, incoming_chunks.* from incoming_chunks
    on conflict (workspace_id, model, document_id, ordinal) do update
    set start_offset = excluded.start_offset, end_offset = excluded.end_offset,
      embedding = excluded.embedding, wide_embedding = excluded.wide_embedding`;
  await sql`delete from incoming_chunks`;
}

/** The embedded database takes the rows as binary arrays, in the session that this transaction is open in. */
async function bindIn(
  scope: WorkspaceScope,
  model: string,
  column: VectorColumn,
  rows: readonly ChunkVector[],
): Promise<void> {
  const types = await scope.sql<{ element: number; array: number }[]>`
    select ${column.type}::regtype::oid::int as element, ${`${column.type}[]`}::regtype::oid::int as array`;
  const type = types[0];
  if (type === undefined || scope.embedded === null) throw new Error(`the type ${column.type} is not there`);
  await scope.embedded.query(
    `insert into chunks (workspace_id, model, document_id, ordinal, start_offset, end_offset, ${column.name})
     select $1, $2, incoming.* from unnest($3::text[], $4::int[], $5::int[], $6::int[], $7::${column.type}[]) as incoming
     on conflict (workspace_id, model, document_id, ordinal) do update
     set start_offset = excluded.start_offset, end_offset = excluded.end_offset,
       embedding = excluded.embedding, wide_embedding = excluded.wide_embedding`,
    [
      scope.workspaceId,
      model,
      rows.map((row) => row.documentId),
      rows.map((row) => row.ordinal),
      rows.map((row) => row.startOffset),
      rows.map((row) => row.endOffset),
      encodeVectorArray(
        column,
        rows.map((row) => row.embedding),
        type.element,
      ),
    ],
    [type.array],
  );
}

/**
 * COPY's binary format: a signature, flags, then for each row the number of fields and each field with its length.
 * https://www.postgresql.org/docs/current/sql-copy.html
 */
function encodeCopy(column: VectorColumn, rows: readonly ChunkVector[]): Buffer {
  const ids = rows.map((row) => Buffer.from(row.documentId));
  const size = rows.reduce(
    (sum, row, i) => sum + 2 + 4 + (ids[i] as Buffer).length + 3 * 8 + 4 + vectorBytes(column, row.embedding),
    0,
  );
  const bytes = Buffer.alloc(19 + size + 2);
  let at = bytes.write('PGCOPY\n\xff\r\n\0', 0, 'latin1') + 8;
  rows.forEach((row, i) => {
    const id = ids[i] as Buffer;
    at = bytes.writeInt16BE(5, at);
    at = bytes.writeInt32BE(id.length, at);
    at += id.copy(bytes, at);
    for (const value of [row.ordinal, row.startOffset, row.endOffset]) {
      at = bytes.writeInt32BE(4, at);
      at = bytes.writeInt32BE(value, at);
    }
    at = writeVector(bytes, at, column, row.embedding);
  });
  bytes.writeInt16BE(-1, at);
  return bytes;
}

/** Postgres' binary array: dimensions, flags, element type, then each dimension's length and lower bound. */
function encodeVectorArray(column: VectorColumn, vectors: readonly Float32Array[], elementType: number): Uint8Array {
  const size = vectors.reduce((sum, vector) => sum + 4 + vectorBytes(column, vector), 0);
  const bytes = Buffer.alloc(20 + size);
  let at = 0;
  for (const value of [1, 0, elementType, vectors.length, 1]) at = bytes.writeInt32BE(value, at);
  for (const vector of vectors) at = writeVector(bytes, at, column, vector);
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length);
}

/** pgvector's binary format: int16 dimensions, int16 unused, then the numbers. */
function vectorBytes(column: VectorColumn, vector: Float32Array): number {
  return 4 + column.bytesPerNumber * vector.length;
}

/** A field or an element with its length before it. */
function writeVector(bytes: Buffer, start: number, column: VectorColumn, vector: Float32Array): number {
  let at = bytes.writeInt32BE(vectorBytes(column, vector), start);
  at = bytes.writeInt16BE(vector.length, at);
  at = bytes.writeInt16BE(0, at);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  for (const value of vector) {
    column.write(view, at, value);
    at += column.bytesPerNumber;
  }
  return at;
}

/** A vector as the text that a query's parameter takes. */
export function vectorLiteral(vector: Float32Array): string {
  return `[${Array.from(vector, (value) => Math.fround(value)).join(',')}]`;
}
