import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Database } from '../../../src/db/client.ts';
import type { ModelCall } from '../../../src/domain/gateway/model-call.ts';
import type { Provider } from '../../../src/plugins/contract.ts';
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
function embedder(embed: NonNullable<Provider['embed']>): Provider {
  return {
    embed,
    listModels: async () => [{ name: 'm', capabilities: ['EMBED'], dimensions: 2 }],
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
