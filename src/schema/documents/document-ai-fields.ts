import { builder } from '../builder.ts';
import { ClassificationType, SentimentType } from '../classification/classification-type.ts';
import { SearchHitType } from '../search/search-hit.ts';
import { DocumentType } from './document-type.ts';

/** What a field of a page of documents costs in the complexity of a query when a model computes it. */
const AI_FIELD_COMPLEXITY = 5;

/** What models make of a document: each for a whole page at once. */
builder.objectFields(DocumentType, (t) => ({
  classification: t.field({
    type: ClassificationType,
    nullable: true,
    complexity: AI_FIELD_COMPLEXITY,
    description:
      'Its labels. Computed when they are first read, then stored; a page of documents makes one provider call. Null where every provider failed.',
    args: { taxonomy: t.arg.string({ defaultValue: 'feedback', description: 'Name of a taxonomy.' }) },
    resolve: (document, { taxonomy }, { loaders }) => loaders.classification(taxonomy ?? 'feedback').load(document),
  }),
  sentiment: t.field({
    type: SentimentType,
    nullable: true,
    complexity: AI_FIELD_COMPLEXITY,
    description: 'How it feels. Computed and stored as `classification` is; null where every provider failed.',
    resolve: (document, _args, { loaders }) => loaders.sentiment.load(document),
  }),
  intent: t.field({
    type: ClassificationType,
    nullable: true,
    complexity: AI_FIELD_COMPLEXITY,
    description: 'What it is after: the taxonomy "intent". Null where every provider failed.',
    resolve: (document, _args, { loaders }) => loaders.classification('intent').load(document),
  }),
  summary: t.string({
    nullable: true,
    complexity: AI_FIELD_COMPLEXITY,
    description:
      'What it says, in one to three sentences: by the model that the workspace has chosen for `summarise`, asked about ten documents at once; where none is chosen, sentences of its own text. Computed when it is first read, then stored until the text changes. Null, with an error at its path, where every provider failed; null where the text is empty.',
    resolve: async (document, _args, { loaders }) => (await loaders.summary.load(document))?.text ?? null,
  }),
  summaryModel: t.string({
    nullable: true,
    complexity: AI_FIELD_COMPLEXITY,
    description:
      'Id of the model that wrote `summary`; "local/extractive" where its sentences are the document’s own. Null where `summary` is.',
    resolve: async (document, _args, { loaders }) => (await loaders.summary.load(document))?.model ?? null,
  }),
  similar: t.field({
    type: [SearchHitType],
    description: 'The documents nearest in meaning, best first, without itself; none while it has no vectors.',
    args: {
      first: t.arg.int({ defaultValue: 10, description: 'How many, 1 to 100.' }),
      minSimilarity: t.arg.float({
        defaultValue: 0.7,
        description: 'Cosine below which nothing counts as similar, 0..1.',
      }),
    },
    complexity: (args) => ({ field: AI_FIELD_COMPLEXITY, multiplier: Math.max(1, args.first ?? 10) }),
    resolve: async (document, args, { loaders }) => {
      const hits = await loaders
        .similar({ first: args.first ?? 10, minSimilarity: args.minSimilarity ?? 0.7 })
        .load(document.id);
      return hits.map((hit) => ({ ...hit, query: null }));
    },
  }),
}));
