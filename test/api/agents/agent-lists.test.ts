import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { recordInsight } from '../../../src/domain/insights/insight-store.ts';
import { recordSignal } from '../../../src/domain/insights/signal-store.ts';
import { newId } from '../../../src/shared/ids.ts';
import { anInsight, aSignal, insertAgentWithRuns, insertCompany } from '../../domain/insights/finding-rows.ts';
import { startTestServer, type TestServer } from '../server-harness.ts';
import { openWorkspace, type WorkspaceClient } from '../workspace-client.ts';

const RUNS = 50;
/** Whose steps came to so much. */
const LONG_RUNS = 10;
const OUTPUT_CHARACTERS = 256_000;
const PAGE = `query ($id: ID!, $first: Int!) { node(id: $id) { ... on Agent { successRate runs(first: $first) { nodes {
  id agent { id } status input output metrics { apiCalls costUsd } steps { name output }
  insights { title documents { id } } signals { type company { id } evidence { id } } } } } } }`;

interface Page {
  node: { runs: { nodes: { id: string; steps: { name: string; output: unknown }[]; insights: object[] }[] } };
}

let server: TestServer;
let workspace: WorkspaceClient;
const agentId = newId('Agent');
/** Oldest first. */
const runIds = Array.from({ length: RUNS }, () => newId('AgentRun')).toSorted();
beforeAll(async () => {
  server = await startTestServer({ environment: { SIGNALBOX_WORKER: '0' } });
  workspace = await openWorkspace(server);
  const { database } = server.app;
  await database.withWorkspace(
    workspace.id,
    ({ sql }) => sql`
      insert into collections (workspace_id, id, name, slug, kind)
      values (${workspace.id}, 'col_1', 'Companies', 'companies', 'COMPANY')`,
  );
  await insertCompany(database, workspace.id);
  const finders = await insertAgentWithRuns(database, workspace.id, agentId, runIds);
  await database.withWorkspace(workspace.id, async (scope) => {
    for (const [i, finder] of finders.entries()) {
      await recordInsight(scope, finder, anInsight({ key: `insight ${i}` }));
      await recordSignal(scope, finder, aSignal({ key: `signal ${i}` }));
    }
    await scope.sql`
      insert into agent_run_steps (workspace_id, run_id, name, position, status, attempts, output)
      select ${workspace.id}, run_id, 'step ' || n, n, 'COMPLETED', 1, '{"n": 1}'
      from unnest(${runIds}::text[]) as run_id, generate_series(1, 5) n`;
  });
});
afterAll(() => server?.close());

/** Transactions that a page takes. */
async function transactionsOf(first: number): Promise<number> {
  const opened = vi.spyOn(server.app.database, 'withWorkspace');
  const { node } = await workspace.read<Page>(PAGE, { id: agentId, first });
  const runs = node.runs.nodes;
  expect(runs).toHaveLength(first);
  expect(runs.every(({ steps, insights }) => steps.length === 5 && insights.length === 1)).toBe(true);
  const count = opened.mock.calls.length;
  opened.mockRestore();
  return count;
}

test('a page of fifty runs with all that they brought takes as many reads as one of two', async () => {
  await transactionsOf(1);
  expect(await transactionsOf(RUNS)).toBe(await transactionsOf(2));
});

test('steps of many runs that came to more than can be shown are refused, and those of a few are not', async () => {
  // Noise, which the database cannot compress.
  await server.app.database.withWorkspace(
    workspace.id,
    ({ sql }) => sql`
      update agent_run_steps set output = to_json((
        select string_agg(md5(run_id || name || n), '') from generate_series(1, ${OUTPUT_CHARACTERS / 32}::int) n))
      where run_id = any(${runIds.slice(-LONG_RUNS)}::text[])`,
  );
  const document = 'query ($id: ID!) { node(id: $id) { ... on AgentRun { steps { name output } } } }';
  const { node } = await workspace.read<{ node: { steps: { output: string }[] } }>(document, { id: runIds.at(-1) });
  expect(node.steps.map(({ output }) => output.length)).toEqual(Array(5).fill(OUTPUT_CHARACTERS));
  const { body } = await server.query<Page>(PAGE, { id: agentId, first: LONG_RUNS }, { key: workspace.ownerKey });
  expect(body.errors?.[0]).toMatchObject({
    message: expect.stringContaining('ask for fewer runs'),
    extensions: { code: 'BAD_INPUT' },
  });
  const shown = body.data?.node.runs.nodes.flatMap(({ steps }) => steps) ?? [];
  expect(shown).toHaveLength(5 * LONG_RUNS);
  expect(shown.filter(({ output }) => output !== null).length).toBeGreaterThan(10);
  expect(shown.filter(({ output }) => output === null).length).toBeGreaterThan(10);
});
