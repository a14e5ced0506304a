import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Database, openDatabase } from '../../../src/db/client.ts';
import { NoProviderError, ProviderFailedError } from '../../../src/domain/gateway/errors.ts';
import { BudgetExceededError } from '../../../src/domain/usage/errors.ts';
import { type TestDatabase, testDatabase } from '../../support/database.ts';
import { scriptedProvider } from '../../support/scripted-provider.ts';
import { waitFor } from '../../support/wait-for.ts';
import { expectExact, periodsOf } from '../usage/budget-fixtures.ts';
import { ANSWER_COST, openBudgetGateway } from './budget-gateway.ts';
import { callOf, collect, question } from './gateway-fixtures.ts';

let opened: TestDatabase;
let database: Database;
beforeAll(async () => {
  opened = await testDatabase();
  database = opened.database;
});
afterAll(() => opened.close());

/** As long as the scripted answers: what is held is what is used. */
const EXACT = { maxOutputTokens: 5 };
/** Twice what is used. */
const WIDE = { maxOutputTokens: 10 };

type Server = Awaited<ReturnType<typeof openBudgetGateway>>;

/** Asks so many questions at once. */
async function burst(servers: readonly Server[], calls: number, fields: object): Promise<{ answers: number }> {
  const asked = Array.from({ length: calls }, (_, i) => {
    const { gateway, call } = servers[i % servers.length] as Server;
    return gateway.generate(call, question(fields));
  });
  const settled = await Promise.allSettled(asked);
  for (const one of settled) if (one.status === 'rejected') expect(one.reason).toBeInstanceOf(BudgetExceededError);
  return { answers: settled.filter(({ status }) => status === 'fulfilled').length };
}

test.each([
  ['as much as they cost', EXACT, 20],
  ['twice as much as they cost', WIDE, 19],
])(
  'of 200 calls at once that hold %s, a budget for 20 lets as many through as it covers',
  async (_name, fields, least) => {
    const server = await openBudgetGateway(database, [scriptedProvider({ pieces: ['yes'], delayMs: 5 })]);
    await server.allow(20);
    const { answers } = await burst([server], 200, fields);
    expect(answers).toBeGreaterThanOrEqual(least);
    expect(answers).toBeLessThanOrEqual(20);
    const books = await server.books();
    expect(books).toMatchObject({ used: answers * ANSWER_COST, reserved: 0, spent: answers * ANSWER_COST, held: 0 });
    expect(books.outcomes).toEqual(Array.from({ length: answers }, () => 'SUCCEEDED'));
  },
);

test('two servers with connections of their own never overdraw a budget that they share', async () => {
  const { databaseUrl } = opened;
  const other = databaseUrl === undefined ? database : await openDatabase(opened);
  try {
    const first = await openBudgetGateway(database, [scriptedProvider({ pieces: ['yes'], delayMs: 5 })]);
    await first.allow(20);
    const second = await openBudgetGateway(
      other,
      [scriptedProvider({ pieces: ['no'], delayMs: 5 })],
      {},
      first.workspaceId,
    );
    const { answers } = await burst([first, second], 120, WIDE);
    expect(answers).toBeGreaterThanOrEqual(19);
    expect(await first.books()).toMatchObject({ used: answers * ANSWER_COST, reserved: 0, limit: 200 });
  } finally {
    if (other !== database) await other.close();
  }
});

test('an answer is given when its row is written and what was held for it is free, without a flush', async () => {
  const server = await openBudgetGateway(database, [scriptedProvider({ pieces: ['yes'] })]);
  await server.allow(100);
  await server.gateway.generate(server.call, question(EXACT));
  expect(await server.books()).toMatchObject({ used: ANSWER_COST, reserved: 0, held: 0, outcomes: ['SUCCEEDED'] });
});

test('a stream tells of its end when its row is written, and holds money meanwhile', async () => {
  const server = await openBudgetGateway(database, [scriptedProvider({ pieces: ['yes', 'and no'] })]);
  await server.allow(1_000);
  const held: number[] = [];
  for await (const part of server.gateway.stream(server.call, question(WIDE))) {
    held.push((await server.books()).reserved);
    if (part.kind === 'completed') expect((await server.books()).outcomes).toEqual(['SUCCEEDED']);
  }
  expect(held).toEqual([20, 20, 20, 0]);
  expect((await server.books()).used).toBe(ANSWER_COST);
});

test.each([
  ['a failing provider', { ending: 'bad_request' as const }, ['FAILED']],
  ['retries and a failure', { ending: 'server' as const }, ['RETRIED', 'RETRIED', 'FAILED']],
])('after %s nothing is held, and every try has its row', async (_name, step, outcomes) => {
  const server = await openBudgetGateway(database, [scriptedProvider(step)]);
  await server.allow(1_000);
  await expect(server.gateway.generate(server.call, question(EXACT))).rejects.toBeInstanceOf(ProviderFailedError);
  const books = await server.books();
  expectExact([books]);
  expect(books).toMatchObject({ reserved: 0, outcomes });
});

test('a time limit that has passed is settled with what the vendor may bill', async () => {
  const timeouts = { connectMs: 50, firstTokenMs: 50, idleMs: 50, totalMs: 50 };
  const server = await openBudgetGateway(database, [scriptedProvider({ ending: 'silence' })], { timeouts, retries: 0 });
  await server.allow(1_000);
  await expect(server.gateway.generate(server.call, question(EXACT))).rejects.toBeInstanceOf(ProviderFailedError);
  const books = await server.books();
  expectExact([books]);
  expect(books).toMatchObject({ reserved: 0, outcomes: ['FAILED'] });
});

test('a stream that starts again elsewhere holds for both tries, and settles what each has cost', async () => {
  const server = await openBudgetGateway(database, [
    scriptedProvider({ pieces: ['half an '], ending: 'server' }),
    scriptedProvider({ pieces: ['a whole answer'] }),
  ]);
  await server.allow(1_000);
  const { kinds, text } = await collect(server.gateway.stream(server.call, question(EXACT)));
  expect(kinds).toContain('restarted');
  expect(text).toBe('a whole answer');
  const books = await server.books();
  expectExact([books]);
  expect(books).toMatchObject({ reserved: 0, outcomes: ['RESTARTED', 'SUCCEEDED'] });
  // The try that was given up has cost something, too.
  expect(books.used).toBeGreaterThan(ANSWER_COST);
});

test('a caller who leaves before the answer, and one who stops reading, give back what was held', async () => {
  const server = await openBudgetGateway(database, [scriptedProvider({ pieces: ['word'], ending: 'silence' })]);
  await server.allow(1_000);
  const leaving = new AbortController();
  const answer = server.gateway.generate(callOf(server.workspaceId, leaving.signal), question(EXACT));
  await waitFor('the money to be held', async () => (await server.books()).reserved > 0);
  leaving.abort(new Error('the caller has left'));
  await expect(answer).rejects.toThrow('the caller has left');
  for await (const part of server.gateway.stream(server.call, question(EXACT))) if (part.kind === 'text') break;
  const books = await server.books();
  expectExact([books]);
  expect(books).toMatchObject({ reserved: 0, outcomes: ['CANCELLED', 'CANCELLED'] });
});

test('a caller who leaves while waiting for room holds nothing, and no provider is asked', async () => {
  const provider = scriptedProvider({ pieces: ['word'], ending: 'silence' });
  const server = await openBudgetGateway(database, [provider]);
  await server.allow(1);
  const [first, second] = [new AbortController(), new AbortController()];
  const holding = server.gateway.generate(callOf(server.workspaceId, first.signal), question(EXACT));
  await waitFor('the money to be held', async () => (await server.books()).reserved > 0);
  const waiting = server.gateway.generate(callOf(server.workspaceId, second.signal), question(EXACT));
  second.abort(new Error('no patience'));
  await expect(waiting).rejects.toThrow('no patience');
  first.abort(new Error('gone'));
  await expect(holding).rejects.toThrow('gone');
  expect(provider.requests).toHaveLength(1);
  expect((await server.books()).reserved).toBe(0);
});

test('what the cache gives needs no budget; callers of one answer at the same moment pay for it once', async () => {
  const provider = scriptedProvider({ pieces: ['yes'], delayMs: 20 });
  const server = await openBudgetGateway(database, [provider]);
  await server.allow(1);
  const same = question(EXACT);
  const together = await Promise.all(Array.from({ length: 5 }, () => server.gateway.generate(server.call, same)));
  expect(together.map(({ text }) => text)).toEqual(together.map(() => 'yes'));
  expect(await server.gateway.generate(server.call, same)).toMatchObject({ cached: true, text: 'yes' });
  expect(provider.requests).toHaveLength(1);
  await server.recorder.flush();
  const books = await server.books();
  expect(books).toMatchObject({ used: ANSWER_COST, reserved: 0 });
  expect(books.outcomes.toSorted()).toEqual([...Array.from({ length: 5 }, () => 'CACHED'), 'SUCCEEDED']);
});

test('a fallback that is dearer holds more before it is called, and is passed over where the budget does not cover it', async () => {
  const priced = (usd: string, step: Parameters<typeof scriptedProvider>[0]) => ({
    ...scriptedProvider(step),
    listModels: async () => [
      { name: 'm', capabilities: ['GENERATE' as const], inputUsdPerMillion: '0', outputUsdPerMillion: usd },
    ],
  });
  const server = await openBudgetGateway(
    database,
    [priced('2', { ending: 'bad_request' }), priced('20', { pieces: ['dear'] }), priced('2', { pieces: ['cheap'] })],
    { models: [] },
  );
  await server.allow(10);
  // 5 tokens at 20 dollars a million: as much as 10 cheap answers.
  expect((await server.gateway.generate(server.call, question(EXACT))).text).toBe('dear');
  expect(await server.books()).toMatchObject({ used: 10 * ANSWER_COST, reserved: 0 });
  await server.allow(19);
  const { text, attempts } = await server.gateway.generate(server.call, question(EXACT));
  expect(text).toBe('cheap');
  expect(attempts.map(({ provider, errorCode }) => `${provider} ${errorCode}`)).toEqual([
    'first bad_request',
    'second budget_exceeded',
    'third null',
  ]);
  expect(await server.books()).toMatchObject({ used: 11 * ANSWER_COST, reserved: 0 });
});

test('a budget that is used up stops calls with its figures, and lets free models go on', async () => {
  const provider = scriptedProvider({ pieces: ['yes'] });
  const server = await openBudgetGateway(database, [provider]);
  await server.allow(1);
  await server.gateway.generate(server.call, question(EXACT));
  const refused = await server.gateway.generate(server.call, question(EXACT)).catch((error: unknown) => error);
  expect(refused).toMatchObject({
    code: 'BUDGET_EXCEEDED',
    details: {
      window: 'DAY',
      limitUsd: '0.00001',
      usedUsd: '0.00001',
      resetsAt: expect.stringMatching(/T00:00:00.000Z$/),
    },
  });
  expect(provider.requests).toHaveLength(1);
  const free = [{ name: 'm', inputUsdPerMillion: '0', outputUsdPerMillion: '0' }];
  const other = await openBudgetGateway(database, [provider], { models: free }, server.workspaceId);
  await expect(other.gateway.generate(other.call, question(EXACT))).resolves.toMatchObject({
    text: 'yes',
    costUsd: '0',
  });
});

test("a key's budget stops that key alone, and its calls count for the workspace's too", async () => {
  const server = await openBudgetGateway(database, [scriptedProvider({ pieces: ['yes'] })]);
  await server.allow(10);
  await server.allow(2, 'key_test');
  const { call } = server;
  const other = { ...call, caller: { ...call.caller, apiKeyId: 'key_other' } };
  for (let i = 0; i < 2; i++) await server.gateway.generate(call, question(EXACT));
  await expect(server.gateway.generate(call, question(EXACT))).rejects.toThrow(/the API key's budget/);
  await server.gateway.generate(other, question(EXACT));
  expect(await server.books('key_test')).toMatchObject({ used: 2 * ANSWER_COST, reserved: 0 });
  expect(await server.books('')).toMatchObject({ used: 3 * ANSWER_COST, reserved: 0 });
});

test('a model of unknown price is called and flagged, unless the policy refuses it', async () => {
  const provider = { ...scriptedProvider({ pieces: ['yes'] }), listModels: async () => [] };
  const unpriced = { models: [{ name: 'm' }] };
  const server = await openBudgetGateway(database, [provider], unpriced);
  await server.allow(1);
  await expect(server.gateway.generate(server.call, question())).resolves.toMatchObject({ costUsd: null });
  const policies = { budgets: { unknownPrices: 'refuse' } };
  const strict = await openBudgetGateway(database, [provider], unpriced, server.workspaceId, policies);
  await expect(strict.gateway.generate(strict.call, question())).rejects.toThrow(/the price of first\/m is not known/);
  await server.recorder.flush();
  expect((await server.books()).outcomes).toEqual(['SUCCEEDED']);
});

test('a request that does not say how long its answer may be gets a limit while a budget is in force, and none otherwise', async () => {
  const provider = scriptedProvider({ pieces: ['yes'] });
  const server = await openBudgetGateway(database, [provider]);
  await server.gateway.generate(server.call, question());
  await server.allow(10_000);
  await server.gateway.generate(server.call, question());
  expect(provider.requests.map(({ maxOutputTokens }) => maxOutputTokens)).toEqual([undefined, 4_096]);
});

test('without a budget nothing is held and nobody waits for the ledger', async () => {
  const server = await openBudgetGateway(database, [scriptedProvider({ pieces: ['yes'] })]);
  await server.gateway.generate(server.call, question());
  expect(server.recorder.counts.pending).toBe(1);
  expect(await periodsOf(database, server.workspaceId)).toEqual([]);
});

test('a call that was refused before any try gives back its allowance and leaves no row', async () => {
  const server = await openBudgetGateway(database, [scriptedProvider({ pieces: ['yes'] })]);
  await server.allow(0);
  await expect(server.gateway.generate(server.call, question(EXACT))).rejects.toBeInstanceOf(BudgetExceededError);
  await expect(server.gateway.generate(server.call, question({ model: 'first/none' }))).rejects.toBeInstanceOf(
    NoProviderError,
  );
  await server.recorder.flush();
  expect(await server.books()).toMatchObject({ used: 0, reserved: 0, outcomes: [] });
});
