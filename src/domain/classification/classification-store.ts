import type { WorkspaceScope } from '../../db/workspace-scope.ts';
import type { Classification } from './classification.ts';
import type { AssignedLabel } from './taxonomy.ts';

/** A classification of a document, with what tells whether it still holds. */
export interface StoredClassification extends Classification {
  documentId: string;
  labels: AssignedLabel[];
  /** Of the sentiment taxonomy alone: -1 to 1. */
  score: number | null;
  contentHash: Uint8Array;
  revision: number;
}

/** The classifications of some documents in one taxonomy, whether they still hold or not. */
export async function readClassifications(
  scope: WorkspaceScope,
  taxonomy: string,
  documentIds: readonly string[],
): Promise<Map<string, StoredClassification>> {
  const rows = await scope.sql<StoredClassification[]>`
    select ${columns(scope)} from classifications
    where workspace_id = ${scope.workspaceId} and taxonomy = ${taxonomy}
      and document_id = any(${[...documentIds]}::text[])`;
  return new Map(rows.map((row) => [row.documentId, row]));
}

export async function findClassifications(
  scope: WorkspaceScope,
  ids: readonly string[],
): Promise<StoredClassification[]> {
  return await scope.sql<StoredClassification[]>`
    select ${columns(scope)} from classifications
    where workspace_id = ${scope.workspaceId} and id = any(${[...ids]}::text[])`;
}

/**
 * Stores what a model said. What a person said meanwhile stays, as does what was learned from a later revision;
 * documents that are gone are passed over. A document that had labels keeps the id of its classification.
 */
export async function storeClassifications(
  scope: WorkspaceScope,
  taxonomy: string,
  made: readonly StoredClassification[],
): Promise<void> {
  const rows = made.map((row) => ({
    document_id: row.documentId,
    id: row.id,
    labels: row.labels,
    confidence: row.confidence,
    score: row.score,
    reasoning: row.reasoning,
    model: row.model,
    content_hash: Buffer.from(row.contentHash).toString('hex'),
    revision: row.revision,
  }));
  await scope.sql`
    with made as (
      select * from jsonb_to_recordset(${scope.sql.json(rows as never)}) as m (
        document_id text, id text, labels jsonb, confidence float8, score float8, reasoning text, model text,
        content_hash text, revision int)
    ), present as (
      select d.id from documents d
      where d.workspace_id = ${scope.workspaceId} and d.id in (select document_id from made)
      order by d.id for key share
    )
    insert into classifications as c (
      workspace_id, document_id, taxonomy, id, labels, confidence, score, reasoning, model, content_hash, revision)
    select
      ${scope.workspaceId}, m.document_id, ${taxonomy}, m.id, m.labels, m.confidence, m.score, m.reasoning, m.model,
      decode(m.content_hash, 'hex'), m.revision
    from made m join present p on p.id = m.document_id
    order by m.document_id
    on conflict (workspace_id, document_id, taxonomy) do update set
      labels = excluded.labels, confidence = excluded.confidence, score = excluded.score,
      reasoning = excluded.reasoning, model = excluded.model, content_hash = excluded.content_hash,
      revision = excluded.revision, classified_at = now()
    where c.corrected_by is null and c.revision <= excluded.revision`;
}

/** Stores what a person said, over whatever was there. */
export async function storeCorrection(
  scope: WorkspaceScope,
  correction: Omit<StoredClassification, 'classifiedAt'>,
): Promise<StoredClassification> {
  const rows = await scope.sql<StoredClassification[]>`
    insert into classifications (
      workspace_id, document_id, taxonomy, id, labels, confidence, score, reasoning, model, corrected_by, content_hash,
      revision)
    values (
      ${scope.workspaceId}, ${correction.documentId}, ${correction.taxonomy}, ${correction.id},
      ${scope.sql.json(correction.labels as never)}, ${correction.confidence}, ${correction.score},
      ${correction.reasoning}, ${correction.model}, ${correction.correctedBy}, ${correction.contentHash},
      ${correction.revision})
    on conflict (workspace_id, document_id, taxonomy) do update set
      labels = excluded.labels, confidence = excluded.confidence, score = excluded.score,
      reasoning = excluded.reasoning, model = excluded.model, corrected_by = excluded.corrected_by,
      content_hash = excluded.content_hash, revision = excluded.revision, classified_at = now()
    returning ${columns(scope)}`;
  if (rows[0] === undefined) throw new Error('an upsert gives the row that it wrote');
  return rows[0];
}

/** The content hash of a document that stays until the transaction ends; null where there is none. */
export async function lockDocument(scope: WorkspaceScope, id: string): Promise<Uint8Array | null> {
  const rows = await scope.sql<{ contentHash: Uint8Array }[]>`
    select content_hash from documents where workspace_id = ${scope.workspaceId} and id = ${id} for key share`;
  return rows[0]?.contentHash ?? null;
}

export interface CorrectedDocument {
  title: string | null;
  /** Its beginning: as much as a classifier reads. */
  text: string;
  labels: AssignedLabel[];
}

/** What people have corrected in a taxonomy, the newest first. */
export async function readCorrections(
  scope: WorkspaceScope,
  taxonomy: string,
  limit: number,
): Promise<CorrectedDocument[]> {
  return await scope.sql<CorrectedDocument[]>`
    select d.title, left(d.text, 20000) as text, k.labels
    from classifications k
    join documents d on d.workspace_id = k.workspace_id and d.id = k.document_id
    where k.workspace_id = ${scope.workspaceId} and k.taxonomy = ${taxonomy} and k.corrected_by is not null
    order by k.classified_at desc, k.id desc limit ${limit}`;
}

function columns(scope: WorkspaceScope) {
  return scope.sql`
    id, document_id, taxonomy, labels, confidence, score, reasoning, model, corrected_by, content_hash, revision,
    classified_at`;
}
