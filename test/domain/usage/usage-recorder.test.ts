import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Database } from '../../../src/db/client.ts';
import type { SystemCall } from '../../../src/db/workspace-scope.ts';
import { UsageLostError } from '../../../src/domain/usage/errors.ts';
import { UsageRecorder } from '../../../src/domain/usage/usage-recorder.ts';
import { deleteWorkspace } from '../../../src/domain/workspaces/workspace-store.ts';
import { type TestDatabase, testDatabase } from '../../support/database.ts';
import { waitFor } from '../../support/wait-for.ts';
import { addBudgetedWorkspace, asked, openLedger, periodsOf } from './budget-fixtures.ts';
import { addWorkspace, NOON, readableLogger, usageEvent } from './usage-fixtures.ts';

let opened: TestDatabase;
let database: Database;
beforeAll(async () => {
  opened = await testDatabase();
  database = opened.database;
});
afterAll(() => opened.close());

interface Written {
  attempts: number;
  requests: number;
  embeddings: number;
  costUsd: string;
  unpriced: number;
  attemptsCostUsd: string;
  meters: Record<string, number>;
}

async function written(workspaceId: string): Promise<Written> {
  return database.withWorkspace(workspaceId, async ({ sql }) => {
    const [attempts] = await sql`
      select count(*)::int as attempts, trim_scale(coalesce(sum(cost_usd), 0))::text as attempts_cost_usd
      from usage_attempts`;
    const [daily] = await sql`
      select coalesce(sum(requests), 0)::int as requests, coalesce(sum(embeddings), 0)::int as embeddings,
        trim_scale(coalesce(sum(cost_usd), 0))::text as cost_usd, coalesce(sum(unpriced), 0)::int as unpriced
      from usage_daily`;
    const meters = await sql<{ meter: string; used: number }[]>`
      select meter, sum(used)::int as used from meter_days group by meter order by meter`;
    const byMeter = Object.fromEntries(meters.map(({ meter, used }) => [meter, used]));
    return { ...attempts, ...daily, meters: byMeter } as unknown as Written;
  });
}

test('a clean stop loses nothing: events, rows and sums by day are the same', async () => {
  const workspace = await addWorkspace(database, 'ENTERPRISE');
  const recorder = new UsageRecorder({ database, logger: readableLogger().logger });
  for (let i = 0; i < 10_000; i++) {
    const outcome = i % 10 === 0 ? 'FAILED' : 'SUCCEEDED';
    const costUsd = i % 100 === 0 ? null : '0.0000001';
    recorder.record(usageEvent(workspace.id, { embeddings: 2, outcome, costUsd, model: `local/m${i % 3}` }));
  }
  await recorder.drain({ timeoutMs: 60_000 });
  expect(recorder.counts).toEqual({ pending: 0, rejected: 0 });
  expect(await written(workspace.id)).toEqual({
    attempts: 10_000,
    requests: 10_000,
    embeddings: 20_000,
    costUsd: '0.00099',
    attemptsCostUsd: '0.00099',
    unpriced: 100,
    meters: { EMBEDDINGS: 20_000 },
  });
});

test('events are written within a moment, without anybody asking', async () => {
  const workspace = await addWorkspace(database, 'FREE');
  const recorder = new UsageRecorder({ database, logger: readableLogger().logger, batchIntervalMs: 20 });
  recorder.record(usageEvent(workspace.id));
  await waitFor('the event', async () => (await written(workspace.id)).attempts === 1);
  recorder.record(usageEvent(workspace.id));
  await waitFor('the next event', async () => (await written(workspace.id)).attempts === 2);
});

test('what was metered before the call is not metered again; vector queries, images and sound always are', async () => {
  const workspace = await addWorkspace(database, 'FREE');
  const recorder = new UsageRecorder({ database, logger: readableLogger().logger });
  recorder.record(usageEvent(workspace.id, { embeddings: 5, metered: true }));
  recorder.record(usageEvent(workspace.id, { llmCalls: 2, metered: false }));
  recorder.record(usageEvent(workspace.id, { operation: 'vector_query', vectorQueries: 3, metered: true }));
  recorder.record(usageEvent(workspace.id, { llmCalls: 1, images: 4, metered: true }));
  recorder.record(usageEvent(workspace.id, { llmCalls: 1, audioSeconds: 0.0015, metered: true }));
  await recorder.drain();
  const { meters, requests, attempts } = await written(workspace.id);
  expect(meters).toEqual({ LLM_CALLS: 2, VECTOR_QUERIES: 3, IMAGES: 4, AUDIO_MICROSECONDS: 1_500 });
  expect([attempts, requests]).toEqual([5, 4]);
});

test('a call with tokens alone, whose allowance was taken before it, adds no row to the meters', async () => {
  const workspace = await addWorkspace(database, 'FREE');
  const recorder = new UsageRecorder({ database, logger: readableLogger().logger });
  recorder.record(usageEvent(workspace.id, { llmCalls: 1, inputTokens: 900, outputTokens: 12, metered: true }));
  await recorder.drain();
  expect(await written(workspace.id)).toMatchObject({ attempts: 1, meters: {} });
});

/** Commits, and then loses the answer, as a connection that breaks at the wrong moment does. */
class ForgetfulDatabase extends Database {
  answersToLose = 1;

  override async callSystem<Answer>(call: SystemCall<Answer>): Promise<Answer> {
    const answer = await super.callSystem(call);
    if (this.answersToLose-- > 0) throw Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' });
    return answer;
  }
}

test('a batch whose commit was not heard of is written once', async () => {
  const workspace = await addWorkspace(database, 'FREE');
  const forgetful = new ForgetfulDatabase(database.sql, null);
  const recorder = new UsageRecorder({ database: forgetful, logger: readableLogger().logger });
  const event = { embeddings: 1, images: 1, audioSeconds: 0.5, costUsd: '0.01' };
  for (let i = 0; i < 20; i++) recorder.record(usageEvent(workspace.id, event));
  await expect(recorder.flush()).rejects.toThrow('ECONNRESET');
  expect(recorder.counts.pending).toBe(20);
  await recorder.drain();
  expect(recorder.counts).toEqual({ pending: 0, rejected: 0 });
  expect(await written(workspace.id)).toMatchObject({
    attempts: 20,
    requests: 20,
    costUsd: '0.2',
    meters: { EMBEDDINGS: 20, IMAGES: 20, AUDIO_MICROSECONDS: 10_000_000 },
  });
});

test('what a call may have kept without hearing of it ends when the call is looked for', async () => {
  const ledger = openLedger(database);
  const workspaceId = await addBudgetedWorkspace(database, ledger, '1');
  const held = await ledger.reservations.reserve(asked(workspaceId, '0.5'));
  const recorder = new UsageRecorder({
    database: new ForgetfulDatabase(database.sql, null),
    logger: readableLogger().logger,
  });
  const told: boolean[] = [];
  const paid = { at: NOON, costUsd: '0.1', reservationId: held?.id ?? '', settles: true, keeps: true };
  recorder.record(usageEvent(workspaceId, paid), (isKept) => told.push(isKept));
  await expect(recorder.flush()).rejects.toThrow('ECONNRESET');
  expect(await periodsOf(database, workspaceId)).toMatchObject([{ used: 100_000, reserved: 500_000 }]);
  expect(told).toEqual([]);
  await recorder.drain();
  expect(await periodsOf(database, workspaceId)).toMatchObject([{ used: 100_000, reserved: 0, held: 0 }]);
  expect(told).toEqual([false]);
});

test('of a batch of which some are written already the others are written, and everything is added up once', async () => {
  const [workspace, other] = [await addWorkspace(database, 'FREE'), await addWorkspace(database, 'FREE')];
  const forgetful = new ForgetfulDatabase(database.sql, null);
  const { logger, lines } = readableLogger();
  const recorder = new UsageRecorder({ database: forgetful, logger });
  const record = (id: string) => recorder.record(usageEvent(id, { embeddings: 1, costUsd: '0.01' }));
  for (let i = 0; i < 20; i++) record(workspace.id);
  await expect(recorder.flush()).rejects.toThrow('ECONNRESET');
  for (const { id } of [workspace, other, workspace]) record(id);
  await recorder.drain();
  expect(recorder.counts).toEqual({ pending: 0, rejected: 0 });
  const once = (count: number) => ({ attempts: count, requests: count, meters: { EMBEDDINGS: count } });
  expect(await written(workspace.id)).toMatchObject({ ...once(22), costUsd: '0.22' });
  expect(await written(other.id)).toMatchObject({ ...once(1), costUsd: '0.01' });
  expect(lines.filter(({ level }) => Number(level) >= 50)).toEqual([]);
});

test('whatever text stands in an attempt is written as it is', async () => {
  const workspace = await addWorkspace(database, 'ENTERPRISE');
  const recorder = new UsageRecorder({ database, logger: readableLogger().logger });
  // No database keeps this one.
  const text = fc.string({ unit: 'grapheme' }).map((value) => value.replaceAll('\u0000', ''));
  const odd = fc.oneof(text, fc.constantFrom('', 'NULL', ' ', '\\', '"', ',', '(a,"b")', '{"a"}', 'a\nb', '\\N'));
  await fc.assert(
    fc.asyncProperty(odd, odd, fc.option(odd), async (model, requestId, errorCode) => {
      recorder.record(usageEvent(workspace.id, { model, requestId, errorCode }));
      await recorder.flush();
      const [row] = await database.withWorkspace(
        workspace.id,
        ({ sql }) => sql`select model, request_id, error_code from usage_attempts order by id desc limit 1`,
      );
      expect(row).toEqual({ model, requestId, errorCode });
      const days = await database.withWorkspace(
        workspace.id,
        ({ sql }) => sql`select 1 from usage_daily where model = ${model}`,
      );
      expect(days).toHaveLength(1);
    }),
    { numRuns: 60 },
  );
  expect(recorder.counts).toEqual({ pending: 0, rejected: 0 });
});

test('a cost that is no number is refused, and the others of the batch are written', async () => {
  const workspace = await addWorkspace(database, 'FREE');
  const recorder = new UsageRecorder({ database, logger: readableLogger().logger });
  for (const costUsd of ['0.1', 'much', '0.2']) recorder.record(usageEvent(workspace.id, { costUsd }));
  await recorder.drain();
  expect(await written(workspace.id)).toMatchObject({ attempts: 2, costUsd: '0.3', attemptsCostUsd: '0.3' });
  expect(recorder.counts).toEqual({ pending: 0, rejected: 1 });
});

test('events of a deleted workspace are dropped and the others of the batch are not', async () => {
  const [kept, deleted] = [await addWorkspace(database, 'FREE'), await addWorkspace(database, 'FREE')];
  await database.withSystem((scope) => deleteWorkspace(scope, deleted.id));
  const { logger, lines } = readableLogger();
  const recorder = new UsageRecorder({ database, logger });
  for (const { id } of [kept, deleted, kept]) recorder.record(usageEvent(id));
  await recorder.drain();
  expect((await written(kept.id)).attempts).toBe(2);
  expect((await written(deleted.id)).attempts).toBe(0);
  expect(recorder.counts).toEqual({ pending: 0, rejected: 0 });
  expect(lines).toEqual([]);
});

test('an event that the database refuses is reported and the others of the batch are written', async () => {
  const workspace = await addWorkspace(database, 'FREE');
  const { logger, lines } = readableLogger();
  const recorder = new UsageRecorder({ database, logger });
  for (let i = 0; i < 9; i++) recorder.record(usageEvent(workspace.id, i === 4 ? { at: Number.NaN } : {}));
  await recorder.drain();
  expect((await written(workspace.id)).attempts).toBe(8);
  expect(recorder.counts).toEqual({ pending: 0, rejected: 1 });
  expect(lines).toEqual([expect.objectContaining({ level: 50, events: 1 })]);
});

/** The table is out of reach while `work` runs. */
async function withoutTable(work: () => Promise<void>): Promise<void> {
  await database.sql`alter table usage_attempts rename to usage_attempts_away`;
  try {
    await work();
  } finally {
    await database.sql`alter table usage_attempts_away rename to usage_attempts`;
  }
}

test('while the database is away events are kept, and written by themselves when it is back', async () => {
  const workspace = await addWorkspace(database, 'FREE');
  const recorder = new UsageRecorder({ database, logger: readableLogger().logger, batchIntervalMs: 10, batchSize: 4 });
  await withoutTable(async () => {
    for (let i = 0; i < 10; i++) recorder.record(usageEvent(workspace.id));
    await expect(recorder.flush()).rejects.toThrow('usage_attempts');
    expect(recorder.counts).toEqual({ pending: 10, rejected: 0 });
  });
  await waitFor('the kept events', () => recorder.counts.pending === 0);
  expect((await written(workspace.id)).attempts).toBe(10);
});

test('no more than a bound is kept: the oldest are given up, loudly', async () => {
  const workspace = await addWorkspace(database, 'FREE');
  const { logger, lines } = readableLogger();
  const recorder = new UsageRecorder({ database, logger, batchSize: 10, maxPending: 50 });
  await withoutTable(async () => {
    for (let i = 0; i < 55; i++) recorder.record(usageEvent(workspace.id, { inputTokens: i }));
    await expect(recorder.flush()).rejects.toThrow('usage_attempts');
    expect(recorder.counts).toEqual({ pending: 45, rejected: 10 });
  });
  expect(lines.filter(({ level }) => level === 50)).toEqual([expect.objectContaining({ events: 10 })]);
  await recorder.drain();
  const [oldest] = await database.withWorkspace(
    workspace.id,
    ({ sql }) => sql`select min(input_tokens) as tokens, count(*)::int as attempts from usage_attempts`,
  );
  expect(oldest).toEqual({ tokens: 10, attempts: 45 });
});

test('a stop that cannot write says how many events are lost', async () => {
  const workspace = await addWorkspace(database, 'FREE');
  const { logger, lines } = readableLogger();
  const recorder = new UsageRecorder({ database, logger });
  await withoutTable(async () => {
    recorder.record(usageEvent(workspace.id));
    await expect(recorder.drain({ timeoutMs: 250 })).rejects.toBeInstanceOf(UsageLostError);
  });
  expect(lines).toContainEqual(expect.objectContaining({ level: 50, events: 1 }));
});

test('recorders of several servers that add to the same days neither block each other nor lose a count', async () => {
  const workspaces = await Promise.all(Array.from({ length: 5 }, () => addWorkspace(database, 'FREE')));
  const recorders = Array.from(
    { length: 4 },
    () => new UsageRecorder({ database, logger: readableLogger().logger, batchSize: 50 }),
  );
  for (const [server, recorder] of recorders.entries()) {
    for (let i = 0; i < 500; i++) {
      const turn = server % 2 === 0 ? i : 499 - i;
      const { id } = workspaces[turn % 5] as { id: string };
      recorder.record(usageEvent(id, { embeddings: 1, model: `local/m${turn % 7}`, vectorQueries: 1 }));
    }
  }
  await Promise.all(recorders.map((recorder) => recorder.flush()));
  for (const { id } of workspaces) {
    expect(await written(id)).toMatchObject({
      attempts: 400,
      requests: 400,
      meters: { EMBEDDINGS: 400, VECTOR_QUERIES: 400 },
    });
  }
});
