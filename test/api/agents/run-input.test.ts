import { afterAll, beforeAll, expect, test } from 'vitest';
import { seeded } from '../../domain/agents/types/dashboard-insights/random-series.ts';
import { waitFor } from '../../support/wait-for.ts';
import { startTestServer, type TestServer } from '../server-harness.ts';
import { openWorkspace, type WorkspaceClient } from '../workspace-client.ts';

interface Run {
  id: string;
  status: string;
  error: string | null;
  output: { overview: string; findings: { series: string; from: string }[] } | null;
  code?: string;
}

const FIRST_DAY = Date.UTC(2025, 0, 1);
const METRICS = 100;

/** A year of days of a hundred metrics; every fifth is lower by 40 % from December on. */
function yearOfMetrics() {
  const names = Array.from({ length: METRICS }, (_none, place) => `metric ${place}`);
  return Object.fromEntries(names.map((name, place) => [name, yearOf(place)]));
}

function yearOf(place: number) {
  const random = seeded(place + 1);
  return Array.from({ length: 365 }, (_none, day) => {
    const level = place % 5 === 0 && day >= 334 ? 600 : 1_000;
    return {
      at: new Date(FIRST_DAY + day * 86_400_000).toISOString(),
      value: Math.round(level * (0.9 + random() / 5)),
    };
  });
}

let server: TestServer;
let workspace: WorkspaceClient;
let agentId: string;
beforeAll(async () => {
  server = await startTestServer();
  workspace = await openWorkspace(server);
  const made = await workspace.read<{ createAgent: { id: string } }>(
    'mutation { createAgent(input: { type: DASHBOARD_INSIGHTS, name: "Numbers" }) { ... on Agent { id } } }',
  );
  agentId = made.createAgent.id;
});
afterAll(() => server?.close());

async function run(input: object): Promise<Run> {
  const document = `mutation ($input: RunAgentInput!) {
    runAgent(input: $input) { ... on AgentRun { id status } ... on Error { code } } }`;
  return (await workspace.read<{ runAgent: Run }>(document, { input: { agentId, ...input } })).runAgent;
}

async function readRun(id: string): Promise<Run | null> {
  const document = 'query ($id: ID!) { node(id: $id) { ... on AgentRun { id status error output } } }';
  const { node } = await workspace.read<{ node: Run }>(document, { id });
  if (node.error !== null) throw new Error(node.error);
  return ['QUEUED', 'RUNNING'].includes(node.status) ? null : node;
}

test('a run over a hundred metrics of a year completes, and its input is shown in full, alone and in a page', async () => {
  const metrics = yearOfMetrics();
  const asked = { input: { metrics }, idempotencyKey: 'the year' };
  const { id } = await run(asked);
  const { status, output } = await waitFor('the end of the run', () => readRun(id), 120_000);
  expect(status).toBe('COMPLETED');
  expect(output?.overview).toContain('100 given metrics were looked through');
  expect(output?.findings).toHaveLength(METRICS / 5);
  for (const { series, from } of output?.findings ?? []) {
    expect(Number(series.split(' ')[1]) % 5).toBe(0);
    expect(Math.abs(new Date(from).getTime() - (FIRST_DAY + 334 * 86_400_000))).toBeLessThanOrEqual(2 * 86_400_000);
  }
  // The same key with the same input is the same run, with another a conflict.
  expect(await run(asked)).toMatchObject({ id });
  expect(await run({ ...asked, input: { metrics: { one: metrics['metric 1'] } } })).toEqual({ code: 'CONFLICT' });
  const small = await run({ input: { metrics: { one: [] } } });
  const document = `query ($id: ID!) { node(id: $id) { ... on Agent { runs(first: 10) { nodes { id input } } } } }`;
  type Page = { node: { runs: { nodes: { id: string; input: object }[] } } };
  const page = await workspace.read<Page>(document, { id: agentId });
  expect(page.node.runs.nodes).toEqual([
    { id: small.id, input: { metrics: { one: [] } } },
    { id, input: { metrics } },
  ]);
}, 180_000);

test('an input of more than 8 MiB is refused', async () => {
  const point = { at: '2025-01-01T00:00:00.000Z', value: 1, note: 'x'.repeat(1_000) };
  expect(await run({ input: { metrics: { large: new Array(9_000).fill(point) } } })).toEqual({ code: 'BAD_INPUT' });
});
