import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, inject, test } from 'vitest';
import { type Database, openDatabase } from '../../src/db/client.ts';
import { expectExact, periodsOf } from '../domain/usage/budget-fixtures.ts';
import { testDatabaseTarget } from '../support/database.ts';
import { waitFor } from '../support/wait-for.ts';
import { ask, makeDataDir, type ServerProcess, startProcess } from './server-process.ts';

const CALLS = 1_000;
const AFFORDED = 100;
/** In millionths of a dollar: 5 tokens at 2 dollars a million. */
const ANSWER_COST = 10;
const QUICK_MS = 30;
const ROOT_KEY = 'a-root-key-of-the-ledger-tests';
/** A try may take so long; what a dead server holds is free 20 seconds later. */
const TOTAL_MS = 10_000;
const SWEEP_TIMEOUT_MS = 120_000;

const closings: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closings.splice(0).reverse()) await close();
});

/** A vendor that answers a number of calls in a moment, and the others after another time. */
async function startVendor(quickCalls: number, slowMs: number): Promise<string> {
  let count = 0;
  const server: Server = createServer((request, response) => {
    request.resume().on('end', () => {
      count += 1;
      const answer = {
        ...{ id: `c${count}`, object: 'chat.completion', created: 0, model: 'm' },
        choices: [{ index: 0, message: { role: 'assistant', content: 'yes' }, finish_reason: 'stop' }],
        usage: { prompt_tokens: 10, completion_tokens: 5, total_tokens: 15 },
      };
      const answerNow = () => {
        response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(answer));
      };
      setTimeout(answerNow, count <= quickCalls ? QUICK_MS : slowMs);
    });
  }).listen(0, '127.0.0.1');
  closings.push(async () => {
    server.closeAllConnections();
    server.close();
  });
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`;
}

interface Fleet {
  servers: { process: ServerProcess; origin: string }[];
  key: string;
  workspaceId: string;
  database: Database;
}

/** Three servers on one database, and a workspace with a budget for 100 answers of a model. */
async function startFleet(baseUrl: string): Promise<Fleet> {
  const { remove, ...target } = await testDatabaseTarget();
  closings.push(remove);
  const servers = await Promise.all(
    [1, 2, 3].map(async () => {
      const data = makeDataDir();
      const process = startProcess({
        ...{ SIGNALBOX_DEMO: '0', SIGNALBOX_ROOT_KEY: ROOT_KEY, SIGNALBOX_ALLOW_PRIVATE_URLS: '1', LOG_LEVEL: 'warn' },
        ...{ SIGNALBOX_SECRET_KEY: 'a secret key that all servers share', SIGNALBOX_DATA_DIR: data.path },
        DATABASE_URL: target.databaseUrl ?? '',
      });
      closings.push(async () => {
        if (process.child.exitCode === null && process.child.signalCode === null) await process.end('SIGKILL');
        await data.remove();
      });
      return { process, origin: await process.ready() };
    }),
  );
  const origin = servers[0]?.origin ?? '';
  const database = await openDatabase(target);
  closings.push(() => database.close());
  const { createWorkspace } = await ask<{
    createWorkspace: { workspace: { id: string }; ownerKey: { secret: string } };
  }>(
    origin,
    ROOT_KEY,
    `mutation { createWorkspace(input: { name: "Ledger", tier: ENTERPRISE }) {
      ... on CreatedWorkspace { workspace { id } ownerKey { secret } } } }`,
  );
  const key = createWorkspace.ownerKey.secret;
  const models = [{ name: 'm', inputUsdPerMillion: '0', outputUsdPerMillion: '2' }];
  const config = { baseUrl, models, retries: 0, timeouts: { totalMs: TOTAL_MS } };
  const input = { name: 'vendor', pluginId: 'openai-compatible', config };
  const made = await ask<{ createIntegration: object; setBudget: object }>(
    origin,
    key,
    `mutation ($input: CreateIntegrationInput!) {
      createIntegration(input: $input) { __typename ... on Error { message } }
      setBudget(input: { window: MONTH, limitUsd: "${(AFFORDED * ANSWER_COST) / 1e6}" }) { __typename }
    }`,
    { input },
  );
  expect(made).toEqual({ createIntegration: { __typename: 'Integration' }, setBudget: { __typename: 'Budget' } });
  return { servers, key, workspaceId: createWorkspace.workspace.id, database };
}

/** The status of one call at the door; 0 where the connection was cut. */
async function call(origin: string, key: string): Promise<number> {
  const messages = [{ role: 'user', content: crypto.randomUUID() }];
  try {
    const response = await fetch(`${origin}/v1/chat/completions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      body: JSON.stringify({ model: 'vendor/m', max_tokens: 5, messages }),
    });
    await response.text();
    return response.status;
  } catch {
    return 0;
  }
}

/** So many calls at once, shared out over the servers; tells of each answer. Returns how many had which status. */
async function storm(
  { servers, key }: Fleet,
  onAnswer: (server: ServerProcess, answers: number) => void = () => undefined,
): Promise<Map<number, number>> {
  const counts = new Map<number, number>();
  const callOne = async (i: number) => {
    const { origin, process } = servers[i % servers.length] as Fleet['servers'][number];
    const status = await call(origin, key);
    const count = (counts.get(status) ?? 0) + 1;
    counts.set(status, count);
    if (status === 200) onAnswer(process, count);
  };
  await Promise.all(Array.from({ length: CALLS }, (_, i) => callOne(i)));
  return counts;
}

async function books({ database, workspaceId }: Fleet) {
  const periods = await periodsOf(database, workspaceId);
  expectExact(periods);
  const [row] = await database.withWorkspace(
    workspaceId,
    ({ sql }) => sql<{ count: number }[]>`
      select count(*)::int as count from usage_attempts where outcome = 'SUCCEEDED'`,
  );
  const [period] = periods;
  if (period === undefined) throw new Error('there is no budget');
  return { ...period, succeeded: row?.count ?? 0 };
}

test.runIf(inject('testServer') !== null)(
  'of 1,000 calls at once on three servers, a budget for 100 lets 100 through; nothing is overdrawn and nothing stays held',
  async () => {
    const fleet = await startFleet(await startVendor(CALLS, QUICK_MS));
    const counts = await storm(fleet);
    expect(Object.fromEntries(counts)).toEqual({ 200: AFFORDED, 429: CALLS - AFFORDED });
    const { used, reserved, limit, succeeded } = await books(fleet);
    expect({ used, reserved, succeeded }).toEqual({ used: limit, reserved: 0, succeeded: AFFORDED });
  },
  120_000,
);

test.runIf(inject('testServer') !== null)(
  'where one of three servers is killed amid 1,000 calls, every answer has its row, the budget holds, and what the dead one held is free after the sweep',
  async () => {
    const fleet = await startFleet(await startVendor(30, 1_000));
    let victim: ServerProcess | null = null;
    let killed: Promise<unknown> = Promise.resolve();
    // The one that gives the tenth answer has others under way.
    const counts = await storm(fleet, (process, answered) => {
      if (answered !== 10) return;
      victim = process;
      killed = process.end('SIGKILL');
    });
    await killed;
    const survivor = fleet.servers.find(({ process }) => process !== victim);
    expect(survivor?.process.child.signalCode).toBeNull();
    const answers = counts.get(200) ?? 0;
    expect([...counts.keys()].filter((status) => ![0, 200, 429].includes(status))).toEqual([]);
    expect(answers).toBeGreaterThanOrEqual(10);
    expect(counts.get(0), 'calls that were cut').toBeGreaterThan(0);
    const after = await books(fleet);
    expect(after.succeeded).toBeGreaterThanOrEqual(answers);
    expect(after.used + after.reserved).toBeLessThanOrEqual(after.limit);
    expect(after.reserved, 'what the dead server holds').toBeGreaterThan(0);
    // The next call sweeps, as the maintenance does.
    await waitFor(
      'what the dead server held to be free',
      async () => {
        await call(survivor?.origin ?? '', fleet.key);
        return (await books(fleet)).reserved === 0;
      },
      SWEEP_TIMEOUT_MS,
    );
    const { used, limit, succeeded } = await books(fleet);
    expect(used).toBe(succeeded * ANSWER_COST);
    expect(used).toBeLessThanOrEqual(limit);
  },
  300_000,
);
