import pino from 'pino';
import type { Database } from '../../../src/db/client.ts';
import { writeChunkVectors } from '../../../src/db/vector.ts';
import { AnswerCache } from '../../../src/domain/caching/answer-cache.ts';
import { EmbeddingCache } from '../../../src/domain/caching/embedding-cache.ts';
import { ModelCatalog } from '../../../src/domain/gateway/model-catalog.ts';
import { ModelGateway } from '../../../src/domain/gateway/model-gateway.ts';
import type { WorkspaceSettings } from '../../../src/domain/integrations/integration.ts';
import { NOTHING_CHOSEN } from '../../../src/domain/integrations/integration-directory.ts';
import { seededRandom } from '../../../src/domain/themes/seeded-random.ts';
import { ThemeService } from '../../../src/domain/themes/theme-service.ts';
import { normalise, type VectorRows } from '../../../src/domain/themes/vector-rows.ts';
import { MeterService } from '../../../src/domain/usage/meter-service.ts';
import { RateLimitService } from '../../../src/domain/usage/rate-limit-service.ts';
import { UsageRecorder } from '../../../src/domain/usage/usage-recorder.ts';
import type { Provider } from '../../../src/plugins/contract.ts';
import { directoryOf, liveIntegration } from '../../support/model-catalog.ts';
import { insertDocument, insertWorkspace } from '../../support/rows.ts';
import { callerOf, callOf } from '../classification/classification-fixtures.ts';

export const DIMENSIONS = 160;

/**
 * Vectors around as many directions as there are topics, in turn; the last ones are strangers, each a direction of its
 * own. `topics` says which is which; -1: a stranger.
 */
export function plantedRows(
  count: number,
  topicCount: number,
  { strangers = 0, spread = 0.9, seed = 7 } = {},
): { rows: VectorRows; topics: number[] } {
  const random = seededRandom(seed);
  const direction = () => {
    const vector = Float32Array.from({ length: DIMENSIONS }, () => gauss(random));
    normalise(vector, 0, DIMENSIONS);
    return vector;
  };
  const centres = Array.from({ length: topicCount }, direction);
  const values = new Float32Array(count * DIMENSIONS);
  const topics = Array.from({ length: count }, (_, row) => (row < count - strangers ? row % topicCount : -1));
  for (const [row, topic] of topics.entries()) {
    const own = direction();
    const centre = centres[topic];
    for (let i = 0; i < DIMENSIONS; i++) {
      values[row * DIMENSIONS + i] = (centre?.[i] ?? 0) + spread * (own[i] as number);
    }
    normalise(values, row * DIMENSIONS, DIMENSIONS);
  }
  return { rows: { count, dimensions: DIMENSIONS, values }, topics };
}

function gauss(random: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}

/** What a topic's documents speak of. */
const SUBJECTS = ['invoice total', 'dark mode', 'password reset', 'push notification', 'search filter', 'file upload'];
export const MODEL = 'local/vectors';

/** A writing model, and how it answers: the names by the themes' keys, or whatever fails. */
export interface Writer extends Provider {
  questions: string[];
  answer: (keys: string[]) => unknown;
}

function writer(): Writer {
  const made: Writer = {
    questions: [],
    answer: (keys) => ({ themes: keys.map((key) => ({ theme: key, name: `Written name ${key}.` })) }),
    async generate({ messages, model }) {
      const user = messages.find((message) => message.role === 'user');
      const question = user?.parts.map((part) => (part.kind === 'text' ? part.text : '')).join('') ?? '';
      made.questions.push(question);
      const keys = [...question.matchAll(/^<<<[0-9a-f]{20} theme (t\d+)>>>$/gm)].map(([, key = '']) => key);
      const text = JSON.stringify(made.answer(keys));
      return { text, toolCalls: [], finishReason: 'stop', usage: { inputTokens: 9, outputTokens: 9 }, model };
    },
    listModels: async () => [{ name: 'writer', capabilities: ['GENERATE', 'STRUCTURED_OUTPUT'] }],
    check: async () => undefined,
    close: async () => undefined,
  };
  return made;
}

/** Two servers' themes on one database, as each composes them, and a workspace whose vectors are planted. */
export async function openThemes(database: Database, workspaceId: string) {
  const logger = pino({ level: 'silent' });
  const model = writer();
  let models: WorkspaceSettings['models'] = {};
  const vectors: Provider = {
    embed: () => Promise.reject(new Error('nothing is embedded here')),
    listModels: async () =>
      ['vectors', 'others'].map((name) => ({ name, capabilities: ['EMBED'], dimensions: DIMENSIONS })),
    check: async () => undefined,
    close: async () => undefined,
  };
  const directory = directoryOf(
    [liveIntegration('local', vectors), liveIntegration('llm', model, { retries: 0 })],
    () => ({
      ...NOTHING_CHOSEN,
      models,
    }),
  );
  const catalog = new ModelCatalog(directory, MODEL);
  const recorder = new UsageRecorder({ database, logger });
  const parts = { catalog, recorder, meters: new MeterService(database), limits: new RateLimitService(database) };
  const embeddingCache = new EmbeddingCache(database, logger);
  const open = () => {
    const gateway = new ModelGateway({ ...parts, embeddingCache, answerCache: new AnswerCache() });
    return new ThemeService({ database, gateway, catalog });
  };
  await insertWorkspace(database, workspaceId);
  const caller = callerOf(workspaceId);
  const service = open();
  return {
    service,
    otherServer: open(),
    writer: model,
    caller,
    call: { ...callOf(caller), operation: 'summarise' as const },
    choose(chosen: WorkspaceSettings['models']) {
      models = chosen;
      directory.forget(workspaceId);
    },
    list: () => service.list(caller, null, { limit: 100, after: null }),
    /** Writes documents of the fixture's rows from `from` on, with their vectors. Returns their ids. */
    plant: (planted: ReturnType<typeof plantedRows>, from = 0, modelId = MODEL) =>
      plantDocuments(database, workspaceId, planted, from, modelId),
    close: () => recorder.drain(),
  };
}

async function plantDocuments(
  database: Database,
  workspaceId: string,
  { rows, topics }: ReturnType<typeof plantedRows>,
  from: number,
  modelId: string,
): Promise<string[]> {
  const places = [...topics.keys()].slice(from);
  const idOf = (place: number) => `doc_${workspaceId}_${String(place).padStart(5, '0')}`;
  await database.withWorkspace(workspaceId, async (scope) => {
    for (const place of places) {
      const subject = SUBJECTS[topics[place] as number] ?? `matter ${place}`;
      await insertDocument(scope, { id: idOf(place), text: `The ${subject}. Case ${place}`, externalId: idOf(place) });
    }
    const chunks = places.map((place) => ({
      ...{ documentId: idOf(place), ordinal: 0, startOffset: 0, endOffset: 9 },
      embedding: rows.values.slice(place * rows.dimensions, (place + 1) * rows.dimensions),
    }));
    await writeChunkVectors(scope, modelId, chunks);
    await scope.sql`
      update documents set embedding_status = 'READY', embedding_model = ${modelId} where id = any(${places.map(idOf)}::text[])`;
  });
  return places.map(idOf);
}
