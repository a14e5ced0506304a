import type { EmbeddedText } from '../../domain/gateway/embed-calls.ts';
import type { SearchFusion, SearchPlan, SearchStrategy } from '../../domain/search/search.ts';
import { InvalidInputError } from '../../shared/errors.ts';
import { builder } from '../builder.ts';
import { describedValues } from '../described-values.ts';
import { DocumentFilter } from '../documents/document-inputs.ts';
import { PAGE_ARGS, pageComplexity } from '../page-args.ts';
import { modelCall } from '../request.ts';
import { type Hit, SearchHitType, SearchModeEnum } from './search-hit.ts';

const SearchStrategyEnum = builder.enumType('SearchStrategy', {
  description: 'How the vectors were searched.',
  values: describedValues<SearchStrategy>({
    EXACT: 'Every vector was compared.',
    HNSW: 'An index was walked.',
    KEYWORD: 'No vectors were compared.',
    HYBRID_EXACT: 'Words, and every vector.',
    HYBRID_HNSW: 'Words, and an index of the vectors.',
  }),
});

const SearchFusionEnum = builder.enumType('SearchFusion', {
  description: 'How HYBRID puts words and meaning together.',
  values: describedValues<SearchFusion>({
    WEIGHTED: 'Normalised scores, weighted as the embedding model does best.',
    RECIPROCAL_RANK: 'By rank alone (reciprocal rank fusion, k = 60).',
  }),
});

const SearchPlanType = builder.objectRef<SearchPlan>('SearchPlan').implement({
  description: 'What was really done, and how far the answer can be trusted.',
  fields: (t) => ({
    strategy: t.field({
      type: SearchStrategyEnum,
      description: 'How the vectors were searched.',
      resolve: (plan) => plan.strategy,
    }),
    embeddingModel: t.exposeString('embeddingModel', {
      nullable: true,
      description: 'Whose vectors were compared; null where none were.',
    }),
    complete: t.exposeBoolean('complete', {
      description:
        'False where documents still wait for their vectors, where an index gave up early, and where the list ends with this page although more documents match: HYBRID puts together the best 100 of each side, no search shows more than 1,000 hits, and a reranked one no more than 50.',
    }),
    estimatedRecall: t.exposeFloat('estimatedRecall', {
      nullable: true,
      description:
        'Share of the true best hits that is expected here: 1 for an exact scan; null where it cannot be told.',
    }),
    reranked: t.exposeBoolean('reranked', { description: 'Whether a reranker had the last word.' }),
    durationMs: t.exposeFloat('durationMs', { description: 'Time in the database, without embedding the query.' }),
    pendingDocuments: t.exposeInt('pendingDocuments', {
      description: 'Documents of the filter that have no vectors of their present text yet.',
    }),
  }),
});

interface SearchConnectionShape {
  totalCount: number | null;
  plan: SearchPlan;
}

const SearchConnection = builder.connectionObject(
  {
    type: SearchHitType,
    name: 'SearchConnection',
    description: 'A page of hits, best first.',
    fields: (t) => ({
      totalCount: t.int({
        nullable: true,
        description: 'How many there are in all; null where it would have to be guessed.',
        resolve: (page) => (page as unknown as SearchConnectionShape).totalCount,
      }),
      plan: t.field({
        type: SearchPlanType,
        description: 'What was really done.',
        resolve: (page) => (page as unknown as SearchConnectionShape).plan,
      }),
    }),
  },
  { name: 'SearchHitEdge', description: 'A hit in a page.' },
);

builder.queryField('search', (t) =>
  t.field({
    type: SearchConnection,
    description: 'Finds documents by meaning, by words, or by both. Needs DOCUMENTS_READ.',
    complexity: (args) => ({ ...pageComplexity(args), field: 5 }),
    args: {
      query: t.arg.string({ required: true, description: 'What to look for; 1 to 100,000 characters.' }),
      mode: t.arg({ type: SearchModeEnum, defaultValue: 'HYBRID', description: 'What to go by.' }),
      fusion: t.arg({
        type: SearchFusionEnum,
        defaultValue: 'WEIGHTED',
        description: 'How HYBRID puts both together.',
      }),
      filter: t.arg({ type: DocumentFilter, description: 'Only among these.' }),
      ...PAGE_ARGS,
      rerank: t.arg.boolean({
        defaultValue: false,
        description:
          'Have a reranker order the best 50 hits, by their title and best passage; no others are shown. The scores are its own, 0..1. NO_PROVIDER where the workspace has no model with RERANK; where it fails, so does the search.',
      }),
      minSimilarity: t.arg.float({
        description: 'Cosine below which hits are dropped, 0..1; none is where it is left out. KEYWORD ignores it.',
      }),
    },
    resolve: async (_root, args, context) => {
      const page = await context.services.search.search(modelCall(context, 'search', 'DOCUMENTS_READ'), {
        query: args.query,
        mode: args.mode ?? 'HYBRID',
        fusion: args.fusion ?? 'WEIGHTED',
        filter: args.filter ?? null,
        first: args.first ?? 20,
        after: args.after ?? null,
        minSimilarity: args.minSimilarity ?? null,
        rerank: args.rerank ?? false,
      });
      const edges = page.hits.map((hit) => ({ cursor: hit.cursor, node: { ...hit, query: args.query } satisfies Hit }));
      const pageInfo = {
        hasNextPage: page.hasNextPage,
        hasPreviousPage: args.after != null,
        startCursor: edges[0]?.cursor ?? null,
        endCursor: page.endCursor,
      };
      return { edges, pageInfo, totalCount: page.totalCount, plan: page.plan };
    },
  }),
);

interface TextEmbedding extends EmbeddedText {
  text: string;
  model: string;
}

const EmbeddingType = builder.objectRef<TextEmbedding>('Embedding').implement({
  description: 'A text as a vector.',
  fields: (t) => ({
    text: t.exposeString('text', { description: 'The text as it was sent.' }),
    vector: t.expose('vector', { type: 'Vector', description: 'Its numbers, of norm 1.' }),
    model: t.exposeString('model', {
      description: 'Id of the model that made it; vectors of two models cannot be compared.',
    }),
    dimensions: t.int({ description: 'How many numbers.', resolve: ({ vector }) => vector.length }),
    tokenCount: t.exposeInt('tokenCount', { description: 'Tokens that the model read.' }),
    cached: t.exposeBoolean('cached', { description: 'Whether it came from the cache, at no cost.' }),
  }),
});

const MAX_TEXTS = 1_000;

builder.queryField('embed', (t) =>
  t.field({
    type: [EmbeddingType],
    complexity: 10,
    description:
      'Vectors of texts, in their order: trimmed, and cut at what the model reads. Kept for 7 days. Needs AI_USE.',
    args: {
      texts: t.arg.stringList({ required: true, description: 'Up to 1,000 texts.' }),
      model: t.arg.id({ description: 'A model with EMBED; the workspace’s own where it is left out.' }),
    },
    resolve: async (_root, { texts, model: wanted }, context) => {
      const call = modelCall(context, 'embed', 'AI_USE');
      if (texts.length > MAX_TEXTS)
        throw InvalidInputError.at('texts', `may hold ${MAX_TEXTS} texts, and holds ${texts.length}`);
      const { model, embeddings } = await context.services.embeddings.embedTexts(call, {
        texts,
        purpose: 'document',
        ...(wanted == null ? {} : { model: wanted }),
      });
      return embeddings.map((embedding, i) => ({ ...embedding, text: texts[i] as string, model: model.id }));
    },
  }),
);
