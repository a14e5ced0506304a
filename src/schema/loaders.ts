import DataLoader from 'dataloader';
import type { ApiKey } from '../domain/access/api-key.ts';
import type { Classification, Sentiment } from '../domain/classification/classification.ts';
import type { Collection, Document } from '../domain/documents/document.ts';
import type { Import } from '../domain/imports/import.ts';
import type { Integration } from '../domain/integrations/integration.ts';
import type { Job } from '../domain/queues/job.ts';
import type { RankedHit } from '../domain/search/search.ts';
import type { Summary } from '../domain/summaries/summary.ts';
import type { BudgetState } from '../domain/usage/budget.ts';
import type { Operation } from '../domain/usage/usage-event.ts';
import { type AgentLoaders, agentLoaders } from './agents/agent-loaders.ts';
import { type ConversationLoaders, conversationLoaders } from './conversations/conversation-loaders.ts';
import { type FindingLoaders, findingLoaders } from './insights/finding-loaders.ts';
import { inOrder, remembered } from './loading.ts';
import { type GraphRequest, modelCall } from './request.ts';
import { type ThemeLoaders, themeLoaders } from './themes/theme-loaders.ts';

/** Keyed by the document's id, given the document. */
type DocumentLoader<Result> = DataLoader<Document, Result | null, string>;

/** Things that many fields of one request ask for, loaded together. */
export interface Loaders extends ThemeLoaders, ConversationLoaders, FindingLoaders, AgentLoaders {
  document: DataLoader<string, Document | null>;
  collection: DataLoader<string, Collection | null>;
  apiKey: DataLoader<string, ApiKey | null>;
  apiKeyBudget: DataLoader<string, BudgetState | null>;
  integration: DataLoader<string, Integration | null>;
  /** What the ledger says that an integration has cost, by its name. */
  integrationCost: DataLoader<string, string>;
  embeddingCoverage: DataLoader<string, number>;
  /** These are read anew each time: a subscription asks again and again how far they are. */
  job: DataLoader<string, Job | null>;
  /** The import whose records a job stores, by the job's id. */
  importOfJob: DataLoader<string, Import | null>;
  /** Labels by taxonomy: a page of documents makes one provider call. */
  classification(taxonomy: string): DocumentLoader<Classification>;
  sentiment: DocumentLoader<Sentiment>;
  summary: DocumentLoader<Summary>;
  similar(args: { first: number; minSimilarity: number }): DataLoader<string, RankedHit[]>;
}

/** Ids that one query looks up at the most. */
const MAX_BATCH = 500;
/** Documents of one model call: a page has 100 at the most, but a query may hold several pages. */
const MAX_AI_BATCH = 200;

export function createLoaders(request: GraphRequest): Loaders {
  const byId = <Item extends { id: string }>(find: (ids: readonly string[]) => Promise<readonly Item[]>) =>
    new DataLoader<string, Item | null>(async (ids) => inOrder(ids, await find(ids)), { maxBatchSize: MAX_BATCH });
  const classifications = new Map<string, DocumentLoader<Classification>>();
  const similars = new Map<string, ReturnType<Loaders['similar']>>();
  return {
    document: byId((ids) => request.services.documents.find(request.caller, ids)),
    collection: byId((ids) => request.services.collections.find(request.caller, ids)),
    apiKey: byId((ids) => request.services.apiKeys.find(request.caller, ids)),
    apiKeyBudget: new DataLoader(async (ids) => {
      const budgets = await request.services.budgets.ofApiKeys(request.caller, ids);
      return ids.map((id) => budgets.get(id) ?? null);
    }),
    integration: byId((ids) => request.services.integrations.find(request.caller, ids)),
    integrationCost: new DataLoader((names) => request.services.integrations.ledgerCosts(request.caller, names)),
    job: new DataLoader(async (ids) => inOrder(ids, await request.services.jobs.find(request.caller, ids)), {
      ...{ maxBatchSize: MAX_BATCH, cache: false },
    }),
    importOfJob: new DataLoader(
      async (jobIds) => {
        const imports = await request.services.imports.findOfJobs(request.caller, jobIds);
        return jobIds.map((jobId) => imports.find((each) => each.jobId === jobId) ?? null);
      },
      { maxBatchSize: MAX_BATCH, cache: false },
    ),
    embeddingCoverage: new DataLoader((ids) => request.services.collections.embeddingCoverages(request.caller, ids), {
      maxBatchSize: MAX_BATCH,
    }),
    classification: (taxonomy) =>
      remembered(classifications, taxonomy, () =>
        aiLoader((documents) => {
          const operation: Operation = taxonomy === 'intent' || taxonomy === 'sentiment' ? taxonomy : 'classify';
          const call = modelCall(request, operation, 'DOCUMENTS_READ');
          return request.services.classifications.classifyDocuments(call, documents, taxonomy);
        }),
      ),
    sentiment: aiLoader((documents) =>
      request.services.classifications.sentimentsOf(modelCall(request, 'sentiment', 'DOCUMENTS_READ'), documents),
    ),
    summary: new DataLoader(
      async (documents) => {
        const call = modelCall(request, 'summarise', 'DOCUMENTS_READ');
        const { summaries, failure } = await request.services.summaries.summariesOf(call, documents);
        return documents.map(({ id, text }) => summaries.get(id) ?? missingOf(text, failure));
      },
      { maxBatchSize: MAX_AI_BATCH, cacheKeyFn: ({ id }) => id },
    ),
    ...themeLoaders(request),
    ...conversationLoaders(request),
    ...findingLoaders(request),
    ...agentLoaders(request),
    similar: (args) =>
      remembered(
        similars,
        JSON.stringify(args),
        () =>
          new DataLoader(
            (ids) => request.services.search.similarToMany(modelCall(request, 'similar', 'DOCUMENTS_READ'), ids, args),
            { maxBatchSize: MAX_BATCH },
          ),
      ),
  };
}

function aiLoader<Result>(
  load: (documents: readonly Document[]) => Promise<Map<string, Result>>,
): DocumentLoader<Result> {
  return new DataLoader(
    async (documents) => {
      const results = await load(documents);
      return documents.map((document) => results.get(document.id) ?? null);
    },
    { maxBatchSize: MAX_AI_BATCH, cacheKeyFn: (document) => document.id },
  );
}

/** What a document without a word has, or why one has nothing. */
function missingOf(text: string, failure: unknown): null | Error {
  if (failure === null || text.trim() === '') return null;
  return failure instanceof Error ? failure : new Error('a document has no summary', { cause: failure });
}
