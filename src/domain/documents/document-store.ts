import type { ChunkVector } from '../../db/vector.ts';
import type { WorkspaceReads, WorkspaceScope } from '../../db/workspace-scope.ts';
import type { Collection, Document, DocumentFilter } from './document.ts';
import { documentCondition, embeddingStatus, type Fragment } from './document-filter.ts';
import { identifierLexeme } from './identifiers.ts';

/** Characters that keyword search looks at: a tsvector holds 1 MB at the most. */
const LEXEME_CHARACTERS = 200_000;

/** A document that is about to be written. */
export type NewDocument = Omit<
  Document,
  'embeddingStatus' | 'embeddingModel' | 'embeddedAt' | 'tokenCount' | 'chunkCount' | 'updatedAt' | 'createdAt'
> & {
  /** Null: what is stored, else now. */
  createdAt: Date | null;
  /** What people call it by; keyword search finds each as a whole and by its parts. */
  identifiers: string[];
};

/** What is known of a document before it is written again. */
export interface StoredDocument {
  id: string;
  externalId: string;
  contentHash: Uint8Array;
  createdAt: Date;
  /** Whether its text has no vector of the given model yet. */
  pending: boolean;
}

/** The documents of these external ids, locked until the transaction ends, in the order that every writer locks them in. */
export async function lockByExternalIds(
  scope: WorkspaceScope,
  collectionId: string,
  externalIds: readonly string[],
  embeddingModel: string,
): Promise<StoredDocument[]> {
  return await scope.sql<StoredDocument[]>`
    select id, external_id, content_hash, created_at,
      not (embedding_status = 'READY' and embedding_model = ${embeddingModel}) as pending
    from documents where collection_id = ${collectionId} and external_id = any(${[...externalIds]}::text[])
    order by external_id collate "C", id for no key update`;
}

export interface WrittenDocument {
  id: string;
  externalId: string | null;
  created: boolean;
}

/**
 * Inserts documents, or updates those whose external id is there. A changed text makes the embedding STALE (its old
 * vectors serve until the new ones are there).
 * @returns the rows that were inserted or changed; a row that stood there just so is left out
 */
export async function writeDocuments(scope: WorkspaceScope, rows: readonly NewDocument[]): Promise<WrittenDocument[]> {
  const { sql } = scope;
  // Written in the order that every writer locks documents in. The clock is cut to milliseconds: a Date holds no more,
  // and a cursor or a second write must meet the very same instant.
  const incoming = JSON.stringify(
    rows.map(({ identifiers, ...row }) => ({
      ...row,
      contentHash: Buffer.from(row.contentHash).toString('hex'),
      // The parser takes the hyphen of `MOB-281` for a minus: its parts are given without it too.
      identifierText: identifiers.map((id) => `${id} ${id.replace(/[^\p{L}\p{N}]+/gu, ' ')}`).join(' '),
      identifierLexemes: identifiers.map(identifierLexeme),
    })),
  );
  return await sql<WrittenDocument[]>`
    with incoming as materialized (
      select * from jsonb_to_recordset(${incoming}::text::jsonb) as i (
        "id" text, "collectionId" text, "externalId" text, "kind" text, "title" text, "text" text, "source" jsonb,
        "metadata" jsonb, "language" text, "contentHash" text, "createdAt" timestamptz, "identifierText" text, "identifierLexemes" text[]
      )
    )
    insert into documents as d (
        workspace_id, id, collection_id, external_id, kind, title, text, source, metadata, language, content_hash,
        lexemes, embedding_status, created_at
      )
      select ${scope.workspaceId}, "id", "collectionId", "externalId", "kind", "title", "text", "source", "metadata",
        "language", decode("contentHash", 'hex'),
        array_to_tsvector("identifierLexemes")
          || setweight(to_tsvector('english', "identifierText" || ' ' || coalesce(left("title", 2000), '')), 'A')
          || setweight(to_tsvector('english', left("text", ${LEXEME_CHARACTERS})), 'D'),
        'MISSING', coalesce("createdAt", date_trunc('milliseconds', now()))
      from incoming
      order by "externalId" collate "C", "id"
      on conflict (workspace_id, collection_id, external_id) do update set
        kind = excluded.kind, title = excluded.title, text = excluded.text, source = excluded.source,
        metadata = excluded.metadata, language = excluded.language, content_hash = excluded.content_hash,
        lexemes = excluded.lexemes, created_at = excluded.created_at, updated_at = now(),
        embedding_status = case
          when d.content_hash = excluded.content_hash and d.embedding_status <> 'FAILED' then d.embedding_status
          when d.embedding_status = 'READY' then 'STALE'
          when d.embedding_status = 'FAILED' then 'MISSING'
          else d.embedding_status
        end
        where (d.content_hash, d.kind, d.title, d.source, d.metadata, d.created_at)
          is distinct from (excluded.content_hash, excluded.kind, excluded.title, excluded.source, excluded.metadata, excluded.created_at)
          or d.embedding_status = 'FAILED'
    returning d.id, d.external_id, d.xmax = 0 as created`;
}

export async function findDocuments(
  scope: WorkspaceReads,
  ids: readonly string[],
  embeddingModel: string,
): Promise<Document[]> {
  return await scope.sql<Document[]>`
    select ${documentColumns(scope, embeddingModel)} from documents d where d.id = any(${[...ids]}::text[])`;
}

/** Where a page of documents begins, and how long it is. `after` is the last document of the page before. */
export interface DocumentPlace {
  limit: number;
  after: { createdAt: Date; id: string } | null;
}

/** Documents of a filter, newest first. */
export async function listDocuments(
  scope: WorkspaceReads,
  filter: DocumentFilter | null,
  place: DocumentPlace,
  embeddingModel: string,
): Promise<Document[]> {
  return await scope.sql<Document[]>`
    select ${documentColumns(scope, embeddingModel)} from documents d
    where ${placeCondition(scope, filter, place, embeddingModel)}
    order by d.created_at desc, d.id desc limit ${place.limit}`;
}

/** What tells one document from another: the rest takes longer to read than all of this. */
export type BriefDocument = Pick<
  Document,
  'id' | 'collectionId' | 'externalId' | 'kind' | 'title' | 'language' | 'createdAt' | 'updatedAt'
>;

/** What a list is read for. */
export interface DocumentsAsked {
  /** Whether a `BriefDocument` will do. */
  isBrief: boolean;
  withCollections: boolean;
}

export interface DocumentList {
  /** Whole where they were not asked for briefly. */
  documents: BriefDocument[];
  /** Those that the documents are in; none where they were not asked for. */
  collections: Collection[];
}

type PlacedDocument = BriefDocument & {
  collectionName: string;
  collectionSlug: string;
  collectionKind: Collection['kind'];
  collectionCreatedAt: Date;
};

/** Documents of a filter, newest first, with what is asked for along with them: one statement for a page. */
export async function listDocumentsAsAsked(
  scope: WorkspaceReads,
  filter: DocumentFilter | null,
  place: DocumentPlace,
  embeddingModel: string,
  { isBrief, withCollections }: DocumentsAsked,
): Promise<DocumentList> {
  const { sql } = scope;
  const columns = isBrief
    ? sql`d.id, d.collection_id, d.external_id, d.kind, d.title, d.language, d.created_at, d.updated_at`
    : documentColumns(scope, embeddingModel);
  const page = sql`
    select * from documents d where ${placeCondition(scope, filter, place, embeddingModel)}
    order by d.created_at desc, d.id desc limit ${place.limit}`;
  if (!withCollections) {
    const documents = await sql<
      BriefDocument[]
    >`select ${columns} from (${page}) d order by d.created_at desc, d.id desc`;
    return { documents, collections: [] };
  }
  // Joined when the page is cut: its order comes from the index, whatever the planner thinks of the join.
  const documents = await sql<PlacedDocument[]>`
    select ${columns}, c.name as collection_name, c.slug as collection_slug, c.kind as collection_kind,
      c.created_at as collection_created_at
    from (${page}) d join collections c on c.workspace_id = d.workspace_id and c.id = d.collection_id
    order by d.created_at desc, d.id desc`;
  return { documents, collections: collectionsOf(documents) };
}

function collectionsOf(documents: readonly PlacedDocument[]): Collection[] {
  const collections = new Map<string, Collection>();
  for (const row of documents) {
    const { collectionId: id, collectionName: name, collectionSlug: slug } = row;
    const { collectionKind: kind, collectionCreatedAt: createdAt } = row;
    if (!collections.has(id)) collections.set(id, { id, name, slug, kind, createdAt });
  }
  return [...collections.values()];
}

function placeCondition(
  scope: WorkspaceReads,
  filter: DocumentFilter | null,
  { after }: DocumentPlace,
  embeddingModel: string,
): Fragment {
  const { sql } = scope;
  const condition = documentCondition(scope, filter, embeddingModel);
  return after === null ? condition : sql`${condition} and (d.created_at, d.id) < (${after.createdAt}, ${after.id})`;
}

export async function countDocuments(
  scope: WorkspaceReads,
  filter: DocumentFilter | null,
  embeddingModel: string,
): Promise<number> {
  const rows = await scope.sql<{ count: number }[]>`
    select count(*)::int as count from documents d where ${documentCondition(scope, filter, embeddingModel)}`;
  return rows[0]?.count ?? 0;
}

/** Deletes documents with their vectors and labels; at most `limit` at once. Returns the ids of those that went. */
export async function deleteDocuments(
  scope: WorkspaceScope,
  which: { ids: readonly string[] } | { filter: DocumentFilter },
  limit: number,
  embeddingModel: string,
): Promise<string[]> {
  const { sql } = scope;
  const condition =
    'ids' in which
      ? sql`d.id = any(${[...which.ids]}::text[])`
      : documentCondition(scope, which.filter, embeddingModel);
  const deleted = await sql<{ id: string }[]>`
    delete from documents where (workspace_id, id) in (
      select d.workspace_id, d.id from documents d where ${condition}
      order by d.external_id collate "C", d.id limit ${limit} for update
    ) returning id`;
  return deleted.map(({ id }) => id);
}

/** What has to be known of a document to embed it. */
export type PendingDocument = Pick<Document, 'id' | 'title' | 'text' | 'contentHash'>;

/** Those of the documents whose text has no vector of the model yet. */
export async function pendingDocuments(
  scope: WorkspaceScope,
  ids: readonly string[],
  embeddingModel: string,
): Promise<PendingDocument[]> {
  return await scope.sql<PendingDocument[]>`
    select id, title, text, content_hash from documents
    where id = any(${[...ids]}::text[]) and not (embedding_status = 'READY' and embedding_model = ${embeddingModel})
    order by id`;
}

export interface EmbeddedDocument {
  id: string;
  /** Of the text that was embedded. */
  contentHash: Uint8Array;
  tokenCount: number;
  chunks: Omit<ChunkVector, 'documentId'>[];
}

/** What is written of embedded documents, beside their vectors: JSON for `jsonb_to_recordset`. */
export function embeddedRows(documents: readonly EmbeddedDocument[]): string {
  const rows = documents.map((document) => ({
    id: document.id,
    contentHash: Buffer.from(document.contentHash).toString('hex'),
    tokenCount: document.tokenCount,
    chunkCount: document.chunks.length,
  }));
  return JSON.stringify(rows);
}

/**
 * The documents whose text is still the one that was embedded, marked READY and cleared of the model's old vectors.
 * A text that has changed meanwhile is left alone: its own job is under way.
 */
export async function markEmbedded(
  scope: WorkspaceScope,
  documents: readonly EmbeddedDocument[],
  model: string,
): Promise<Set<string>> {
  const { sql } = scope;
  const incoming = embeddedRows(documents);
  const marked = await sql<{ id: string }[]>`
    with incoming as (
      select * from jsonb_to_recordset(${incoming}::text::jsonb) as i ("id" text, "contentHash" text, "tokenCount" int, "chunkCount" int)
    ), unchanged as (
      select d.id from documents d join incoming i on d.id = i."id" and d.content_hash = decode(i."contentHash", 'hex')
      order by d.external_id collate "C", d.id for no key update of d
    )
    update documents d set embedding_status = 'READY', embedding_model = ${model}, embedded_at = now(), embedding_error = null,
      token_count = i."tokenCount", chunk_count = i."chunkCount"
    from incoming i where d.id = i."id" and d.id in (select id from unchanged)
    returning d.id`;
  const ids = marked.map((row) => row.id);
  await Promise.all([
    sql`delete from chunks where document_id = any(${ids}::text[]) and model = ${model}`,
    // What was prepared of an earlier text is no more.
    sql`delete from prepared_embeddings where model = ${model} and document_id = any(${ids}::text[])`,
  ]);
  return new Set(ids);
}

/** Marks a document whose text is still the one that was refused. */
export async function markFailed(scope: WorkspaceScope, document: PendingDocument, reason: string): Promise<void> {
  await scope.sql`
    update documents set embedding_status = 'FAILED', embedding_error = ${reason}
    where id = ${document.id} and content_hash = ${document.contentHash}`;
}

function documentColumns(scope: WorkspaceReads, embeddingModel: string): Fragment {
  return scope.sql`
    d.id, d.collection_id, d.external_id, d.kind, d.title, d.text, d.source, d.metadata, d.language, d.content_hash,
    ${embeddingStatus(scope, embeddingModel)} as embedding_status, d.embedding_model, d.embedded_at, d.token_count,
    d.chunk_count, d.created_at, d.updated_at`;
}
