import type { TransactionSql } from 'postgres';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { vacuumChangedTables } from '../../../src/db/embedded-vacuum.ts';
import { Maintenance } from '../../../src/domain/queues/maintenance.ts';
import { VectorIndexes } from '../../../src/domain/search/vector-index.ts';
import { deleteWorkspace } from '../../../src/domain/workspaces/workspace-store.ts';
import { createLogger } from '../../../src/observability/logger.ts';
import { idBoundary } from '../../../src/shared/ids.ts';
import { type TestDatabase, testDatabase } from '../../support/database.ts';
import { insertWorkspace } from '../../support/rows.ts';
import { waitFor } from '../../support/wait-for.ts';

let given: TestDatabase;
let maintenance: Maintenance;

beforeAll(async () => {
  given = await testDatabase();
  await insertWorkspace(given.database, 'one');
  await insertWorkspace(given.database, 'two');
  maintenance = new Maintenance(given.database, new VectorIndexes(given.database), createLogger('silent'));
});
afterAll(() => given.close());

/** Locks of this database that are waited for. */
async function waitingLocks(): Promise<number> {
  const [row] = await given.database.sql<{ locks: number }[]>`
    select count(*)::int as locks from pg_locks join pg_stat_activity using (pid)
    where not granted and datname = current_database()`;
  return row?.locks ?? 0;
}

/** Rows of a table in both workspaces together. */
async function count(table: 'embedding_cache' | 'usage_attempts' | 'usage_daily'): Promise<number> {
  const [row] = await given.database.withSystem(
    ({ sql }) => sql<{ rows: number }[]>`select count(*)::int as rows from ${sql(table)}`,
  );
  return row?.rows ?? -1;
}

test('one round sweeps all that is over its time, however much it is, and nothing else', async () => {
  await given.database.withWorkspace(
    'one',
    ({ sql }) => sql`
      insert into embedding_cache (workspace_id, model, content_hash, embedding, token_count, expires_at)
      select 'one', 'test/model', int4send(n), '', 1, now() + case when n <= 12000 then -1 else 1 end * interval '1 hour'
      from generate_series(1, 12001) n`,
  );
  await maintenance.runOnce();
  expect(await count('embedding_cache')).toBe(1);
});

test('attempts are kept for 400 days and until their month is over its time, and what they add up to by day for longer', async () => {
  for (const workspace of ['one', 'two']) {
    await given.database.withWorkspace(workspace, async ({ sql }) => {
      await sql`
        insert into usage_attempts (workspace_id, id, at, request_id, provider, model, operation, outcome, embeddings,
          llm_calls, vector_queries, cache_hits, input_tokens, output_tokens, cached_tokens, latency_ms)
        select ${workspace}, 'att_' || days, now() - make_interval(days => days), 'req', 'local', 'local/small', 'embed',
          'SUCCEEDED', 1, 0, 0, 0, 0, 0, 0, 1
        from unnest(array[1, 399, 432, 900]) days`;
      await sql`
        insert into usage_daily (workspace_id, day, provider, model, operation, api_key_id, outcome, requests, embeddings,
          llm_calls, vector_queries, cache_hits, input_tokens, output_tokens, cached_tokens, cost_usd, unpriced, latency_ms)
        values (${workspace}, current_date - 900, 'local', 'local/small', 'embed', '', 'SUCCEEDED', 1, 1, 0, 0, 0, 0, 0,
          0, 0, 0, 1)`;
    });
  }
  await maintenance.runOnce();
  const left = await given.database.withSystem(
    ({ sql }) => sql<{ workspaceId: string; id: string }[]>`select workspace_id, id from usage_attempts order by 1, 2`,
  );
  expect(left.map(({ workspaceId, id }) => `${workspaceId} ${id}`)).toEqual([
    'one att_1',
    'one att_399',
    'two att_1',
    'two att_399',
  ]);
  expect(await count('usage_daily')).toBe(2);
});

test('attempts are kept as long as is set', async () => {
  const days = 30;
  const brief = new Maintenance(given.database, new VectorIndexes(given.database), createLogger('silent'), [], days);
  await brief.runOnce();
  const left = await given.database.withSystem(
    ({ sql }) => sql<{ id: string }[]>`select distinct id from usage_attempts`,
  );
  expect(left.map(({ id }) => id)).toEqual(['att_1']);
});

test('jobs go 30 days after their end, those that were given up after 90, and others stay', async () => {
  const idAt = (days: number, name: string) => `${idBoundary('Job', Date.now() - days * 86_400_000)}${name}`;
  const jobs = [
    { id: idAt(31.1, 'over'), status: 'COMPLETED', days: 31 },
    { id: idAt(31.1, 'gone'), status: 'CANCELLED', days: 31 },
    { id: idAt(31.1, 'late'), status: 'COMPLETED', days: 29 },
    { id: idAt(31.1, 'dead'), status: 'DEAD', days: 31 },
    { id: idAt(91.1, 'lost'), status: 'DEAD', days: 91 },
    { id: idAt(91.1, 'open'), status: 'QUEUED', days: null },
    { id: idAt(1, 'fresh'), status: 'COMPLETED', days: 0 },
  ];
  for (const workspace of ['one', 'two']) {
    await given.database.withWorkspace(workspace, async ({ sql }) => {
      await sql`
        insert into jobs (workspace_id, id, kind, queue, status, priority, max_attempts, finished_at)
        select ${workspace}, id, 'IMPORT', 'BATCH', status, 5, 4, now() - make_interval(days => days)
        from jsonb_to_recordset(${sql.json(jobs)}) as job (id text, status text, days int)`;
    });
  }
  await Promise.all([maintenance.runOnce(), maintenance.runOnce()]);
  const left = await given.database.withSystem(
    ({ sql }) => sql<{ workspaceId: string; id: string }[]>`select workspace_id, id from jobs`,
  );
  expect(left.map(({ workspaceId, id }) => `${workspaceId} ${id.slice(14)}`).sort()).toEqual(
    ['one', 'two'].flatMap((workspace) => ['dead', 'fresh', 'late', 'open'].map((name) => `${workspace} ${name}`)),
  );
});

test('what is told of jobs is noted once a transaction and statement, and goes when it is no news any more', async () => {
  const noted = () =>
    given.database.withWorkspace(
      'one',
      ({ sql }) => sql<{ jobIds: string[] }[]>`select job_ids from job_news order by transaction_id, part`,
    );
  await given.database.withSystem(({ sql }) => sql`delete from job_news`);
  await given.database.withWorkspace('one', async ({ sql }) => {
    await sql`
      insert into jobs (workspace_id, id, kind, queue, status, priority, max_attempts)
      select 'one', 'job_' || n, 'IMPORT', 'BATCH', 'QUEUED', 5, 4 from generate_series(1, 3) n`;
    await sql`update jobs set status = 'RUNNING' where id in ('job_1', 'job_2')`;
  });
  // Neither is a change of status.
  await given.database.withWorkspace('one', ({ sql }) => sql`update jobs set done = 1 where id = 'job_1'`);
  await given.database.withWorkspace('one', ({ sql }) => sql`update jobs set priority = 6 where id = 'job_1'`);
  expect((await noted()).map(({ jobIds }) => jobIds.toSorted())).toEqual([
    ['job_1', 'job_2', 'job_3'],
    ['job_1', 'job_2'],
  ]);
  await given.database.withWorkspace(
    'one',
    ({ sql }) =>
      sql`insert into job_news (workspace_id, job_ids, at) values ('one', '{job_3}', now() - interval '3 hours')`,
  );
  await maintenance.runOnce();
  expect(await noted()).toHaveLength(2);
});

test('what a statement tells of any number of jobs is noted, of each workspace its own, and not what is taken back', async () => {
  const { database } = given;
  const noted = (workspaceId: string) =>
    database.withWorkspace(
      workspaceId,
      ({ sql }) => sql<{ id: string }[]>`
        select unnest(job_ids) as id from job_news where transaction_id = (select max(transaction_id) from job_news)`,
    );
  const jobs = (sql: TransactionSql, workspaceId: string) => sql`
    insert into jobs (workspace_id, id, kind, queue, status, priority, max_attempts)
    select ${workspaceId}, ${workspaceId} || ' "job" ' || n, 'IMPORT', 'BATCH', 'QUEUED', 5, 4 from generate_series(1, 700) n`;
  for (const id of ['many', 'others']) {
    await insertWorkspace(database, id);
    await database.withWorkspace(id, ({ sql }) => jobs(sql, id));
  }
  await database.withSystem(async ({ sql }) => {
    const failing = sql.savepoint(
      (inner) => inner`
        update jobs set status = 'CANCELLED', priority = 1 / (700 - split_part(id, ' ', 3)::int) where workspace_id = 'many'`,
    );
    await expect(failing).rejects.toMatchObject({ code: '22012' });
    await sql`
      update jobs set status = 'RUNNING'
      where workspace_id = 'others' or (workspace_id = 'many' and id like '%0')`;
  });
  const idsOf = (id: string, numbers: number[]) => numbers.map((n) => `${id} "job" ${n}`).toSorted();
  const all = Array.from({ length: 700 }, (_, n) => n + 1);
  expect((await noted('others')).map(({ id }) => id).toSorted()).toEqual(idsOf('others', all));
  expect((await noted('many')).map(({ id }) => id).toSorted()).toEqual(
    idsOf(
      'many',
      all.filter((n) => n % 10 === 0),
    ),
  );
});

test('what is told of jobs goes with their workspace, also what is told while it is deleted', async () => {
  const { database } = given;
  await insertWorkspace(database, 'left');
  let deletion: Promise<unknown> | undefined;
  await database.withWorkspace('left', async ({ sql }) => {
    await sql`
      insert into jobs (workspace_id, id, kind, queue, status, priority, max_attempts)
      values ('left', 'job_1', 'IMPORT', 'BATCH', 'QUEUED', 5, 4)`;
  });
  await database.withWorkspace('left', async ({ sql }) => {
    await sql`update jobs set status = 'RUNNING'`;
    deletion = database.withSystem((scope) => deleteWorkspace(scope, 'left'));
    // On the one connection of the embedded database it comes after this transaction anyway.
    if (database.kind === 'postgres') await waitFor('the deletion to wait', async () => (await waitingLocks()) > 0);
  });
  await deletion;
  const left = await database.withSystem(({ sql }) => sql`select from job_news where workspace_id = 'left'`);
  expect(left).toHaveLength(0);
});

test('reservations whose time is over give back what they hold, and no others do', async () => {
  await given.database.withSystem(async ({ sql }) => {
    await sql`
      insert into budgets (workspace_id, subject, "window", limit_usd) values ('one', '', 'DAY', 1), ('one', 'key', 'DAY', 1)`;
    await sql`
      insert into budget_periods (workspace_id, subject, "window", starts_on, ends_on, used_usd, reserved_usd)
      select 'one', subject, 'DAY', current_date, current_date + 1, 0, held
      from (values ('', 0.7), ('key', 0.3)) as given (subject, held)`;
    await sql`
      insert into reservations (workspace_id, id, api_key_id, amount_usd, day, expires_at) values
        ('one', 'rsv_dead', 'key', 0.3, current_date, now() - interval '1 second'),
        ('one', 'rsv_live', '', 0.4, current_date, now() + interval '1 hour')`;
  });
  // Two servers, and once more.
  await Promise.all([maintenance.runOnce(), maintenance.runOnce()]);
  await maintenance.runOnce();
  const [periods, reservations] = await given.database.withSystem(({ sql }) =>
    Promise.all([
      sql`select subject, reserved_usd::float8 as held from budget_periods where workspace_id = 'one' order by subject`,
      sql`select id from reservations`,
    ]),
  );
  expect([...periods]).toEqual([
    { subject: '', held: 0.4 },
    { subject: 'key', held: 0 },
  ]);
  expect([...reservations]).toEqual([{ id: 'rsv_live' }]);
});

test('what a window has used is kept for 40 days after its end', async () => {
  await given.database.withSystem(
    ({ sql }) => sql`
      insert into budget_periods (workspace_id, subject, "window", starts_on, ends_on, used_usd, reserved_usd)
      select 'two', '', 'DAY', current_date - days, current_date - days + 1, 1, 0 from unnest(array[0, 39, 43, 500]) days`,
  );
  await maintenance.runOnce();
  const kept = await given.database.withSystem(
    ({ sql }) => sql<{ days: number }[]>`
      select current_date - starts_on as days from budget_periods where workspace_id = 'two' order by 1`,
  );
  expect(kept.map(({ days }) => days)).toEqual([0, 39]);
});

describe.skipIf(inject('testServer') !== null)('the embedded database', () => {
  test('has its tables vacuumed and analysed where much has changed, and not again before that', async () => {
    await given.database.withWorkspace('two', async ({ sql }) => {
      await sql`
        insert into embedding_cache (workspace_id, model, content_hash, embedding, token_count, expires_at)
        select 'two', 'test/model', int4send(n), '', 1, now() + interval '1 hour' from generate_series(1, 3000) n`;
      await sql`delete from embedding_cache where content_hash < int4send(1001)`;
    });
    expect(await vacuumChangedTables(given.database)).toContain('public.embedding_cache');
    const [statistics] = await given.database.sql<{ rows: number; dead: number }[]>`
      select c.reltuples::float8 as rows, s.n_dead_tup::int as dead
      from pg_class c join pg_stat_user_tables s on s.relid = c.oid where c.relname = 'embedding_cache'`;
    expect(statistics).toEqual({ rows: 2_001, dead: 0 });
    expect(await vacuumChangedTables(given.database)).toEqual([]);
  });
});
