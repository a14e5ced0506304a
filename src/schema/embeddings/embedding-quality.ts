import type { EmbeddingQuality } from '../../domain/embeddings/embedding-quality.ts';
import { builder } from '../builder.ts';

const EmbeddingQualityType = builder.objectRef<EmbeddingQuality>('EmbeddingQuality').implement({
  description:
    'How good the vectors of a model are. Of more than 100,000 the vectors of some documents are looked at, always the same ones: `sampled` tells how many.',
  fields: (t) => ({
    model: t.exposeString('model', { description: 'Id of the model.' }),
    total: t.exposeInt('total', {
      description: 'Vectors of the model; a document has one for each piece that its text was cut into.',
    }),
    sampled: t.exposeInt('sampled', { description: 'Vectors that were looked at; all of them up to 100,000.' }),
    missing: t.exposeInt('missing', {
      description: 'Documents whose text has no vector of the model: what `backfillEmbeddings` would embed.',
    }),
    dimensionConsistent: t.exposeBoolean('dimensionConsistent', {
      description: 'Whether all of them have the same length.',
    }),
    zeroVectors: t.exposeInt('zeroVectors', {
      description: 'Vectors that are zero everywhere: nothing finds them. Of a sample it is stretched to the total.',
    }),
    duplicateRate: t.exposeFloat('duplicateRate', {
      description:
        '0..1: vectors that are the very same as another one that was looked at, each but the first. Equal texts have equal vectors; a high rate where texts differ means that the model fails.',
    }),
    meanMagnitude: t.exposeFloat('meanMagnitude', { description: 'Mean of their L2 norms; about 1 for most models.' }),
    magnitudeStdDev: t.exposeFloat('magnitudeStdDev', { description: 'How much the norms deviate.' }),
    coverage: t.exposeFloat('coverage', {
      description: '0..1: documents whose text has a vector of the model; 1 where there is no document.',
    }),
    score: t.exposeFloat('score', {
      description:
        '0..1, healthy above 0.85: 0.3 for coverage (nothing at half), 0.2 for one length, 0.2 for no zero vectors (nothing at a tenth), 0.2 for the share that is distinct, 0.1 for even magnitudes.',
    }),
  }),
});

builder.queryField('embeddingQuality', (t) =>
  t.field({
    type: [EmbeddingQualityType],
    complexity: 50,
    description:
      'How good the vectors are, by model: the workspace’s own first, then all others that there are vectors of. Reads the vectors, which takes some two seconds for 100,000. Needs ANALYTICS_VIEW.',
    args: {
      collectionId: t.arg.id({ description: 'Of this collection alone.' }),
      model: t.arg.id({ description: 'Of this model alone.' }),
    },
    resolve: (_root, args, { services, caller }) =>
      services.embeddingQuality.qualities(caller, {
        collectionId: args.collectionId ?? null,
        model: args.model ?? null,
      }),
  }),
);
