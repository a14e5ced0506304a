import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { ReservationService } from '../../../src/domain/usage/reservation-service.ts';
import { testDatabaseTarget } from '../../support/database.ts';
import { clearOfMidnight } from '../../support/midnight.ts';
import { ScriptedModels, says } from '../openai-door/scripted-provider.ts';
import { startTestServer, type TestServer } from '../server-harness.ts';
import { openWorkspace, type WorkspaceClient, workspaceClient } from '../workspace-client.ts';

/** By the scripted models' prices: 8 tokens of input, 3 of the prompt cache, all at 1 USD, 7 of output at 2 USD a million. */
const ANSWER_USD = '0.000025';

const models = new ScriptedModels();
let server: TestServer;
let workspace: WorkspaceClient;
beforeAll(async () => {
  server = await startTestServer({ wrapProvider: models.wrap });
});
beforeEach(async () => {
  await clearOfMidnight();
  workspace = await openWorkspace(server, { tier: 'ENTERPRISE' });
  models.play('writer', says('yes'));
});
afterAll(() => server.close());

interface Budget {
  window: string;
  limitUsd: string;
  usedUsd: string;
  reservedUsd: string;
  percent: number;
  resetsAt: string;
}

interface ListedKey {
  id: string;
  budget: { usedUsd: string } | null;
}

const BUDGET = 'window limitUsd usedUsd reservedUsd percent resetsAt';
const SET = /* GraphQL */ `
  mutation ($input: SetBudgetInput!) {
    setBudget(input: $input) {
      __typename
      ... on Budget { ${BUDGET} }
      ... on Error { code message }
    }
  }
`;

async function setBudget(input: object, client = workspace) {
  return (await client.read<{ setBudget: Budget & { __typename: string; code: string } }>(SET, { input })).setBudget;
}

async function budgets(): Promise<Budget[]> {
  return (await workspace.read<{ budgets: Budget[] }>(`{ budgets { ${BUDGET} } }`)).budgets;
}

async function makeKey(role: string, budget?: object) {
  const { createApiKey } = await workspace.read<{
    createApiKey: { apiKey: { id: string; budget: Budget | null }; secret: string; code?: string };
  }>(
    `mutation ($input: CreateApiKeyInput!) {
      createApiKey(input: $input) { ... on ApiKeyCreated { apiKey { id budget { ${BUDGET} } } secret } ... on Error { code } }
    }`,
    { input: { name: role, role, budget } },
  );
  return { ...createApiKey, client: workspaceClient(server, { ...workspace, ownerKey: createApiKey.secret }) };
}

/** Asks the door. */
async function chat(key = workspace.ownerKey, text = crypto.randomUUID()) {
  const response = await fetch(`${server.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'local/writer', max_tokens: 7, messages: [{ role: 'user', content: text }] }),
  });
  return {
    status: response.status,
    headers: response.headers,
    body: (await response.json()) as Record<string, unknown>,
  };
}

test('a workspace has no budget until one is set, and sees what it has used of it', async () => {
  expect(await budgets()).toEqual([]);
  await chat();
  expect(await setBudget({ window: 'DAY', limitUsd: '0.0010' })).toMatchObject({
    ...{ __typename: 'Budget', window: 'DAY', limitUsd: '0.001', usedUsd: ANSWER_USD, reservedUsd: '0', percent: 2.5 },
    resetsAt: expect.stringMatching(/T00:00:00.000Z$/),
  });
  await chat();
  expect(await budgets()).toMatchObject([{ usedUsd: '0.00005', reservedUsd: '0', percent: 5 }]);
  await setBudget({ window: 'MONTH', limitUsd: '2' });
  expect(await budgets()).toMatchObject([{ window: 'DAY' }, { window: 'MONTH', usedUsd: '0.00005' }]);
});

test('a call that the budget does not cover is refused with 429 at the door, with what is used and when it is free again', async () => {
  await setBudget({ window: 'DAY', limitUsd: '0' });
  const { status, headers, body } = await chat();
  expect(status).toBe(429);
  expect(body.error).toMatchObject({ code: 'insufficient_quota', signalbox_code: 'BUDGET_EXCEEDED' });
  expect(headers.get('x-should-retry')).toBe('false');
  expect(Number(headers.get('retry-after'))).toBeGreaterThan(0);
  expect(models.requests).toHaveLength(0);
  await setBudget({ window: 'DAY', limitUsd: '1' });
  expect((await chat()).status).toBe(200);
});

test('a budget is taken away by no limit; what is not there cannot be', async () => {
  await setBudget({ window: 'DAY', limitUsd: '0' });
  expect(await setBudget({ window: 'DAY' })).toMatchObject({ __typename: 'Budget', limitUsd: '0' });
  expect(await budgets()).toEqual([]);
  expect((await chat()).status).toBe(200);
  expect(await setBudget({ window: 'DAY' })).toMatchObject({ __typename: 'NotFoundError', code: 'NOT_FOUND' });
});

test.each(['-1', '1000000001'])('%s dollars are no limit', async (limitUsd) => {
  expect(await setBudget({ window: 'DAY', limitUsd })).toMatchObject({ __typename: 'InvalidInputError' });
  expect(await budgets()).toEqual([]);
});

test('a key is made with a budget of its own, which stops it alone', async () => {
  const poor = await makeKey('MEMBER', { window: 'DAY', limitUsd: '0.0001' });
  expect(poor.apiKey.budget).toMatchObject({ window: 'DAY', limitUsd: '0.0001', usedUsd: '0' });
  const statuses = [];
  for (let i = 0; i < 6; i++) statuses.push((await chat(poor.secret)).status);
  expect(statuses[0]).toBe(200);
  expect(statuses.at(-1)).toBe(429);
  expect((await chat()).status).toBe(200);
  const { viewer } = await workspace.read<{ viewer: { workspace: { apiKeys: { nodes: ListedKey[] } } } }>(
    `{ viewer { workspace { apiKeys { nodes { id budget { usedUsd } } } } } }`,
  );
  const { nodes } = viewer.workspace.apiKeys;
  expect(nodes.find(({ id }) => id === poor.apiKey.id)?.budget?.usedUsd).toMatch(/^0\.0000/);
  expect(nodes.filter(({ budget }) => budget === null)).toHaveLength(1);
  await setBudget({ window: 'DAY', limitUsd: '1', apiKeyId: poor.apiKey.id });
  expect((await chat(poor.secret)).status).toBe(200);
  expect(await setBudget({ window: 'DAY', limitUsd: '1', apiKeyId: 'key_of_nobody' })).toMatchObject({
    code: 'NOT_FOUND',
  });
});

test('a member sees budgets and cannot set them; nobody sets those of another workspace', async () => {
  await setBudget({ window: 'DAY', limitUsd: '5' });
  const { client } = await makeKey('MEMBER');
  expect(await client.read(`{ budgets { limitUsd } }`)).toEqual({ budgets: [{ limitUsd: '5' }] });
  expect(await setBudget({ window: 'DAY', limitUsd: '9' }, client)).toMatchObject({ code: 'FORBIDDEN' });
  const other = await openWorkspace(server);
  const { apiKey } = await makeKey('MEMBER');
  expect(await setBudget({ window: 'DAY', limitUsd: '9', apiKeyId: apiKey.id }, other)).toMatchObject({
    code: 'NOT_FOUND',
  });
  expect(await other.read('{ budgets { limitUsd } }')).toEqual({ budgets: [] });
});

test('what a process held that has died is free when its own database is opened again', async () => {
  const { remove, ...target } = await testDatabaseTarget();
  const onDisk = { ...target, inMemory: false };
  const first = await startTestServer({ target: onDisk });
  const owner = workspaceClient(first, await first.createWorkspace());
  await setBudget({ window: 'DAY', limitUsd: '5' }, owner);
  const asked = { workspaceId: owner.id, apiKeyId: null, amountUsd: '2', ttlMs: 600_000 };
  // Of a call that nobody ends any more.
  await new ReservationService(first.app.database).reserve({ ...asked, signal: new AbortController().signal });
  await first.close();
  const second = await startTestServer({ target: { ...onDisk, preparedFolder: undefined } });
  try {
    const reservedUsd = second.app.database.kind === 'embedded' ? '0' : '2';
    const client = workspaceClient(second, owner);
    expect(await client.read('{ budgets { usedUsd reservedUsd } }')).toEqual({
      budgets: [{ usedUsd: '0', reservedUsd }],
    });
  } finally {
    await second.close();
    await remove();
  }
});
