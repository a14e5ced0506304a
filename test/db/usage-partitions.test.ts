import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, test } from 'vitest';
import type { Database } from '../../src/db/client.ts';
import { dropUsagePartitions, makeUsagePartitions } from '../../src/db/usage-partitions.ts';
import { sealUsage } from '../../src/domain/usage/usage-store.ts';
import { type TestDatabase, testDatabase } from '../support/database.ts';
import { type EarlierVersion, earlierVersion } from '../support/earlier-version.ts';
import { insertWorkspace } from '../support/rows.ts';
import { waitFor } from '../support/wait-for.ts';

interface KeptRow {
  id: string;
  partition: string;
}

/** The attempts of a workspace, with the partition that each is in. */
async function attemptsOf(database: Database, workspaceId: string): Promise<KeptRow[]> {
  const rows = await database.withWorkspace(
    workspaceId,
    ({ sql }) => sql<KeptRow[]>`
      select a.id, c.relname as partition from usage_attempts a join pg_class c on c.oid = a.tableoid order by a.id`,
  );
  return [...rows];
}

function insertAttempt(database: Database, workspaceId: string, id: string, at: string): Promise<unknown> {
  return database.withWorkspace(
    workspaceId,
    ({ sql }) => sql`
      insert into usage_attempts (workspace_id, id, at, request_id, provider, model, operation, outcome, embeddings,
        llm_calls, vector_queries, cache_hits, input_tokens, output_tokens, cached_tokens, latency_ms)
      values (${workspaceId}, ${id}, ${at}::text::timestamptz, 'req', 'local', 'local/small', 'embed', 'SUCCEEDED', 1, 0, 0,
        0, 0, 0, 0, 1)`,
  );
}

function partitions(database: Database): Promise<string[]> {
  return database.sql<{ name: string }[]>`
    select c.relname as name from pg_inherits i join pg_class c on c.oid = i.inhrelid
    where i.inhparent = 'usage_attempts'::regclass order by 1`.then((rows) => rows.map(({ name }) => name));
}

describe('an earlier version', () => {
  let earlier: EarlierVersion;
  beforeEach(async () => {
    earlier = await earlierVersion();
  });
  afterEach(() => earlier?.remove());

  test('has its attempts moved into months, and what they add up to is made', async () => {
    await earlier.before('0012_usage_partitions', (sql) =>
      sql.unsafe(`
        insert into workspaces (id, name, slug, tier) values ('ws_1', 'ws_1', 'ws_1', 'FREE'), ('ws_2', 'ws_2', 'ws_2', 'FREE');
        insert into usage_attempts (workspace_id, id, at, api_key_id, request_id, provider, model, operation, outcome,
          embeddings, llm_calls, vector_queries, cache_hits, input_tokens, output_tokens, cached_tokens, cost_usd, latency_ms)
        select ws, 'att_' || n, at::timestamptz, 'key_1', 'req', 'local', 'local/small', 'chat', 'FAILED', 0, 1, 0, 0, 5, 0,
          0, 0.25, 7
        from unnest(array['ws_1', 'ws_2']) ws, unnest(
          array['2025-12-31 23:59:59.999Z', '2026-01-01 00:00Z', '2026-01-31 12:00Z', '2026-03-01 00:00Z']
        ) with ordinality as given (at, n);
        insert into usage_daily (workspace_id, day, provider, model, operation, api_key_id, outcome, requests, embeddings,
          llm_calls, vector_queries, cache_hits, input_tokens, output_tokens, cached_tokens, cost_usd, unpriced, latency_ms)
        select workspace_id, (at at time zone 'utc')::date, provider, model, operation, api_key_id, outcome, 1, 0, 1, 0, 0, 5,
          0, 0, 0.25, 0, 7 from usage_attempts`),
    );

    const database = await earlier.bringOver();

    expect(await attemptsOf(database, 'ws_1')).toEqual([
      { id: 'att_1', partition: 'usage_attempts_2025_12' },
      { id: 'att_2', partition: 'usage_attempts_2026_01' },
      { id: 'att_3', partition: 'usage_attempts_2026_01' },
      { id: 'att_4', partition: 'usage_attempts_2026_03' },
    ]);
    while (await database.withSystem((scope) => sealUsage(scope, 400)));
    const sums = await database.withWorkspace(
      'ws_1',
      ({ sql }) => sql`
        select hours, count(distinct slice)::int as slices, sum(failed)::int as failed, trim_scale(sum(cost_usd))::text as cost_usd
        from usage_blocks group by 1 order by 1`,
    );
    expect([...sums]).toEqual([
      { hours: 3, slices: 4, failed: 16, costUsd: '4' },
      { hours: 24, slices: 5, failed: 20, costUsd: '5' },
      ...[96, 384, 1_536].map((hours) => ({ hours, slices: 7, failed: 28, costUsd: '7' })),
    ]);
    await database.withSystem(({ sql }) => sql`delete from workspaces where id = 'ws_1'`);
    expect(await attemptsOf(database, 'ws_1')).toEqual([]);
    expect(await attemptsOf(database, 'ws_2')).toHaveLength(4);
  }, 180_000);
});

describe('the attempts', () => {
  let given: TestDatabase;
  beforeAll(async () => {
    given = await testDatabase();
    await insertWorkspace(given.database, 'ws_a');
    await insertWorkspace(given.database, 'ws_b');
  });
  afterAll(() => given?.close());

  test('have a partition of this month and of the next one from the start, made once however many servers try', async () => {
    const { database } = given;
    const [months] = await database.sql<{ names: string[] }[]>`
      select array_agg('usage_attempts_' || to_char(now() at time zone 'utc' + ahead, 'YYYY_MM') order by ahead) as names
      from unnest(array[interval '0', interval '1 month']) ahead`;
    expect(await partitions(database)).toEqual([...(months?.names ?? []), 'usage_attempts_default']);
    expect(await Promise.all(Array.from({ length: 4 }, () => makeUsagePartitions(database.sql)))).toEqual([0, 0, 0, 0]);
  });

  test('of a month that nobody has made a partition for are kept all the same, and move once there is one', async () => {
    const { database } = given;
    await insertAttempt(database, 'ws_a', 'att_late', '2031-05-17T10:00:00Z');
    await insertAttempt(database, 'ws_b', 'att_later', '2031-06-01T00:00:00Z');
    const made = await Promise.all(
      Array.from(
        { length: 4 },
        () => database.sql<{ made: boolean }[]>`select make_usage_partition('2031-05-01'::date) as made`,
      ),
    );
    expect(made.map(([row]) => row?.made).sort()).toEqual([false, false, false, true]);
    expect(await attemptsOf(database, 'ws_a')).toEqual([{ id: 'att_late', partition: 'usage_attempts_2031_05' }]);
    expect(await attemptsOf(database, 'ws_b')).toEqual([{ id: 'att_later', partition: 'usage_attempts_default' }]);
    await expect(insertAttempt(database, 'ws_a', 'att_late', '2031-05-17T10:00:00Z')).rejects.toMatchObject({
      code: '23505',
    });
  });

  test.skipIf(inject('testServer') === null)(
    'have a partition made while a workspace is deleted: it waits, and neither of them fails',
    async () => {
      const { database } = given;
      await insertWorkspace(database, 'ws_leaving');
      let making: Promise<unknown> = Promise.resolve();
      await database.sql.begin(async (deleting) => {
        await deleting`update workspaces set name = 'leaving' where id = 'ws_leaving'`;
        making = database.sql`select make_usage_partition('2031-08-01'::date) as made`.catch((error: unknown) => error);
        await waitFor('the partition to wait', async () => {
          const waiting = await database.sql`
            select 1 from pg_locks where not granted and relation = 'workspaces'::regclass
              and database = (select oid from pg_database where datname = current_database())`;
          return waiting.length > 0;
        });
        await deleting`delete from usage_attempts where workspace_id = 'ws_leaving'`;
        await deleting`delete from workspaces where id = 'ws_leaving'`;
      });
      expect(await making).toMatchObject([{ made: true }]);
    },
  );

  test('of a month go all at once when the last of them is over its time, and no month before that', async () => {
    const { database } = given;
    const [day] = await database.sql<{ month: string; daysSinceEnd: number }[]>`
      select to_char(start, 'YYYY-MM-DD') as month, (now()::date - (start + interval '1 month')::date)::int as days_since_end
      from date_trunc('month', now() at time zone 'utc' - interval '3 months') start`;
    const { month, daysSinceEnd } = day as { month: string; daysSinceEnd: number };
    await database.sql`select make_usage_partition(${month}::date)`;
    await insertAttempt(database, 'ws_a', 'att_old', `${month}T00:00:00Z`);
    await insertAttempt(database, 'ws_a', 'att_stray', '2001-01-01T00:00:00Z');
    const name = `usage_attempts_${month.slice(0, 7).replace('-', '_')}`;
    await dropUsagePartitions(database.sql, daysSinceEnd + 1);
    expect((await attemptsOf(database, 'ws_a')).map(({ id }) => id)).toEqual(['att_late', 'att_old']);
    expect(await dropUsagePartitions(database.sql, daysSinceEnd - 1)).toBe(1);
    expect(await partitions(database)).not.toContain(name);
    expect((await attemptsOf(database, 'ws_a')).map(({ id }) => id)).toEqual(['att_late']);
  });

  test('are out of the reach of tenants and of the system role but through the table that holds them to a workspace', async () => {
    const { database } = given;
    for (const partition of await partitions(database)) {
      const read = (sql: Database['sql']) => sql`select 1 from ${sql(`signalbox_partitions.${partition}`)}`;
      const denied = { code: '42501' };
      await expect(database.withWorkspace('ws_a', ({ sql }) => read(sql as never))).rejects.toMatchObject(denied);
      await expect(database.withSystem(({ sql }) => read(sql as never))).rejects.toMatchObject(denied);
    }
    const open = await database.sql`
      select c.relname from pg_class c where c.relnamespace = 'signalbox_partitions'::regnamespace and c.relkind = 'r'
        and (not c.relrowsecurity or has_table_privilege('signalbox_app', c.oid, 'select, insert, update, delete')
          or has_table_privilege('signalbox_system', c.oid, 'select, insert, update, delete'))`;
    expect([...open]).toEqual([]);
    await insertWorkspace(database, 'ws_c');
    await expect(insertAttempt(database, 'ws_c', 'att_c', new Date().toISOString())).resolves.toBeDefined();
    expect(await attemptsOf(database, 'ws_b')).toHaveLength(1);
  });

  test('cannot be added up, nor money be held, by a tenant', async () => {
    const { database } = given;
    const names = [
      ...['record_usage', 'reserve_budgets', 'lock_ledgers', 'make_usage_partition'],
      ...['add_usage_slices', 'add_usage_day', 'list_usage_day', 'carry_usage', 'seal_usage'],
    ];
    for (const name of names) {
      const [right] = await database.sql<{ allowed: boolean }[]>`
        select bool_or(has_function_privilege('signalbox_app', oid, 'execute')) as allowed from pg_proc
        where proname = ${name}`;
      expect(right, name).toEqual({ allowed: false });
    }
  });
});
