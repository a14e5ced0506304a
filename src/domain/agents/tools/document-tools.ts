import { resolveDocumentFilter } from '../../classification/classification-filter.ts';
import { passagesOf } from '../../conversations/answering/passage.ts';
import { readQuestion } from '../../conversations/answering/question.ts';
import type { Document, DocumentFilter } from '../../documents/document.ts';
import { findDocuments, listDocuments } from '../../documents/document-store.ts';
import { lastDocumentId, nextProcessed } from '../../documents/process-store.ts';
import type { AgentTools, FoundDocument } from '../agent-tools.ts';
import { withinReach } from './run-reach.ts';
import { checkCount } from './tool-arguments.ts';
import { inWorkspace, type ToolParts, type ToolRun } from './tool-run.ts';

const FOUND_MAX = 50;
const FOUND_USUALLY = 10;
const PAGE_MAX = 500;
const READ_MAX = 200;

type DocumentTools = Pick<AgentTools, 'search' | 'listDocuments' | 'listNewest' | 'readDocuments'>;

/** What a run reads of documents. */
export function documentTools(parts: ToolParts, run: ToolRun): DocumentTools {
  return {
    search: (query, { filter, first = FOUND_USUALLY } = {}) => search(parts, run, query, filter, first),
    listDocuments: async ({ filter, after = null, first }) => {
      checkCount('first', first, PAGE_MAX);
      const embeddingModel = await parts.catalog.documentEmbeddingModelId(run.reach.workspaceId);
      return inWorkspace(parts, run, async (scope) => {
        const upTo = await lastDocumentId(scope);
        if (upTo === null) return [];
        const resolved = await resolveDocumentFilter(scope, withinReach(run.reach, filter));
        const which = { filter: resolved, upTo, missing: null, embeddingModel };
        const ids = await nextProcessed(scope, which, after, first);
        return inOrder(ids, await findDocuments(scope, ids, embeddingModel));
      });
    },
    listNewest: async ({ filter, after = null, first }) => {
      checkCount('first', first, PAGE_MAX);
      const embeddingModel = await parts.catalog.documentEmbeddingModelId(run.reach.workspaceId);
      const place = after === null ? null : { id: after.id, createdAt: new Date(after.createdAt) };
      return inWorkspace(parts, run, async (scope) => {
        const resolved = await resolveDocumentFilter(scope, withinReach(run.reach, filter));
        return listDocuments(scope, resolved, { limit: first, after: place }, embeddingModel);
      });
    },
    readDocuments: (ids) => readDocuments(parts, run, ids),
  };
}

/** Those of some documents that are there and within reach, in the order of the ids. */
export async function readDocuments(parts: ToolParts, run: ToolRun, ids: readonly string[]): Promise<Document[]> {
  const wanted = [...new Set(ids)];
  checkCount('ids', wanted.length, READ_MAX, 0);
  const { workspaceId, collectionIds } = run.reach;
  const embeddingModel = await parts.catalog.documentEmbeddingModelId(workspaceId);
  const found = await inWorkspace(parts, run, (scope) => findDocuments(scope, wanted, embeddingModel));
  return inOrder(
    wanted,
    found.filter(({ collectionId }) => collectionIds === null || collectionIds.includes(collectionId)),
  );
}

async function search(
  parts: ToolParts,
  run: ToolRun,
  query: string,
  filter: DocumentFilter | undefined,
  first: number,
): Promise<FoundDocument[]> {
  checkCount('first', first, FOUND_MAX);
  const page = await parts.search.search(run.call('search'), {
    ...{ query, first, filter: withinReach(run.reach, filter), mode: 'HYBRID', fusion: 'WEIGHTED' },
    ...{ after: null, minSimilarity: null, rerank: false },
  });
  const ids = page.hits.map(({ documentId }) => documentId);
  const documents = new Map((await readDocuments(parts, run, ids)).map((document) => [document.id, document]));
  const question = readQuestion(query);
  return page.hits.flatMap((hit) => {
    const document = documents.get(hit.documentId);
    if (document === undefined) return [];
    const [passage] = passagesOf([{ ...hit, document }], question, 1);
    const text = passage?.text ?? document.title ?? '';
    return [{ document, score: Math.min(1, Math.max(0, hit.score)), passage: text }];
  });
}

function inOrder(ids: readonly string[], documents: readonly Document[]): Document[] {
  const byId = new Map(documents.map((document) => [document.id, document]));
  return ids.flatMap((id) => byId.get(id) ?? []);
}
