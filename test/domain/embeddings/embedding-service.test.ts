import { createHash } from 'node:crypto';
import pino from 'pino';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { AnswerCache } from '../../../src/domain/caching/answer-cache.ts';
import { EmbeddingCache } from '../../../src/domain/caching/embedding-cache.ts';
import { lockByExternalIds } from '../../../src/domain/documents/document-store.ts';
import { EmbeddingService } from '../../../src/domain/embeddings/embedding-service.ts';
import { ModelGateway } from '../../../src/domain/gateway/model-gateway.ts';
import { MeterService } from '../../../src/domain/usage/meter-service.ts';
import { RateLimitService } from '../../../src/domain/usage/rate-limit-service.ts';
import { UsageRecorder } from '../../../src/domain/usage/usage-recorder.ts';
import type { EmbedRequest, Provider } from '../../../src/plugins/contract.ts';
import { ProviderError, type ProviderErrorKind } from '../../../src/plugins/errors.ts';
import { type TestDatabase, testDatabase } from '../../support/database.ts';
import { catalogOf } from '../../support/model-catalog.ts';
import { insertDocument, insertWorkspace } from '../../support/rows.ts';
import { callerOf, callOf } from '../classification/classification-fixtures.ts';

const MODEL = 'tiny/model';
const DIMENSIONS = 3;

/** A provider that answers at once, and fails where the test says so. */
function tinyProvider(failure: (request: EmbedRequest) => ProviderErrorKind | null): Provider & { texts: string[] } {
  const texts: string[] = [];
  return {
    texts,
    async embed(request) {
      const kind = failure(request);
      if (kind !== null) throw new ProviderError(kind, `refused: ${kind}`);
      texts.push(...request.texts);
      return {
        model: 'model',
        vectors: request.texts.map(() => Float32Array.of(1, 0, 0)),
        tokenCounts: request.texts.map(() => 1),
      };
    },
    async listModels() {
      const embedding = {
        maxBatch: 256,
        maxInputTokens: 100,
        chunkWords: 50,
        sameMeaning: 0.7,
        hybridVectorWeight: 0.5,
      };
      return [{ name: 'model', capabilities: ['EMBED'], dimensions: DIMENSIONS, inputUsdPerMillion: '0', embedding }];
    },
    async check() {},
    async close() {},
  };
}

let test_: TestDatabase;
beforeAll(async () => {
  test_ = await testDatabase();
});
afterAll(() => test_?.close());

/** A workspace of its own with this many documents, and the service over the provider. */
async function openWorkspace(id: string, count: number, provider: Provider) {
  const { database } = test_;
  const logger = pino({ level: 'silent' });
  const catalog = catalogOf('tiny', provider, MODEL);
  const recorder = new UsageRecorder({ database, logger });
  const cache = new EmbeddingCache(database, logger);
  const gateway = new ModelGateway({
    catalog,
    embeddingCache: cache,
    answerCache: new AnswerCache(),
    meters: new MeterService(database),
    limits: new RateLimitService(database),
    recorder,
  });
  await insertWorkspace(database, id);
  const ids = Array.from({ length: count }, (_, i) => `doc_${id}_${String(i).padStart(4, '0')}`);
  await database.withWorkspace(id, async (scope) => {
    for (const [i, documentId] of ids.entries()) {
      await insertDocument(scope, { id: documentId, externalId: String(count - i), text: `text number ${i}` });
    }
  });
  const service = new EmbeddingService({ database, gateway, catalog });
  const statuses = () =>
    database.withWorkspace(id, async (scope) => {
      const rows = await scope.sql<{ status: string; count: number }[]>`
        select embedding_status as status, count(*)::int as count from documents group by 1 order by 1`;
      return Object.fromEntries(rows.map((row) => [row.status, row.count]));
    });
  const embed = async () => {
    let told = { done: 0, failed: 0 };
    const onProgress = (progress: typeof told) => {
      told = { ...progress };
    };
    const failures = await service.embedDocuments(callOf(callerOf(id)), ids, { onProgress });
    expect(failures).toHaveLength(told.failed);
    return told;
  };
  return { ids, embed, statuses, recorder };
}

describe('embedding documents', () => {
  test('gives every document its vectors, and a second run makes none again', async () => {
    const provider = tinyProvider(() => null);
    const { embed, statuses } = await openWorkspace('ws_all', 150, provider);
    expect(await embed()).toEqual({ done: 150, failed: 0 });
    expect(await statuses()).toEqual({ READY: 150 });
    await embed();
    expect(provider.texts).toHaveLength(150);
  });

  test('marks the one document that the provider refuses, and no other', async () => {
    const provider = tinyProvider(({ texts }) =>
      texts.some((text) => text.endsWith('number 77')) ? 'content_filter' : null,
    );
    const { embed, statuses } = await openWorkspace('ws_one', 100, provider);
    expect(await embed()).toEqual({ done: 99, failed: 1 });
    expect(await statuses()).toEqual({ FAILED: 1, READY: 99 });
  });

  test.each(['unavailable', 'network', 'authentication', 'permission', 'not_found', 'timeout'] as const)(
    'blames no document for a provider that answers %s: the job fails and is tried again',
    async (kind) => {
      const provider = tinyProvider(() => kind);
      const { embed, statuses } = await openWorkspace(`ws_${kind}`, 5, provider);
      await expect(embed()).rejects.toMatchObject({ code: 'PROVIDER_FAILED', kind });
      expect(await statuses()).toEqual({ MISSING: 5 });
    },
  );

  test('and writers of the same documents never wait for each other in a circle', async () => {
    const { database } = test_;
    const { ids, embed } = await openWorkspace(
      'ws_locks',
      200,
      tinyProvider(() => null),
    );
    const externalIds = ids.map((_, i) => String(i + 1));
    const write = () =>
      database.withWorkspace('ws_locks', async (scope) => {
        const [collection] = await scope.sql<{ collectionId: string }[]>`select collection_id from documents limit 1`;
        const hash = createHash('sha256').update(String(Math.random())).digest();
        await lockByExternalIds(scope, collection?.collectionId ?? '', externalIds, MODEL);
        await scope.sql`update documents set content_hash = ${hash}, embedding_status = 'STALE' where workspace_id = 'ws_locks'`;
      });
    const rounds = Array.from({ length: 8 }, () => [write(), embed()]).flat();
    expect((await Promise.allSettled(rounds)).filter(({ status }) => status === 'rejected')).toEqual([]);
  });
});
