import { ForbiddenError } from '../../domain/access/actions.ts';
import type { CacheStats } from '../../domain/caching/cache.ts';
import type { CacheKind } from '../../domain/usage/usage-event.ts';
import { InvalidInputError, NotFoundError } from '../../shared/errors.ts';
import { builder } from '../builder.ts';
import { DeletedType } from '../deleted.ts';
import { describedValues } from '../described-values.ts';
import { JobType } from '../jobs/jobs.ts';

const CacheKindEnum = builder.enumType('CacheKind', {
  description: 'What is kept.',
  values: describedValues<CacheKind>({
    EMBEDDING: 'Vectors of texts, for 7 days.',
    RESPONSE: 'Answers of language models, for 5 minutes.',
  }),
});

const CacheStatsType = builder.objectRef<CacheStats>('CacheStats').implement({
  description: 'What one cache did for the workspace over the last 30 days (UTC, today included), on all servers.',
  fields: (t) => ({
    kind: t.field({ type: CacheKindEnum, description: 'Which cache.', resolve: (stats) => stats.kind }),
    entries: t.exposeInt('entries', {
      description:
        'What it could give now. EMBEDDING: vectors in the database, for every server; RESPONSE: answers in the memory of the server that was asked.',
    }),
    hits: t.exposeInt('hits', { description: 'Texts and answers that it gave.' }),
    misses: t.exposeInt('misses', { description: 'Texts and answers that it did not have, and that were made.' }),
    hitRate: t.exposeFloat('hitRate', { description: 'Hits among both, 0..1; 0 where there were none.' }),
    savedUsd: t.expose('savedUsd', {
      type: 'Decimal',
      description: 'What the hits would have cost. Where the price of a model is not known, its hits count as 0.',
    }),
  }),
});

builder.queryField('cacheStats', (t) =>
  t.field({
    type: [CacheStatsType],
    description: 'What the caches do for the workspace. Needs ANALYTICS_VIEW.',
    resolve: (_root, _args, { services, caller }) => services.caches.stats(caller),
  }),
);

const InvalidateCacheInput = builder.inputType('InvalidateCacheInput', {
  description: 'What to make void: everything unless told.',
  fields: (t) => ({
    kind: t.field({ type: CacheKindEnum, description: 'Of this cache alone.' }),
    documentIds: t.idList({
      description:
        'Only the answers that were made from these documents, and the vectors of their texts; up to 1,000. Ids that are not there are passed over.',
    }),
  }),
});

const WarmCacheInput = builder.inputType('WarmCacheInput', {
  description: 'Texts that are going to be searched for.',
  fields: (t) => ({
    texts: t.stringList({ required: true, description: '1 to 1,000 texts of 1 to 10,000 characters.' }),
  }),
});

builder.mutationFields((t) => ({
  invalidateCache: t.field({
    type: DeletedType,
    description:
      'Makes cached vectors and answers of the workspace void: here at once, on other servers within 2 seconds, but answers of single documents there within 5 minutes. Counts vectors of the database and answers of this server. Needs SETTINGS_MANAGE.',
    errors: { types: [InvalidInputError, ForbiddenError] },
    args: { input: t.arg({ type: InvalidateCacheInput, required: true, description: 'What to make void.' }) },
    resolve: async (_root, { input }, { services, caller }) => ({
      count: await services.caches.invalidate(caller, {
        kind: input.kind ?? null,
        documentIds: input.documentIds ?? null,
      }),
    }),
  }),
  warmCache: t.field({
    type: JobType,
    description:
      'Has texts embedded as queries, by a job: later searches for them find their vectors. What is there already costs nothing. Needs AI_USE.',
    errors: { types: [InvalidInputError, ForbiddenError] },
    args: { input: t.arg({ type: WarmCacheInput, required: true, description: 'Which texts.' }) },
    resolve: async (_root, { input }, { services, caller }) => {
      const jobId = await services.caches.warm(caller, input.texts);
      const [job] = await services.jobs.find(caller, [jobId]);
      if (job === undefined) throw new NotFoundError('job', jobId);
      return job;
    },
  }),
}));
