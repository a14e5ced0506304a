import type { PendingQuery, Row } from 'postgres';
import type { WorkspaceReads } from '../../db/workspace-scope.ts';
import type { DocumentFilter } from './document.ts';

/** A piece of SQL. */
export type Fragment = PendingQuery<Row[]>;

/** Whether a filter narrows anything at all: metadata without a key is contained in every document's. */
export function isNarrowing(filter: DocumentFilter | null | undefined): filter is DocumentFilter {
  if (filter == null) return false;
  const { metadata, ...others } = filter;
  return (metadata != null && Object.keys(metadata).length > 0) || Object.values(others).some((value) => value != null);
}

/**
 * The condition of a filter on `documents d`, beginning with "true". Labels of open-ended dimensions are as people wrote
 * them, so all are compared without case, spaces, hyphens and underscores.
 * @param filter as `resolveDocumentFilter` gives it
 * @param embeddingModel the workspace's model: what another model embedded is STALE
 */
export function documentCondition(
  scope: WorkspaceReads,
  filter: DocumentFilter | null | undefined,
  embeddingModel: string,
): Fragment {
  const { sql } = scope;
  const parts: Fragment[] = [];
  if (filter?.collectionIds != null) parts.push(sql`d.collection_id = any(${[...filter.collectionIds]}::text[])`);
  if (filter?.kinds != null) parts.push(sql`d.kind = any(${[...filter.kinds]}::text[])`);
  if (filter?.metadata != null) parts.push(sql`d.id in (select documents_with_metadata(${sql.json(filter.metadata)}))`);
  if (filter?.createdAfter != null) parts.push(sql`d.created_at > ${filter.createdAfter}`);
  if (filter?.createdBefore != null) parts.push(sql`d.created_at < ${filter.createdBefore}`);
  if (filter?.embedding != null) {
    parts.push(sql`${embeddingStatus(scope, embeddingModel)} = any(${[...filter.embedding]}::text[])`);
  }
  if (filter?.classification != null) {
    const { taxonomy, labels, minConfidence } = filter.classification;
    const keys = labels.map((label) => label.toLowerCase().replace(/[ _-]/g, ''));
    parts.push(sql`exists (
      select from classifications k, jsonb_array_elements(k.labels) given
      where k.workspace_id = d.workspace_id and k.document_id = d.id and k.taxonomy = ${taxonomy}
        and translate(lower(given->>'label'), ' _-', '') = any(${keys}::text[]) and (given->>'confidence')::float8 >= ${minConfidence ?? 0}
    )`);
  }
  if (filter?.themeIds != null) {
    parts.push(
      sql`d.id in (select k.document_id from document_themes k where k.theme_id = any(${[...filter.themeIds]}::text[]))`,
    );
  }
  return parts.reduce((condition, part) => sql`${condition} and ${part}`, sql`true`);
}

/** The embedding state as a client sees it. */
export function embeddingStatus(scope: WorkspaceReads, embeddingModel: string): Fragment {
  return scope.sql`case when d.embedding_status = 'READY' and d.embedding_model <> ${embeddingModel} then 'STALE' else d.embedding_status end`;
}
