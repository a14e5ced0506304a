import { pino } from 'pino';
import type { Database } from '../../../src/db/client.ts';
import type { Caller } from '../../../src/domain/access/caller.ts';
import { AnswerCache } from '../../../src/domain/caching/answer-cache.ts';
import { CacheService } from '../../../src/domain/caching/cache-service.ts';
import { EmbeddingCache } from '../../../src/domain/caching/embedding-cache.ts';
import { ModelCatalog } from '../../../src/domain/gateway/model-catalog.ts';
import { ModelGateway } from '../../../src/domain/gateway/model-gateway.ts';
import { IntegrationDirectory } from '../../../src/domain/integrations/integration-directory.ts';
import { readSettings } from '../../../src/domain/integrations/integration-store.ts';
import { MeterService } from '../../../src/domain/usage/meter-service.ts';
import { RateLimitService } from '../../../src/domain/usage/rate-limit-service.ts';
import { UsageRecorder } from '../../../src/domain/usage/usage-recorder.ts';
import type { Provider } from '../../../src/plugins/contract.ts';
import { liveIntegration } from '../../support/model-catalog.ts';
import { callOf, question } from '../gateway/gateway-fixtures.ts';

/** Tokens of every text and answer of `countingProvider`. */
const TOKENS = 1_000;

export interface CountingProvider extends Provider {
  /** Texts in the order they were embedded. */
  readonly embedded: string[];
  /** Answers that were written. */
  answered: number;
  /** Awaited before every answer. */
  beforeAnswer: () => Promise<void>;
}

/** Embeds with the model `e` at 2 USD a million tokens, with `free` at no known price; writes with `w` at 1 and 3 USD. */
export function countingProvider(): CountingProvider {
  const provider: CountingProvider = {
    embedded: [],
    answered: 0,
    beforeAnswer: async () => undefined,
    async embed({ texts, model }) {
      provider.embedded.push(...texts);
      // All in one buffer, as vendors' answers are decoded.
      const batch = new Float32Array(texts.length * 4).fill(0.5);
      return {
        vectors: texts.map((_, i) => batch.subarray(i * 4, i * 4 + 4)),
        tokenCounts: texts.map(() => TOKENS),
        model,
      };
    },
    async generate({ model }) {
      await provider.beforeAnswer();
      provider.answered += 1;
      const usage = { inputTokens: TOKENS, outputTokens: TOKENS };
      return { text: `answer ${provider.answered}`, toolCalls: [], finishReason: 'stop', usage, model };
    },
    listModels: async () => [
      { name: 'e', capabilities: ['EMBED'], dimensions: 4, inputUsdPerMillion: '2' },
      { name: 'free', capabilities: ['EMBED'], dimensions: 4 },
      { name: 'w', capabilities: ['GENERATE'], inputUsdPerMillion: '1', outputUsdPerMillion: '3' },
    ],
    check: async () => undefined,
    close: async () => undefined,
  };
  return provider;
}

/** One of several servers on a database: with memories of its own, and the settings as it has read them. */
export function cachingServer(database: Database, provider: Provider) {
  const logger = pino({ level: 'silent' });
  const recorder = new UsageRecorder({ database, logger });
  const directory = new IntegrationDirectory({
    builtIn: [liveIntegration('p', provider)],
    load: async (id) => ({ integrations: [], settings: await database.withWorkspace(id, readSettings) }),
    open: () => {
      throw new Error('nothing is stored');
    },
    currentRegistration: () => null,
    onCloseFailed: (error) => {
      throw error;
    },
  });
  const catalog = new ModelCatalog(directory, 'p/e');
  const embeddingCache = new EmbeddingCache(database, logger);
  const answerCache = new AnswerCache();
  const meters = new MeterService(database);
  const gateway = new ModelGateway({
    ...{ catalog, embeddingCache, answerCache, meters, recorder },
    limits: new RateLimitService(database),
  });
  const caches = new CacheService({
    ...{ database, catalog, recorder, embeddingCache, answerCache },
    enqueueWarming: () => Promise.reject(new Error('there is no queue')),
  });
  const embed = async (workspaceId: string, texts: string[], options: { model?: string; bulk?: boolean } = {}) => {
    const input = { texts, purpose: 'document' as const, model: 'p/e', ...options };
    return (await gateway.embed(callOf(workspaceId), input)).embeddings.map(({ cached }) => cached);
  };
  const answer = async (workspaceId: string, text: string, documentIds: string[] = []) => {
    const messages = [{ role: 'user' as const, parts: [{ kind: 'text' as const, text }] }];
    return gateway.generate(callOf(workspaceId), question({ model: 'p/w', messages, documentIds }));
  };
  const stats = async (workspaceId: string) => {
    const [embedding, response] = await caches.stats(ownerOf(workspaceId));
    return { embedding, response };
  };
  return { caches, embeddingCache, answerCache, gateway, recorder, embed, answer, stats };
}

export function ownerOf(workspaceId: string): Caller {
  return callOf(workspaceId).caller;
}
