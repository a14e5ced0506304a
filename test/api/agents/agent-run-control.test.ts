import { createClient } from 'graphql-ws';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { z } from 'zod';
import { type AgentRunContext, defineAgentType } from '../../../src/domain/agents/agent-type.ts';
import { dashboardInsights } from '../../../src/domain/agents/types/dashboard-insights/agent.ts';
import type { JsonObject } from '../../../src/shared/json.ts';
import { anInsight } from '../../domain/insights/finding-rows.ts';
import { type AgentWorker, startAgentWorker } from '../../support/agent-worker.ts';
import { waitFor } from '../../support/wait-for.ts';
import { startTestServer, type TestServer } from '../server-harness.ts';
import { openWorkspace, type WorkspaceClient } from '../workspace-client.ts';

type Run = AgentRunContext<object, object>;

/** What the run that is under way does. */
let work: (run: Run) => Promise<JsonObject>;

/** Takes the place of a real type, so that a test decides when its steps end. */
const definition = defineAgentType({
  ...{ type: 'DASHBOARD_INSIGHTS', description: 'Does what a test says.', tools: ['record_insight'] },
  configuration: dashboardInsights.configuration,
  input: z.object({}),
  output: z.object({ said: z.string() }),
  run: (run) => work(run) as Promise<{ said: string }>,
});

let server: TestServer;
let worker: AgentWorker;
let workspace: WorkspaceClient;
beforeAll(async () => {
  server = await startTestServer({ environment: { SIGNALBOX_WORKER: '0' } });
  worker = await startAgentWorker(server.app, [definition]);
  workspace = await openWorkspace(server);
});
afterAll(async () => {
  await worker?.stop();
  await server?.close();
});

interface Told {
  status: string;
  steps: { name: string; status: string }[];
  metrics: { itemsProcessed: number };
  insights: { title: string }[];
}

const FOLLOW = `subscription ($id: ID!) { agentRun(id: $id) {
  status steps { name status } metrics { itemsProcessed } insights { title } } }`;

/** All that is told of a run, until it is over. */
async function followed(id: string, key = workspace.ownerKey): Promise<Told[]> {
  const connectionParams = { authorization: `Bearer ${key}` };
  const client = createClient({ url: server.wsUrl, webSocketImpl: WebSocket, retryAttempts: 0, connectionParams });
  const told: Told[] = [];
  for await (const { data, errors } of client.iterate<{ agentRun: Told }>({ query: FOLLOW, variables: { id } })) {
    if (errors !== undefined) throw new Error(errors.map(({ message }) => message).join());
    if (data) told.push(data.agentRun);
  }
  await client.dispose();
  return told;
}

async function createAgent(): Promise<string> {
  const { createAgent } = await workspace.read<{ createAgent: { id: string } }>(
    'mutation { createAgent(input: { type: DASHBOARD_INSIGHTS, name: "Numbers" }) { ... on Agent { id } } }',
  );
  return createAgent.id;
}

async function start(agentId: string): Promise<string> {
  const { runAgent } = await workspace.read<{ runAgent: { id: string } }>(
    'mutation ($id: ID!) { runAgent(input: { agentId: $id }) { ... on AgentRun { id } } }',
    { id: agentId },
  );
  return runAgent.id;
}

function statusOf(id: string) {
  return workspace
    .read<{ node: { status: string } }>('query ($id: ID!) { node(id: $id) { ... on AgentRun { status } } }', { id })
    .then(({ node }) => node.status);
}

const isRunning = (id: string) => waitFor('the run to begin', async () => (await statusOf(id)) === 'RUNNING', 60_000);

/** Ends when the run is ended from outside. */
function untilEnded({ signal }: Run): Promise<never> {
  return new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
}

test('a subscription tells a run’s steps, items and findings as they come, and completes with it', async () => {
  const gates = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  work = async (run) => {
    for (const [i, gate] of gates.entries()) {
      await run.step(`part ${i}`, async () => {
        if (i === 1) await run.tools.recordInsight(anInsight({ documentIds: [] }));
        await gate.promise;
        return null;
      });
      run.progress(i + 1, 2);
    }
    return { said: 'done' };
  };
  const id = await start(await createAgent());
  const told = followed(id);
  await isRunning(id);
  for (const gate of gates) gate.resolve();
  const all = await told;
  expect(all.at(-1)).toMatchObject({
    status: 'COMPLETED',
    metrics: { itemsProcessed: 2 },
    insights: [{ title: 'Fewer documents than usual' }],
  });
  expect(all.at(-1)?.steps).toEqual([
    { name: 'part 0', status: 'COMPLETED' },
    { name: 'part 1', status: 'COMPLETED' },
  ]);
  expect(all.slice(0, -1).every(({ status }) => status !== 'COMPLETED')).toBe(true);
  expect(new Set(all.map((each) => JSON.stringify(each))).size).toBeGreaterThan(1);
  expect(await followed(id)).toHaveLength(1);
});

test('a subscription of a run that is not there is refused', async () => {
  await expect(followed('run_01j00000000000000000000000')).rejects.toThrow('no agent run');
  work = async () => ({ said: 'done' });
  const id = await start(await createAgent());
  const other = await openWorkspace(server);
  await expect(followed(id, other.ownerKey)).rejects.toThrow('no agent run');
});

test('a run that is cancelled ends wherever it is, and cancelling it again changes nothing', async () => {
  work = (run) => untilEnded(run);
  const id = await start(await createAgent());
  await isRunning(id);
  for (const _again of [1, 2]) {
    const { cancelAgentRun } = await workspace.read<{ cancelAgentRun: { status: string } }>(
      'mutation ($id: ID!) { cancelAgentRun(input: { id: $id }) { ... on AgentRun { status } } }',
      { id },
    );
    expect(cancelAgentRun.status).toBe('CANCELLED');
  }
  expect((await followed(id)).map(({ status }) => status)).toEqual(['CANCELLED']);
});

test('an agent that is deleted while it runs takes its run along, and leaves what it found', async () => {
  const ended = Promise.withResolvers<void>();
  work = async (run) => {
    await run.step('find', () =>
      run.tools.recordInsight(anInsight({ documentIds: [], title: 'Found before the end' })),
    );
    return untilEnded(run).finally(ended.resolve);
  };
  const agentId = await createAgent();
  const id = await start(agentId);
  await waitFor('the insight', async () => (await titles()).includes('Found before the end'), 60_000);
  const document = 'mutation ($id: ID!) { deleteAgent(input: { id: $id }) { __typename } }';
  expect(await workspace.read(document, { id: agentId })).toEqual({ deleteAgent: { __typename: 'Deleted' } });
  await ended.promise;
  expect(await workspace.errorCode('query ($id: ID!) { node(id: $id) { id } }', { id })).toBe('NOT_FOUND');
  expect(await titles()).toContain('Found before the end');
  expect(await workspace.read(document, { id: agentId })).toEqual({ deleteAgent: { __typename: 'NotFoundError' } });
});

async function titles(): Promise<string[]> {
  const { insights } = await workspace.read<{ insights: { nodes: { title: string }[] } }>(
    '{ insights { nodes { title } } }',
  );
  return insights.nodes.map(({ title }) => title);
}
