import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Database } from '../../../src/db/client.ts';
import type { ModelCall } from '../../../src/domain/gateway/model-call.ts';
import type { EmbeddingTraits, EmbedRequest, Provider } from '../../../src/plugins/contract.ts';
import { ProviderError } from '../../../src/plugins/errors.ts';
import { type TestDatabase, testDatabase } from '../../support/database.ts';
import { scriptedProvider } from '../../support/scripted-provider.ts';
import { openGateway, question } from './gateway-fixtures.ts';

let opened: TestDatabase;
let database: Database;
beforeAll(async () => {
  opened = await testDatabase();
  database = opened.database;
});
afterAll(() => opened?.close());

/** A model whose vendor does with a request what it is told. */
function embedder(embed: NonNullable<Provider['embed']>, embedding?: EmbeddingTraits): Provider {
  return {
    embed,
    listModels: async () => [
      { name: 'm', capabilities: ['EMBED'], dimensions: 2, ...(embedding === undefined ? {} : { embedding }) },
    ],
    check: async () => undefined,
    close: async () => undefined,
  };
}

/** In a workspace whose embeddings are counted. */
function counted(call: ModelCall): ModelCall {
  const workspace = { ...call.caller.workspace, tier: 'FREE' as const };
  return { ...call, caller: { ...call.caller, workspace } };
}

async function inMeters(workspaceId: string): Promise<number> {
  const [row] = await database.withWorkspace(
    workspaceId,
    ({ sql }) => sql<{ used: number }[]>`
      select coalesce(sum(used), 0)::int as used from meter_days where meter = 'EMBEDDINGS'`,
  );
  return row?.used ?? 0;
}

const refused = () => Promise.reject(new ProviderError('bad_request', 'the vendor dislikes the text'));
const asked = { texts: ['one', 'two'], purpose: 'query' as const, model: 'first/m' };

test('what a provider did not embed is given back to the allowance', async () => {
  const { gateway, call, workspaceId } = await openGateway(database, [embedder(refused)], { retries: 0 } as object);
  await expect(gateway.embed(counted(call), asked)).rejects.toThrow('the vendor dislikes the text');
  expect(await inMeters(workspaceId)).toBe(0);
});

test('why a provider failed is told, also where the database is down by then', async () => {
  const { gateway, call } = await openGateway(database, [
    embedder(async () => {
      await database.sql`alter table meter_days rename to meter_days_away`;
      return refused();
    }),
  ]);
  try {
    await expect(gateway.embed(counted(call), asked)).rejects.toThrow('the vendor dislikes the text');
  } finally {
    await database.sql`alter table meter_days_away rename to meter_days`;
  }
});

test.each([
  ['a request', {}, {}, null],
  ['a conversation', { aboutId: 'conv_1' }, { documentIds: ['doc_1'] }, 'conv_1'],
  ['one document', {}, { documentIds: ['doc_1'] }, 'doc_1'],
  ['several documents', {}, { documentIds: ['doc_1', 'doc_2'] }, null],
  ['one document of a job', { isJob: true }, { documentIds: ['doc_1'] }, 'doc_1'],
  ['a job', { isJob: true }, {}, 'req_test'],
])('an attempt says what it was about: %s', async (_name, ofCall, ofInput, aboutId) => {
  const { gateway, call, recorder, workspaceId } = await openGateway(database, [scriptedProvider({ pieces: ['yes'] })]);
  await gateway.generate({ ...call, ...ofCall }, question(ofInput));
  await recorder.flush();
  const rows = await database.withWorkspace(workspaceId, ({ sql }) => sql`select about_id from usage_attempts`);
  expect([...rows]).toEqual([{ aboutId }]);
});

test('texts go out in calls of as many texts and bytes as the model takes, each with its row, also where a later one fails', async () => {
  const traits = { maxInputTokens: 100, chunkWords: 10, sameMeaning: 0.5, hybridVectorWeight: 0.5 };
  const requests: string[][] = [];
  const embed = async ({ texts }: EmbedRequest) => {
    requests.push([...texts]);
    if (texts.includes('five')) return refused();
    return { vectors: texts.map(() => Float32Array.of(1, 0)), tokenCounts: texts.map(() => 7), model: 'm' };
  };
  const provider = embedder(embed, { ...traits, maxBatch: 3, maxBatchBytes: 10 });
  const { gateway, call, recorder, workspaceId } = await openGateway(database, [provider], { retries: 0 } as object);
  const texts = ['a', 'b', 'c', 'd', '€€€', '€', 'longer than that', 'five'];
  await expect(gateway.embed(call, { ...asked, texts })).rejects.toThrow('the vendor dislikes the text');
  expect(requests).toEqual([['a', 'b', 'c'], ['d', '€€€'], ['€'], ['longer than that'], ['five']]);
  await recorder.flush();
  const rows = await database.withWorkspace(
    workspaceId,
    ({ sql }) =>
      sql`select embeddings::int, input_tokens::int from usage_attempts where outcome = 'SUCCEEDED' order by id`,
  );
  expect([...rows]).toEqual([3, 2, 1, 1].map((embeddings) => ({ embeddings, inputTokens: embeddings * 7 })));
});

test('a text that many ask for at once is embedded once, also by those who looked for its vector while it was being made', async () => {
  const requests: string[] = [];
  const embed = async ({ texts }: EmbedRequest) => {
    requests.push(...texts);
    return { vectors: texts.map(() => Float32Array.of(1, 0)), tokenCounts: texts.map(() => 7), model: 'm' };
  };
  const { gateway, call } = await openGateway(database, [embedder(embed)]);
  // Their looks into the database end one after another: the first call is over before the last one knows what it misses.
  const asking = Array.from({ length: 10 }, (_, i) => gateway.embed(call, { ...asked, texts: ['shared', `own ${i}`] }));
  const answers = await Promise.all(asking);
  expect(requests.filter((text) => text === 'shared')).toHaveLength(1);
  expect(requests).toHaveLength(11);
  expect(answers.filter(({ embeddings }) => embeddings[0]?.cached === false)).toHaveLength(1);
});
