import fc from 'fast-check';
import { pino } from 'pino';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { SLICES } from '../../../src/domain/usage/usage-blocks.ts';
import type { UsageEvent } from '../../../src/domain/usage/usage-event.ts';
import { UsageRecorder } from '../../../src/domain/usage/usage-recorder.ts';
import type { UsageDimension, UsageKey } from '../../../src/domain/usage/usage-report.ts';
import { UsageService } from '../../../src/domain/usage/usage-service.ts';
import { sealUsage } from '../../../src/domain/usage/usage-store.ts';
import { type TestDatabase, testDatabase } from '../../support/database.ts';
import { waitFor } from '../../support/wait-for.ts';
import { addWorkspace, NOON, usageEvent } from './usage-fixtures.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const FAILURES = ['FAILED', 'RETRIED', 'RESTARTED'];
const LENGTHS = [3, 24, 96, 384, 1_536];
const DIMENSIONS = ['PROVIDER', 'MODEL', 'OPERATION', 'API_KEY', 'DAY', 'OUTCOME'] as const;

let opened: TestDatabase;
beforeAll(async () => {
  opened = await testDatabase();
});
afterAll(() => opened?.close());

const VALUE_OF: Record<UsageDimension, (event: UsageEvent) => [keyof UsageKey, string | null]> = {
  PROVIDER: ({ provider }) => ['provider', provider],
  MODEL: ({ model }) => ['model', model],
  OPERATION: ({ operation }) => ['operation', operation],
  API_KEY: ({ apiKeyId }) => ['apiKey', apiKeyId],
  DAY: ({ at }) => ['day', new Date(at).toISOString().slice(0, 10)],
  OUTCOME: ({ outcome }) => ['outcome', outcome],
};

/** What the events of a period add up to, by the dimensions. */
function addedUp(events: readonly UsageEvent[], by: readonly UsageDimension[]) {
  const groups = new Map<string, { key: UsageKey; events: UsageEvent[] }>();
  for (const event of events) {
    const key = Object.fromEntries(by.map((dimension) => VALUE_OF[dimension](event))) as UsageKey;
    const group = groups.get(JSON.stringify(key)) ?? { key, events: [] };
    groups.set(JSON.stringify(key), group);
    group.events.push(event);
  }
  const sum = (all: readonly UsageEvent[], of: (event: UsageEvent) => number) =>
    all.reduce((total, event) => total + of(event), 0);
  return [...groups.values()].map(({ key, events: all }) => {
    const requests = all.filter(({ operation }) => operation !== 'vector_query');
    return {
      key,
      requests: requests.length,
      failed: requests.filter(({ outcome }) => FAILURES.includes(outcome)).length,
      unpriced: requests.filter(({ costUsd }) => costUsd === null).length,
      totalTokens: sum(all, ({ inputTokens, outputTokens }) => inputTokens + outputTokens),
      vectorQueries: sum(all, ({ vectorQueries }) => vectorQueries),
      cents: sum(all, ({ costUsd }) => Math.round(Number(costUsd ?? 0) * 100)),
      latencyMs: requests.length === 0 ? null : sum(requests, ({ latencyMs }) => latencyMs) / requests.length,
    };
  });
}

const event = fc.record({
  hours: fc.oneof(fc.integer({ min: -80, max: 20 }), fc.integer({ min: -24 * 40, max: -80 })),
  vendor: fc.constantFrom('east', 'west'),
  name: fc.constantFrom('small', 'large'),
  operation: fc.constantFrom('chat', 'embed', 'vector_query'),
  apiKeyId: fc.constantFrom(null, 'key_a', 'key_b'),
  outcome: fc.constantFrom('SUCCEEDED', 'FAILED', 'CACHED'),
  costUsd: fc.constantFrom(null, '0', '0.01', '0.25'),
  tokens: fc.nat(50),
}) as fc.Arbitrary<{
  hours: number;
  vendor: string;
  name: string;
  operation: UsageEvent['operation'];
  apiKeyId: string | null;
  outcome: UsageEvent['outcome'];
  costUsd: string | null;
  tokens: number;
}>;
const instant = fc
  .oneof(fc.integer({ min: -90 * 4, max: 30 * 4 }), fc.integer({ min: -24 * 45 * 4, max: -90 * 4 }))
  .map((quarters) => NOON + (quarters * HOUR_MS) / 4);
const question = fc.record({
  by: fc.uniqueArray(fc.constantFrom(...DIMENSIONS), { minLength: 1, maxLength: 6 }),
  from: instant,
  to: instant,
});

/** How many requests the blocks of a length have: one number, where each slice has the same. */
async function sumsByLength(workspaceIds: readonly string[]) {
  const { sql } = opened.database;
  const rows = await sql<{ workspaceId: string; hours: number; requests: number[] }[]>`
    select workspace_id, hours, array_agg(distinct requests) as requests
    from (
      select workspace_id, hours, slice, sum(requests)::int as requests from usage_blocks
      where workspace_id in ${sql(workspaceIds)} group by 1, 2, 3
    ) as s
    group by 1, 2 order by 1, 2`;
  return [...rows];
}

/** As if nothing had been in the blocks before, and no hour from the beginning of this day on had been over yet. */
async function beginSealingAt(atMs: number): Promise<void> {
  const { sql } = opened.database;
  await sql`truncate usage_blocks, usage_day_lists, usage_listed_groups`;
  await sql`
    update usage_sealed set sealed_before = s.midnight, carried_from = s.midnight
    from (select date_trunc('day', ${new Date(atMs)}::timestamptz, 'UTC') as midnight) as s`;
}

/** As if each day had many groups. */
async function listAllDays(): Promise<void> {
  await opened.database.sql`
    insert into usage_day_lists (workspace_id, day, is_listed)
    select distinct workspace_id, day, false from usage_daily cross join usage_sealed
    where day >= (carried_from at time zone 'utc')::date and day < (sealed_before at time zone 'utc')::date
    on conflict do nothing`;
}

/** All hours up to one, and then so many of the days from before the blocks. */
async function seal(hours: number, carriedDays = Number.POSITIVE_INFINITY): Promise<void> {
  const latest = new Date(NOON + hours * HOUR_MS);
  const sealOne = () => opened.database.withSystem((scope) => sealUsage(scope, 400, latest));
  while (await isSealingDue(latest)) await sealOne();
  for (let day = 0; day < carriedDays && (await sealOne()); day++);
}

async function isSealingDue(latest: Date): Promise<boolean> {
  const [row] = await opened.database.sql<{ isDue: boolean }[]>`
    select sealed_before + interval '1 hour' <= ${latest} as is_due from usage_sealed`;
  return row?.isDue === true;
}

test('however a report is asked for, it is what the attempts of its period add up to, whatever of it is sealed', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(event, { minLength: 1, maxLength: 40 }),
      fc.array(question, { minLength: 18, maxLength: 18 }),
      fc.oneof(fc.integer({ min: -80, max: 0 }), fc.integer({ min: -24 * 5, max: -80 })),
      async (given, questions, sealedHours) => {
        await beginSealingAt(NOON + sealedHours * HOUR_MS);
        const workspace = await addWorkspace(opened.database, 'ENTERPRISE');
        const recorder = new UsageRecorder({ database: opened.database, logger: pino({ level: 'silent' }) });
        const service = new UsageService({ database: opened.database, recorder, now: () => NOON });
        const events = given.map(({ hours, vendor, name, tokens, operation, ...fields }) =>
          usageEvent(workspace.id, {
            ...{ ...fields, operation, at: NOON + hours * HOUR_MS, provider: vendor, model: `${vendor}/${name}` },
            ...{ inputTokens: tokens, outputTokens: 1, latencyMs: tokens, embeddings: 0 },
            vectorQueries: operation === 'vector_query' ? 1 : 0,
          }),
        );
        const late = events.splice(0, Math.floor(events.length / 3));
        for (const one of events) recorder.record(one);
        for (const [place, { by, from, to }] of questions.entries()) {
          if (place === 3) await seal(Math.floor(sealedHours / 2), 0);
          if (place === 6) await seal(Math.floor(sealedHours / 2), 5);
          if (place === 9) {
            // Into hours that are sealed, into days that are carried over, and into some that are neither.
            for (const one of late) recorder.record(one);
            events.push(...late);
          }
          if (place === 12) await seal(0, 3);
          if (place === 15) {
            await listAllDays();
            await seal(24);
          }
          const [first, last] = [Math.min(from, to), Math.max(from, to)];
          const report = await service.report(workspace, { from: new Date(first), to: new Date(last) });
          const within = events.filter(({ at }) => at >= first && at < last);
          const groups = (await report.groups(by)).map(({ key, totals }) => ({
            key,
            ...{ requests: totals.requests, failed: totals.failed, unpriced: totals.unpriced },
            ...{ totalTokens: totals.totalTokens, vectorQueries: totals.vectorQueries },
            ...{ cents: Math.round(Number(totals.costUsd) * 100) },
            latencyMs: totals.averageLatencyMs === null ? null : expect.closeTo(totals.averageLatencyMs, 2),
          }));
          expect(addedUp(within, by)).toEqual(expect.arrayContaining(groups));
          expect(groups).toHaveLength(addedUp(within, by).length);
          expect((await report.totals()).requests).toBe(
            within.filter(({ operation }) => operation !== 'vector_query').length,
          );
        }
      },
    ),
    { numRuns: 4 },
  );
}, 120_000);

test('attempts that are written while their hours are sealed are in the slices once, and a workspace that goes leaves none', async () => {
  const { database } = opened;
  await beginSealingAt(NOON - 30 * HOUR_MS);
  const [workspace, leaving] = [await addWorkspace(database, 'ENTERPRISE'), await addWorkspace(database, 'ENTERPRISE')];
  const write = async (recorder: UsageRecorder) => {
    for (let i = 0; i < 30; i++) {
      for (const { id } of [workspace, leaving]) {
        recorder.record(usageEvent(id, { at: NOON - (i % 30) * HOUR_MS, costUsd: '0.01' }));
      }
      await recorder.flush();
    }
  };
  const recorders = [1, 2, 3].map(() => new UsageRecorder({ database, logger: pino({ level: 'silent' }) }));
  const sealing = async () => {
    for (let hours = -29; hours <= 1; hours++) await seal(hours);
  };
  const leave = () => database.withSystem(({ sql }) => sql`delete from workspaces where id = ${leaving.id}`);
  await Promise.all([...recorders.map(write), sealing(), sealing().then(leave)]);
  await Promise.all(recorders.map((recorder) => recorder.flush()));

  expect(await sumsByLength([workspace.id, leaving.id])).toEqual(
    // Of the day that is not over the longer ones have nothing yet.
    LENGTHS.map((hours) => ({ workspaceId: workspace.id, hours, requests: hours > 24 ? [51] : [90] })),
  );
});

test('attempts that are written while their days are carried over are in the blocks once, however many servers do it', async () => {
  const { database } = opened;
  const workspace = await addWorkspace(database, 'ENTERPRISE');
  const recorders = [1, 2, 3].map(() => new UsageRecorder({ database, logger: pino({ level: 'silent' }) }));
  const write = async (recorder: UsageRecorder, place: number) => {
    for (let i = 0; i < 20; i++) {
      recorder.record(usageEvent(workspace.id, { at: NOON - (1 + ((i + place) % 20)) * DAY_MS, costUsd: '0.01' }));
      await recorder.flush();
    }
  };
  await write(recorders[0] as UsageRecorder, 0);
  await beginSealingAt(NOON);
  const carrying = () => seal(-12);
  await Promise.all([...recorders.map(write), carrying(), carrying()]);
  await carrying();
  await Promise.all(recorders.map((recorder) => recorder.flush()));

  expect(await sumsByLength([workspace.id])).toEqual(
    LENGTHS.map((hours) => ({ workspaceId: workspace.id, hours, requests: [80] })),
  );
});

/** Until so many statements of this database wait for another one's locks. */
function waitForBlocked(count: number): Promise<unknown> {
  return waitFor(`${count} statements to wait`, async () => {
    const [row] = await opened.database.sql<{ blocked: number }[]>`
      select count(*)::int as blocked from pg_stat_activity
      where datname = current_database() and wait_event_type = 'Lock'`;
    return row?.blocked === count;
  });
}

test.runIf(inject('testServer') !== null)(
  'a workspace that is deleted while its hours are sealed waits for that, and neither breaks off',
  async () => {
    const { database } = opened;
    await beginSealingAt(NOON);
    const { id } = await addWorkspace(database, 'ENTERPRISE');
    const recorder = new UsageRecorder({ database, logger: pino({ level: 'silent' }) });
    const write = async (hours: number, models: readonly string[]) => {
      for (const model of models) recorder.record(usageEvent(id, { at: NOON + hours * HOUR_MS, model }));
      await recorder.flush();
    };
    await write(0, ['local/a', 'local/z']);
    await seal(1, 0);
    await write(1, ['local/a', 'local/b', 'local/z']);
    // Sealing has changed most rows of the day, and is to make new ones, when it comes to one that somebody else holds.
    const held = Promise.withResolvers<void>();
    const letGo = Promise.withResolvers<void>();
    const holding = database.withSystem(async ({ sql }) => {
      await sql`select from usage_blocks where workspace_id = ${id} and slice = 'OPERATION_API_KEY_OUTCOME' for update`;
      held.resolve();
      await letGo.promise;
    });
    await held.promise;
    const sealing = seal(2, 0);
    let leaving: Promise<unknown> | undefined;
    try {
      await waitForBlocked(1);
      leaving = database.withSystem(({ sql }) => sql`delete from workspaces where id = ${id}`);
      await waitForBlocked(2);
    } finally {
      // Also where nothing waits for it: all of them end before their database does.
      letGo.resolve();
      await Promise.all([holding, sealing, leaving]);
    }
    expect(await sumsByLength([id])).toEqual([]);
  },
);

test('what breaks off while hours are sealed or days carried over leaves no trace, and is done again', async () => {
  const { database } = opened;
  await beginSealingAt(NOON - 3 * DAY_MS);
  const workspace = await addWorkspace(database, 'ENTERPRISE');
  const recorder = new UsageRecorder({ database, logger: pino({ level: 'silent' }) });
  for (const days of [1, 2, 5, 7]) recorder.record(usageEvent(workspace.id, { at: NOON - days * DAY_MS }));
  await recorder.flush();
  const latest = new Date(NOON - 12 * HOUR_MS);
  for (let isLeft = true; isLeft; ) {
    const broken = database.withSystem(async (scope) => {
      await sealUsage(scope, 400, latest);
      throw new Error('the server dies');
    });
    await expect(broken).rejects.toThrow('the server dies');
    isLeft = await database.withSystem((scope) => sealUsage(scope, 400, latest));
  }
  expect(await sumsByLength([workspace.id])).toEqual(
    LENGTHS.map((hours) => ({ workspaceId: workspace.id, hours, requests: [4] })),
  );
});

const BY_DAY: readonly (readonly UsageDimension[])[] = [
  ['DAY'],
  ['MODEL', 'DAY'],
  ['DAY', 'PROVIDER', 'API_KEY'],
  ['OPERATION', 'DAY', 'OUTCOME'],
  [...DIMENSIONS],
];

test('days with more groups than a report shows are listed, and reports by day show what they did, also once an attempt came late', async () => {
  const { database } = opened;
  await beginSealingAt(NOON - 2 * DAY_MS);
  const workspace = await addWorkspace(database, 'ENTERPRISE');
  const recorder = new UsageRecorder({ database, logger: pino({ level: 'silent' }) });
  const service = new UsageService({ database, recorder, now: () => NOON });
  const outcomes = ['SUCCEEDED', 'FAILED', 'CACHED', 'RETRIED', 'RESTARTED'] as const;
  // 34 models by 3 keys by 2 operations by 5 outcomes: 1,020 groups.
  const record = (group: number, days: number, hours = 0) => {
    const key = Math.floor(group / 34) % 3;
    recorder.record(
      usageEvent(workspace.id, {
        ...{ at: NOON - days * DAY_MS + hours * HOUR_MS, model: `local/${group % 34}`, costUsd: '0.01' },
        ...{
          apiKeyId: key === 0 ? null : `key_${key}`,
          operation: Math.floor(group / 102) % 2 === 0 ? 'chat' : 'embed',
        },
        outcome: outcomes[Math.floor(group / 204)] ?? 'SUCCEEDED',
      }),
    );
  };
  // Of the first 1,000 groups some have three requests, some two, and the last ones are some of many with one.
  for (const [days, groups] of [
    [2, 1_010],
    [1, 150],
    [0, 20],
  ] as const) {
    for (let group = 0; group < groups; group++) record(group, days);
    for (let group = 0; group < groups; group += 5) record(group, days, 3);
    for (let group = 0; group < groups; group += 10) record(group, days, -3);
  }
  await recorder.flush();
  const show = async () => {
    const ends = [
      [NOON - 3 * DAY_MS, NOON + DAY_MS],
      [NOON - 2 * DAY_MS, NOON],
      [NOON - 2.5 * DAY_MS, NOON - 0.5 * DAY_MS],
    ] as const;
    const reports = await Promise.all(
      ends.map(([from, to]) => service.report(workspace, { from: new Date(from), to: new Date(to) })),
    );
    return Promise.all(reports.flatMap((report) => BY_DAY.map((by) => report.groups(by))));
  };
  const listedDays = () => database.sql`
    select to_char(l.day, 'MM-DD') as day, l.is_listed,
      (select count(*)::int from usage_listed_groups g where g.workspace_id = l.workspace_id and g.day = l.day and g.kind = 31) as groups
    from usage_day_lists l where workspace_id = ${workspace.id} order by l.day`;

  const before = await show();
  expect(before[4]).toHaveLength(1_000);
  await seal(0);
  const [both, first] = [
    [
      { day: '03-08', isListed: true, groups: 1_000 },
      { day: '03-09', isListed: true, groups: 150 },
    ],
    [
      { day: '03-08', isListed: false, groups: 1_000 },
      { day: '03-09', isListed: true, groups: 150 },
    ],
  ];
  expect([...(await listedDays())]).toEqual(both);
  expect(await show()).toEqual(before);

  for (let again = 0; again < 3; again++) record(1_009, 2);
  await recorder.flush();
  expect([...(await listedDays())]).toEqual(first);
  const late = await show();
  expect(late[4]?.[0]).toMatchObject({
    key: { model: 'local/23', operation: 'embed', outcome: 'RESTARTED', day: '2026-03-08' },
    totals: { requests: 4 },
  });
  await seal(0);
  expect([...(await listedDays())]).toEqual(both);
  expect(await show()).toEqual(late);

  await database.withSystem(({ sql }) => sql`delete from workspaces where id = ${workspace.id}`);
  expect([...(await listedDays())]).toEqual([]);
  const [left] =
    await database.sql`select count(*)::int as groups from usage_listed_groups where workspace_id = ${workspace.id}`;
  expect(left).toEqual({ groups: 0 });
});

test('lists of days are kept for as long as a report can be', async () => {
  const { sql } = opened.database;
  await beginSealingAt(NOON);
  const workspace = await addWorkspace(opened.database, 'ENTERPRISE');
  await sql`
    insert into usage_day_lists (workspace_id, day, is_listed)
    select ${workspace.id}, date '2026-03-09' - age, age > 0 from unnest(array[0, 400, 401]) as age`;
  await sql`
    insert into usage_listed_groups
    select ${workspace.id}, 31, day, 'p', 'm', 'chat', '', 'SUCCEEDED', 1, 0, 1, 0, 0, 1, 1, 0, 0, 0, 1 from usage_day_lists`;
  await seal(0);
  const lists = await sql`
    select (date '2026-03-09' - day) as age, is_listed,
      (select count(*)::int from usage_listed_groups g where g.workspace_id = l.workspace_id and g.day = l.day) as groups
    from usage_day_lists l where workspace_id = ${workspace.id} order by 1`;
  expect([...lists]).toEqual([
    { age: 0, isListed: true, groups: 0 },
    { age: 400, isListed: true, groups: 1 },
  ]);
});

test('the slices that reports know are those that are made', async () => {
  const rows = await opened.database.sql<{ slice: string; keeps: string[]; hours: number[] }[]>`
    select slice, hours, array_remove(array[
      case when by_provider then 'PROVIDER' end, case when by_model then 'MODEL' end,
      case when by_operation then 'OPERATION' end, case when by_api_key then 'API_KEY' end,
      case when by_outcome then 'OUTCOME' end], null) as keeps
    from usage_slice_kinds()`;
  expect(SLICES.map(({ name, keeps, hours }) => ({ slice: name, keeps, hours }))).toEqual([...rows]);
});

test('a report that begins within a day whose attempts are gone has all of that day, and says so', async () => {
  const workspace = await addWorkspace(opened.database, 'ENTERPRISE');
  const recorder = new UsageRecorder({ database: opened.database, logger: pino({ level: 'silent' }) });
  const service = new UsageService({ database: opened.database, recorder, retentionDays: 30, now: () => NOON });
  const longAgo = NOON - 40 * DAY_MS;
  for (const at of [longAgo - HOUR_MS, longAgo + HOUR_MS, NOON - HOUR_MS, NOON + HOUR_MS]) {
    recorder.record(usageEvent(workspace.id, { at }));
  }
  await recorder.flush();
  await opened.database.withWorkspace(
    workspace.id,
    ({ sql }) => sql`delete from usage_attempts where at < ${new Date(NOON - 30 * DAY_MS)}`,
  );
  const report = await service.report(workspace, { from: new Date(longAgo), to: new Date(NOON) });
  expect([report.from, report.to]).toEqual([new Date(longAgo - 12 * HOUR_MS), new Date(NOON)]);
  expect((await report.totals()).requests).toBe(3);
});
