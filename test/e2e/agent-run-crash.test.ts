import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { afterEach, expect, test } from 'vitest';
import { openAgentRunning } from '../../src/domain/agents/agent-running.ts';
import { startBoss } from '../../src/jobs/boss.ts';
import { JobQueue } from '../../src/jobs/queue.ts';
import { startTestServer, type TestServer } from '../api/server-harness.ts';
import { insertAgent, readRun } from '../support/agent-worker.ts';
import { type ChatVendor, startChatVendor, vendorIntegration } from '../support/chat-vendor.ts';
import { type TestDatabaseTarget, testDatabaseTarget } from '../support/database.ts';
import { waitFor } from '../support/wait-for.ts';

const PROCESS = new URL('./agent-worker-process.ts', import.meta.url).pathname;
const PARTS = [1, 2, 3, 4, 5, 6];
const BOUNDARIES = [...PARTS.slice(1).map((part) => `before ${part}`), 'before the end'];
const TYPE = { type: 'WRITER' } as Parameters<typeof insertAgent>[2];

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

/** A server that works nothing, on a database that outlives it. */
async function openServer(target: TestDatabaseTarget, isFirst: boolean): Promise<TestServer> {
  const { remove: _remove, inMemory: _inMemory, preparedFolder, ...kept } = target;
  return startTestServer({
    target: isFirst && preparedFolder !== undefined ? { ...kept, preparedFolder } : kept,
    environment: { SIGNALBOX_WORKER: '0', SIGNALBOX_ALLOW_PRIVATE_URLS: '1' },
  });
}

/** Asks for a run in a workspace with a model that is paid. */
async function askForRun(server: TestServer, vendor: ChatVendor): Promise<{ workspaceId: string; runId: string }> {
  const { id: workspaceId, ownerKey } = await server.createWorkspace();
  const input = vendorIntegration(vendor);
  const { body } = await server.query(
    'mutation ($input: CreateIntegrationInput!) { createIntegration(input: $input) { __typename } }',
    { input },
    { key: ownerKey },
  );
  expect(body.data).toEqual({ createIntegration: { __typename: 'Integration' } });
  const { app } = server;
  const { search, answers, classifications, models: catalog, gateway } = app.services;
  const boss = await startBoss(app.database, app.logger);
  const { runs } = openAgentRunning({
    ...{ database: app.database, search, answers, classifications, catalog, gateway, recorder: app.recorder },
    ...{ queue: new JobQueue(boss), typeOf: () => null },
  });
  const agent = await insertAgent(app, workspaceId, TYPE);
  const run = await app.database.withWorkspace(workspaceId, (scope) =>
    runs.start(scope, { agent, cause: 'MANUAL', input: {} }),
  );
  await boss.stop({ graceful: false });
  return { workspaceId, runId: run.id };
}

function startWorkerProcess({ dataDir, databaseUrl }: TestDatabaseTarget, hangsAt: string | null): ChildProcess {
  const settings = {
    ...{ PATH: process.env.PATH, HOME: process.env.HOME, SIGNALBOX_DATA_DIR: dataDir, SIGNALBOX_DEMO: '0' },
    ...{ SIGNALBOX_LOCAL_WORKERS: '1', SIGNALBOX_ALLOW_PRIVATE_URLS: '1' },
    ...(databaseUrl === undefined ? {} : { DATABASE_URL: databaseUrl, DATABASE_POOL_SIZE: '4' }),
  };
  const child = spawn(process.execPath, [PROCESS, ...(hangsAt === null ? [] : [hangsAt])], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: settings,
  });
  closing.push(() => child.exitCode ?? child.signalCode ?? child.kill('SIGKILL'));
  return child;
}

/** Has a process do the run until it comes to a boundary, and kills it there as `kill -9` does. */
async function killAt(target: TestDatabaseTarget, boundary: string): Promise<void> {
  const child = startWorkerProcess(target, boundary);
  const exited = once(child, 'exit');
  for await (const line of createInterface(child.stdout as NodeJS.ReadableStream)) {
    if (line === boundary) child.kill('SIGKILL');
  }
  await exited;
  expect(child.signalCode).toBe('SIGKILL');
}

test('kill -9 at every boundary between the steps of a run: it completes, and each step was paid for once', async () => {
  const target = await testDatabaseTarget();
  closing.push(target.remove);
  const vendor = await startChatVendor((_request, place) => ({ json: { said: `word ${place + 1}` } }));
  closing.push(vendor.close);
  const first = await openServer(target, true);
  const { workspaceId, runId } = await askForRun(first, vendor);
  await first.close();

  for (const boundary of BOUNDARIES) await killAt(target, boundary);

  const last = startWorkerProcess(target, null);
  const lines: string[] = [];
  createInterface(last.stdout as NodeJS.ReadableStream).on('line', (line) => lines.push(line));
  await waitFor('the last boundary', () => lines.includes('before the end'), 120_000);
  const stopped = once(last, 'exit');
  last.kill('SIGTERM');
  await stopped;

  const server = await openServer(target, false);
  closing.push(() => server.close());
  const run = await readRun(server.app, workspaceId, runId);
  expect(run).toMatchObject({
    ...{ status: 'COMPLETED', error: null, output: { said: PARTS.map((part) => `word ${part}`) } },
    metrics: { itemsProcessed: 6, apiCalls: 6, tokensUsed: 720, costUsd: '0.00084' },
  });
  expect(run.steps.map(({ name, status, attempts }) => [name, status, attempts])).toEqual(
    PARTS.map((part) => [`part ${part}`, 'COMPLETED', 1]),
  );
  expect(vendor.requests).toHaveLength(6);
  const ledger = await server.app.database.withWorkspace(
    workspaceId,
    ({ sql }) => sql<{ outcome: string; cost: string }[]>`
      select outcome, trim_scale(cost_usd)::text as cost from usage_attempts where about_id = ${runId}`,
  );
  expect(ledger).toEqual(Array(6).fill({ outcome: 'SUCCEEDED', cost: '0.00014' }));
}, 400_000);
