import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Database } from '../../../src/db/client.ts';
import type { CallerWorkspace } from '../../../src/domain/access/caller.ts';
import type { UsageEvent } from '../../../src/domain/usage/usage-event.ts';
import { UsageRecorder } from '../../../src/domain/usage/usage-recorder.ts';
import type { UsageRange } from '../../../src/domain/usage/usage-report.ts';
import { UsageService } from '../../../src/domain/usage/usage-service.ts';
import { InvalidInputError } from '../../../src/shared/errors.ts';
import { MAX_TOKENS } from '../../../src/shared/token-count.ts';
import { type TestDatabase, testDatabase } from '../../support/database.ts';
import { addWorkspace, NOON, readableLogger, usageEvent } from './usage-fixtures.ts';

let opened: TestDatabase;
let database: Database;
let recorder: UsageRecorder;
let service: UsageService;
let workspace: CallerWorkspace;
beforeAll(async () => {
  opened = await testDatabase();
  database = opened.database;
  recorder = new UsageRecorder({ database, logger: readableLogger().logger });
  service = new UsageService({ database, recorder, now: () => NOON });
});
afterAll(() => opened.close());
beforeEach(async () => {
  workspace = await addWorkspace(database, 'FREE');
});

function record(changes: Partial<UsageEvent>): void {
  recorder.record(usageEvent(workspace.id, changes));
}

const at = (instant: string) => Date.parse(instant);

/** A bit of everything: a priced call with a retry, a cached one, one without a price, a failure, vector queries. */
function recordSample(): void {
  const openai = { provider: 'openai', model: 'openai/large', operation: 'classify', apiKeyId: 'key_a' } as const;
  record({ ...openai, outcome: 'RETRIED', errorCode: 'TIMEOUT', latencyMs: 100 });
  record({ ...openai, llmCalls: 1, inputTokens: 1_000, outputTokens: 20, costUsd: '0.000123', latencyMs: 40 });
  record({ ...openai, outcome: 'CACHED', cacheHits: 3, latencyMs: 1 });
  record({ ...openai, at: NOON - 86_400_000, llmCalls: 1, inputTokens: 5, costUsd: null, latencyMs: 59 });
  record({ embeddings: 7, inputTokens: 70, apiKeyId: 'key_b', latencyMs: 10 });
  record({ outcome: 'FAILED', errorCode: 'BAD_TEXT', latencyMs: 0 });
  record({
    operation: 'vector_query',
    provider: 'signalbox',
    model: 'local/small',
    vectorQueries: 1,
    latencyMs: 5_000,
    costUsd: null,
  });
}

test('a client sees its own calls at once, added up', async () => {
  recordSample();
  const report = await service.report(workspace);
  expect(await report.totals()).toEqual({
    requests: 6,
    failed: 2,
    cacheHits: 3,
    embeddings: 7,
    llmCalls: 2,
    vectorQueries: 1,
    inputTokens: 1_075,
    outputTokens: 20,
    totalTokens: 1_095,
    costUsd: '0.000123',
    unpriced: 1,
    averageCostUsd: '0.0000246',
    averageLatencyMs: 35,
  });
});

test('a workspace without usage has zeros, and no average latency', async () => {
  const report = await service.report(workspace);
  expect(await report.totals()).toMatchObject({
    requests: 0,
    costUsd: '0',
    averageCostUsd: '0',
    averageLatencyMs: null,
  });
  expect(await report.groups(['PROVIDER', 'DAY'])).toEqual([]);
});

test("a report never holds another workspace's usage", async () => {
  const other = await addWorkspace(database, 'FREE');
  recordSample();
  const report = await service.report(other);
  expect((await report.totals()).requests).toBe(0);
  expect((await report.limits()).every(({ used }) => used === 0)).toBe(true);
});

describe('a range', () => {
  test.each([
    [{ last: 'DAY' }, '2026-03-10'],
    [{ last: 'WEEK' }, '2026-03-04'],
    [{ last: 'MONTH' }, '2026-02-09'],
    [{ last: 'QUARTER' }, '2025-12-11'],
    [{}, '2026-02-09'],
  ] as [UsageRange, string][])('%j is whole days in UTC up to the end of today', async (range, firstDay) => {
    const firstInstant = at(`${firstDay}T00:00:00Z`);
    record({ at: firstInstant - 1, inputTokens: 1 });
    record({ at: firstInstant, inputTokens: 10 });
    record({ at: at('2026-03-10T23:59:59.999Z'), inputTokens: 100 });
    record({ at: at('2026-03-11T00:00:00Z'), inputTokens: 1_000 });
    const report = await service.report(workspace, range);
    expect([report.from, report.to]).toEqual([new Date(firstInstant), new Date('2026-03-11T00:00:00Z')]);
    expect((await report.totals()).inputTokens).toBe(110);
  });

  test.each([
    ['2026-03-01T10:00:00Z', '2026-03-04T15:00:00Z'],
    ['2026-03-01T00:00:00Z', '2026-03-04T15:00:00Z'],
    ['2026-03-01T10:00:00Z', '2026-03-04T00:00:00Z'],
    ['2026-03-02T10:00:00Z', '2026-03-02T10:00:00.001Z'],
    ['2026-03-02T10:00:00Z', '2026-03-02T10:00:00Z'],
    ['2026-03-02T10:00:00Z', '2026-03-03T02:00:00Z'],
    ['2026-03-02T00:00:00Z', '2026-03-03T00:00:00Z'],
  ])('from %s to before %s counts each event in it once, and no other', async (from, to) => {
    const instants: number[] = [];
    for (let hour = at('2026-02-28T22:00:00Z'); hour < at('2026-03-05T02:00:00Z'); hour += 3_600_000) {
      instants.push(hour - 1, hour);
    }
    for (const instant of instants) record({ at: instant, llmCalls: 1, costUsd: '0.1' });
    const expected = instants.filter((instant) => instant >= at(from) && instant < at(to)).length;
    const report = await service.report(workspace, { from: new Date(from), to: new Date(to) });
    const totals = await report.totals();
    expect([totals.requests, totals.llmCalls]).toEqual([expected, expected]);
    expect(Number(totals.costUsd)).toBeCloseTo(expected / 10, 10);
    const days = await report.groups(['DAY']);
    expect(days.reduce((sum, day) => sum + day.totals.requests, 0)).toBe(expected);
  });

  test.each([
    ['that runs backwards', { from: new Date(NOON), to: new Date(NOON - 1) }],
    ['of more than 400 days', { from: new Date(NOON - 401 * 86_400_000), to: new Date(NOON) }],
    ['that is a window and instants', { last: 'DAY', from: new Date(NOON) }],
    ['of no instant', { from: new Date('yesterday') }],
  ] as [string, UsageRange][])('%s is refused', async (_, range) => {
    await expect(service.report(workspace, range)).rejects.toBeInstanceOf(InvalidInputError);
  });
});

describe('groups', () => {
  test('come with the biggest first, each with its key and its totals', async () => {
    recordSample();
    const groups = await (await service.report(workspace)).groups(['PROVIDER', 'API_KEY']);
    expect(groups.map(({ key, totals }) => [key, totals.requests])).toEqual([
      [{ provider: 'openai', apiKey: 'key_a' }, 4],
      [{ provider: 'local', apiKey: 'key_b' }, 1],
      [{ provider: 'local', apiKey: null }, 1],
      [{ provider: 'signalbox', apiKey: null }, 0],
    ]);
    expect(groups[3]?.totals).toMatchObject({ vectorQueries: 1, unpriced: 0, averageLatencyMs: null });
  });

  test('can be made by every dimension at once, and add up to the total', async () => {
    recordSample();
    const report = await service.report(workspace, { from: new Date(NOON - 86_400_000), to: new Date(NOON + 1) });
    const groups = await report.groups(['PROVIDER', 'MODEL', 'OPERATION', 'API_KEY', 'DAY', 'OUTCOME', 'DAY']);
    expect(groups).toHaveLength(7);
    expect(groups[0]?.key).toEqual({
      provider: 'local',
      model: 'local/small',
      operation: 'embed',
      apiKey: 'key_b',
      day: '2026-03-10',
      outcome: 'SUCCEEDED',
    });
    expect(groups.reduce((sum, { totals }) => sum + totals.requests, 0)).toBe((await report.totals()).requests);
  });

  test('are 1,000 at most', async () => {
    for (let i = 0; i < 1_005; i++) record({ model: `local/m${i}` });
    record({ model: 'local/m1004' });
    const groups = await (await service.report(workspace)).groups(['MODEL']);
    expect(groups).toHaveLength(1_000);
    expect(groups[0]).toMatchObject({ key: { model: 'local/m1004' }, totals: { requests: 2 } });
  });

  test('need a dimension', async () => {
    const report = await service.report(workspace);
    await expect(report.groups([])).rejects.toBeInstanceOf(InvalidInputError);
  });
});

describe('limits', () => {
  test("say what is used of the tier's 30 days, whatever the period of the report", async () => {
    record({ at: at('2026-02-08T23:59:59Z'), embeddings: 500 });
    record({ at: at('2026-02-09T00:00:00Z'), embeddings: 250 });
    record({ operation: 'vector_query', vectorQueries: 4 });
    const report = await service.report(workspace, { last: 'DAY' });
    expect(await report.limits()).toEqual([
      { meter: 'EMBEDDINGS', used: 250, limit: 1_000, resetsAt: new Date('2026-03-11T00:00:00Z') },
      { meter: 'LLM_CALLS', used: 0, limit: 100, resetsAt: new Date('2026-04-09T00:00:00Z') },
      { meter: 'VECTOR_QUERIES', used: 4, limit: null, resetsAt: new Date('2026-04-09T00:00:00Z') },
      { meter: 'TOKENS', used: 0, limit: null, resetsAt: new Date('2026-04-09T00:00:00Z') },
      { meter: 'IMAGES', used: 0, limit: null, resetsAt: new Date('2026-04-09T00:00:00Z') },
      { meter: 'AUDIO_SECONDS', used: 0, limit: null, resetsAt: new Date('2026-04-09T00:00:00Z') },
    ]);
    expect(await report.percentages()).toEqual([
      { meter: 'EMBEDDINGS', percent: 25 },
      { meter: 'LLM_CALLS', percent: 0 },
      { meter: 'VECTOR_QUERIES', percent: null },
      { meter: 'TOKENS', percent: null },
      { meter: 'IMAGES', percent: null },
      { meter: 'AUDIO_SECONDS', percent: null },
    ]);
  });

  /** Of the meters that no tier limits. */
  async function unlimited(owner = workspace) {
    const report = await service.report(owner);
    const states = (await report.limits()).filter(({ limit }) => limit === null);
    return Object.fromEntries(states.map(({ meter, used, resetsAt }) => [meter, { used, resetsAt: dayOf(resetsAt) }]));
  }
  const dayOf = (instant: Date) => instant.toISOString().slice(0, 10);

  test('count tokens of every attempt of the 30 days, however many, and come back a day after the other', async () => {
    record({ at: at('2026-02-08T23:59:59Z'), inputTokens: 7 });
    record({ at: at('2026-02-09T12:00:00Z'), outcome: 'CACHED', cacheHits: 1 });
    record({ at: at('2026-02-10T00:00:00Z'), inputTokens: MAX_TOKENS, outputTokens: MAX_TOKENS, metered: true });
    record({ at: at('2026-03-10T23:59:59Z'), inputTokens: 30, outputTokens: 4, outcome: 'FAILED', llmCalls: 1 });
    expect((await unlimited()).TOKENS).toEqual({ used: 2 * MAX_TOKENS + 34, resetsAt: '2026-03-12' });
  });

  test('count images and sound of calls of every tier, whoever counts the calls themselves', async () => {
    for (const metered of [true, false]) {
      record({ at: at('2026-02-08T23:59:59Z'), llmCalls: 1, images: 50, audioSeconds: 50, metered });
      record({ at: at('2026-02-11T00:00:00Z'), llmCalls: 1, images: 2, metered });
      record({ llmCalls: 1, images: 1, audioSeconds: 60.25, metered });
    }
    expect(await unlimited()).toMatchObject({
      IMAGES: { used: 6, resetsAt: '2026-03-13' },
      AUDIO_SECONDS: { used: 121, resetsAt: '2026-04-09' },
    });
  });

  test('lose nothing of many short sounds, and round their sum alone', async () => {
    for (let clips = 0; clips < 1_000; clips++) record({ llmCalls: 1, audioSeconds: 0.024, metered: true });
    expect((await unlimited()).AUDIO_SECONDS?.used).toBe(24);
    for (let clips = 0; clips < 9; clips++) record({ llmCalls: 1, audioSeconds: 0.049999, metered: true });
    expect((await unlimited()).AUDIO_SECONDS?.used).toBe(24);
    record({ llmCalls: 1, audioSeconds: 0.050009, metered: true });
    expect((await unlimited()).AUDIO_SECONDS?.used).toBe(25);
  });

  test('tell more than 2,147,483,647 of each', async () => {
    const many = { llmCalls: 1, images: 2_000_000_000, audioSeconds: 2_000_000_000, inputTokens: MAX_TOKENS };
    for (let calls = 0; calls < 2; calls++) record({ ...many, metered: true });
    expect(await unlimited()).toMatchObject({
      TOKENS: { used: 2 * MAX_TOKENS },
      IMAGES: { used: 4_000_000_000 },
      AUDIO_SECONDS: { used: 4_000_000_000 },
    });
    const other = await addWorkspace(database, 'FREE');
    expect(Object.values(await unlimited(other)).map(({ used }) => used)).toEqual([0, 0, 0, 0]);
  });

  test('pass 100 % after a move to a smaller tier', async () => {
    record({ llmCalls: 150 });
    const report = await service.report({ ...workspace, tier: 'FREE' });
    expect((await report.percentages())[1]).toEqual({ meter: 'LLM_CALLS', percent: 150 });
    const larger = await service.report({ ...workspace, tier: 'PRO' });
    expect((await larger.percentages())[1]).toEqual({ meter: 'LLM_CALLS', percent: 3 });
  });
});
