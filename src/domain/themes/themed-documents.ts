// What themes are made of: the vectors and the words of a scope's documents.

import { vectorColumn } from '../../db/vector.ts';
import type { WorkspaceScope } from '../../db/workspace-scope.ts';
import type { Fragment } from '../documents/document-filter.ts';
import type { DocumentEmbeddingModel } from '../gateway/model-catalog.ts';
import { emptyRows, normalise, type VectorRows } from './vector-rows.ts';

/** What a document's words are read of: titles and first paragraphs say what it is about. */
const TEXT_CHARACTERS = 600;

export interface DocumentVectors {
  documentIds: string[];
  collectionIds: string[];
  rows: VectorRows;
}

/** Documents with a current vector, which alone have themes. */
function embedded({ sql }: WorkspaceScope, model: string, collectionId: string | null): Fragment {
  const inScope = collectionId === null ? sql`true` : sql`d.collection_id = ${collectionId}`;
  return sql`d.embedding_status = 'READY' and d.embedding_model = ${model} and ${inScope}`;
}

export async function countEmbedded(
  scope: WorkspaceScope,
  model: string,
  collectionId: string | null,
): Promise<number> {
  const [row] = await scope.sql<{ count: number }[]>`
    select count(*)::int as count from documents d where ${embedded(scope, model, collectionId)}`;
  return row?.count ?? 0;
}

/** How many documents with a current vector each collection has. */
export async function countEmbeddedByCollection(scope: WorkspaceScope, model: string): Promise<Map<string, number>> {
  const rows = await scope.sql<{ collectionId: string; count: number }[]>`
    select d.collection_id, count(*)::int as count from documents d
    where ${embedded(scope, model, null)} group by d.collection_id`;
  return new Map(rows.map(({ collectionId, count }) => [collectionId, count]));
}

/** Documents in an order that has nothing to do with what they say, and that new ones do not change for the others. */
export async function sampleEmbedded(
  scope: WorkspaceScope,
  model: string,
  collectionId: string | null,
  limit: number,
): Promise<{ id: string; themeId: string | null }[]> {
  const { sql, workspaceId } = scope;
  return await sql<{ id: string; themeId: string | null }[]>`
    select d.id, k.theme_id
    from (
      select d.id from documents d where ${embedded(scope, model, collectionId)} order by md5(d.id), d.id limit ${limit}
    ) d
    left join document_themes k on k.document_id = d.id and k.scope = ${collectionId ?? workspaceId}
    order by md5(d.id), d.id`;
}

/** The ids after `after`, in their order. */
export async function embeddedAfter(
  scope: WorkspaceScope,
  model: string,
  collectionId: string | null,
  page: { after: string; limit: number },
): Promise<string[]> {
  const rows = await scope.sql<{ id: string }[]>`
    select d.id from documents d where ${embedded(scope, model, collectionId)} and d.id > ${page.after}
    order by d.id limit ${page.limit}`;
  return rows.map(({ id }) => id);
}

/** Ids of documents that a set has not sorted yet. */
export async function unsortedDocuments(
  scope: WorkspaceScope,
  model: string,
  collectionId: string | null,
  limit: number,
): Promise<string[]> {
  const { sql, workspaceId } = scope;
  const rows = await sql<{ id: string }[]>`
    select d.id from documents d
    where ${embedded(scope, model, collectionId)} and not exists (
      select from document_themes k where k.workspace_id = d.workspace_id and k.document_id = d.id
        and k.scope = ${collectionId ?? workspaceId}
    ) order by d.id limit ${limit}`;
  return rows.map(({ id }) => id);
}

/**
 * The vectors of documents, in the order of the ids, each the mean of its chunks'. Those without a current one are left
 * out. They travel in binary: as text they take several times as long.
 */
export async function readDocumentVectors(
  scope: WorkspaceScope,
  { id: model, dimensions }: DocumentEmbeddingModel,
  ids: readonly string[],
): Promise<DocumentVectors> {
  const { sql } = scope;
  const column = sql(`c.${vectorColumn(dimensions).name}`);
  const read = await sql<{ id: string; collectionId: string; vector: Uint8Array }[]>`
    select d.id, d.collection_id, vector_send(avg(${column})::vector) as vector
    from unnest(${[...ids]}::text[]) with ordinality as i (id, place)
    join documents d on d.id = i.id
    join chunks c on c.workspace_id = d.workspace_id and c.document_id = d.id and c.model = ${model}
    where ${embedded(scope, model, null)}
    group by d.workspace_id, d.id, d.collection_id, i.place order by i.place`;
  const rows = emptyRows(read.length, dimensions);
  for (const [row, { vector }] of read.entries()) {
    readVector(vector, rows.values, row * dimensions, dimensions);
    normalise(rows.values, row * dimensions, dimensions);
  }
  return { documentIds: read.map(({ id }) => id), collectionIds: read.map(({ collectionId }) => collectionId), rows };
}

/** Title and beginning of documents, by id. */
export async function readBeginnings({ sql }: WorkspaceScope, ids: readonly string[]): Promise<Map<string, string>> {
  const rows = await sql<{ id: string; title: string | null; text: string }[]>`
    select id, title, left(text, ${TEXT_CHARACTERS}) as text from documents where id = any(${[...ids]}::text[])`;
  return new Map(
    rows.map(({ id, title, text }) => [id, title === null || text.startsWith(title) ? text : `${title}\n${text}`]),
  );
}

/** pgvector's binary format: int16 dimensions, int16 unused, then the numbers, big-endian. */
function readVector(bytes: Uint8Array, into: Float32Array, at: number, dimensions: number): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.getInt16(0) !== dimensions) throw new Error(`a vector of ${dimensions} dimensions is due`);
  for (let i = 0; i < dimensions; i++) into[at + i] = view.getFloat32(4 + 4 * i);
}
