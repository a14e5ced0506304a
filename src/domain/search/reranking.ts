import { chunkInput } from '../documents/chunking.ts';
import type { Document } from '../documents/document.ts';
import { NoProviderError } from '../gateway/errors.ts';
import type { ModelCall } from '../gateway/model-call.ts';
import type { ModelCatalog } from '../gateway/model-catalog.ts';
import type { ModelGateway } from '../gateway/model-gateway.ts';
import { encodeCursor, type PageWindow, type SearchHit, type SearchPage } from './search.ts';

/** Hits that are put in order; a reranked search shows no others, so that its pages fit together. */
export const RERANKED_HITS = 50;
/** What of a document the reranker reads: its title and its best passage. */
const PASSAGE_MAX_CHARACTERS = 2_000;
/** Rerankers read query and passage together, and few of them more than a page. */
const QUERY_MAX_CHARACTERS = 2_000;

/**
 * Id of the model that reranks: the first that can.
 * @throws NoProviderError
 */
export async function findReranker(catalog: ModelCatalog, workspaceId: string): Promise<string> {
  const [model] = await catalog.list(workspaceId, ['RERANK']);
  if (model !== undefined) return model.id;
  throw new NoProviderError(
    'the workspace has no model that reranks (RERANK): make an integration that has one with createIntegration, or search without rerank',
  );
}

/** What a reranker is asked. */
export interface RerankInput {
  model: string;
  query: string;
  /** The first page of the search, of `RERANKED_HITS` hits. */
  page: SearchPage;
  /** The documents of its hits. */
  documents: ReadonlyMap<string, Document>;
  window: PageWindow;
}

/**
 * The page of the window, in the reranker's order and with its scores.
 * @throws LimitReachedError, ProviderFailedError
 */
export async function rerankPage(gateway: ModelGateway, call: ModelCall, input: RerankInput): Promise<SearchPage> {
  const { model, query, page, documents, window } = input;
  const read = page.hits.flatMap((hit) => {
    const document = documents.get(hit.documentId);
    return document === undefined ? [] : [{ hit, text: passageOf(document, hit) }];
  });
  if (read.length === 0) return { ...page, hits: [], hasNextPage: false, endCursor: null };
  const asked = { model, query: query.slice(0, QUERY_MAX_CHARACTERS), texts: read.map(({ text }) => text) };
  const { result } = await gateway.rerank({ ...call, operation: 'rerank' }, asked);
  const ordered = read
    .map(({ hit }, i) => ({ ...hit, score: result.scores[i] as number }))
    .sort((left, right) => right.score - left.score || left.rank - right.rank)
    .map((hit, i) => ({ ...hit, rank: i + 1, cursor: encodeCursor(i + 1, window.fingerprint) }));
  const hits = ordered.slice(window.offset, window.offset + window.first);
  const hasNextPage = ordered.length > window.offset + window.first;
  const complete = page.plan.complete && (hasNextPage || !page.hasNextPage);
  return {
    ...{ hits, hasNextPage, totalCount: page.totalCount, endCursor: hits.at(-1)?.cursor ?? null },
    plan: { ...page.plan, complete, reranked: true },
  };
}

/** The passage that came closest in meaning; the beginning where only words were compared. */
function passageOf({ title, text }: Document, { bestChunk }: SearchHit): string {
  const passage = bestChunk === null ? text : text.slice(bestChunk.start, bestChunk.end);
  return chunkInput(title, passage).slice(0, PASSAGE_MAX_CHARACTERS);
}
