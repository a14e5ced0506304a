import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { Provider } from '../../../src/plugins/contract.ts';
import { waitFor } from '../../support/wait-for.ts';
import { startTestServer, type TestServer } from '../server-harness.ts';
import { openWorkspace, type WorkspaceClient } from '../workspace-client.ts';

/** A thousand words: at least a sixth of a token a byte, at the most one a byte. */
const TEXT = Array.from({ length: 1_000 }, (_, i) => `harbour${i}`).join(' ');
/** More than the least that embedding it costs at a dollar a million, and less than the most. */
const BETWEEN_USD = '0.003';

/** The built-in embedding model, at a price. */
const priced = (provider: Provider): Provider => ({
  embed: (request, call) => (provider.embed as NonNullable<Provider['embed']>)(request, call),
  listModels: async (call) =>
    (await provider.listModels(call)).map((model) => ({ ...model, inputUsdPerMillion: '1', outputUsdPerMillion: '0' })),
  check: (call) => provider.check(call),
  close: () => provider.close(),
});

let server: TestServer;
let workspace: WorkspaceClient;
beforeAll(async () => {
  server = await startTestServer({ wrapProvider: priced });
  // The model is loaded by its first text, which takes a while.
  const warm = await openWorkspace(server, { tier: 'ENTERPRISE' });
  await warm.store(await warm.createCollection(), [{ text: 'a ship' }]);
});
beforeEach(async () => {
  workspace = await openWorkspace(server, { tier: 'ENTERPRISE' });
});
afterAll(() => server?.close());

async function setBudget(limitUsd: string | null): Promise<void> {
  await workspace.read('mutation ($input: SetBudgetInput!) { setBudget(input: $input) { __typename } }', {
    input: { window: 'MONTH', limitUsd },
  });
}

async function upsert() {
  const collectionId = await workspace.createCollection();
  return workspace.upsert({ collectionId, documents: [{ text: TEXT }] });
}

async function until(id: string, status: string): Promise<void> {
  const reached = async () => {
    const { node } = await workspace.read<{ node: { status: string } }>(
      'query ($id: ID!) { node(id: $id) { ... on Job { status } } }',
      { id },
    );
    return node.status === status;
  };
  await waitFor(`the job to be ${status}`, reached);
}

test('documents that the budget cannot have embedded are refused before they are queued, and nothing of them is kept', async () => {
  await setBudget('0');
  expect(await upsert()).toMatchObject({ __typename: 'BudgetExceededError', code: 'BUDGET_EXCEEDED' });
  const { documents } = await workspace.read<{ documents: { totalCount: number } }>('{ documents { totalCount } }');
  expect(documents.totalCount).toBe(0);
});

test.each([
  ['raised', '1'],
  ['taken away', null],
])('a job that waits for its budget goes on as soon as it is %s', async (_change, limitUsd) => {
  await setBudget(BETWEEN_USD);
  const { job } = await upsert();
  const id = job?.id ?? '';
  await until(id, 'RETRYING');
  await setBudget(limitUsd);
  await until(id, 'COMPLETED');
});
