import { randomUUID } from 'node:crypto';
import { PgBoss } from 'pg-boss';
import type { Sql } from 'postgres';
import { afterEach, beforeEach, expect, inject, test } from 'vitest';
import { z } from 'zod';
import type { Database } from '../../src/db/client.ts';
import { currentSnapshot, readJobEvents, readNews } from '../../src/domain/queues/job-event-store.ts';
import { startBoss } from '../../src/jobs/boss.ts';
import { bossDatabase } from '../../src/jobs/boss-database.ts';
import { defineJob } from '../../src/jobs/define-job.ts';
import { startWorker } from '../../src/jobs/run-worker.ts';
import { createLogger } from '../../src/observability/logger.ts';
import { newId } from '../../src/shared/ids.ts';
import { type EarlierVersion, earlierVersion } from '../support/earlier-version.ts';
import { waitFor } from '../support/wait-for.ts';

const logger = createLogger('silent');

let earlier: EarlierVersion;

beforeEach(async () => {
  earlier = await earlierVersion();
});
afterEach(() => earlier?.remove());

/** As the version before the turns has left them: pg-boss holds a job and its payload, and our row its id there. */
async function writeJobs(sql: Sql, jobs: ReadonlyMap<string, string>): Promise<void> {
  const isServer = inject('testServer') !== null;
  const db = bossDatabase({ sql, kind: 'embedded' } as unknown as Database);
  const boss = new PgBoss({ db, backend: isServer ? 'postgres' : 'pglite', schema: 'pgboss', supervise: false });
  await boss.start();
  await boss.createQueue('standard');
  await sql`insert into workspaces (id, name, slug, tier) values ('ws_1', 'ws_1', 'ws_1', 'FREE')`;
  for (const [id, status] of jobs) {
    const bossId = randomUUID();
    const envelope = { kind: 'GENERATE', workspaceId: 'ws_1', jobId: id, payload: { text: `of ${status}` } };
    await boss.send('standard', envelope, { id: bossId, priority: 5 });
    await sql`
      insert into jobs (workspace_id, id, boss_id, kind, queue, status, priority, max_attempts, next_attempt_at)
      values ('ws_1', ${id}, ${bossId}, 'GENERATE', 'STANDARD', ${status}, 5, 4,
        ${status === 'RETRYING' ? new Date(0) : null})`;
  }
  await sql.unsafe(`
    grant usage on schema pgboss to signalbox_system;
    grant select, insert, update, delete on all tables in schema pgboss to signalbox_system`);
  await boss.stop({ graceful: false });
}

test('jobs that an earlier version has enqueued are run by this one, with their payloads', async () => {
  const jobs = new Map(['QUEUED', 'RETRYING', 'COMPLETED'].map((status) => [newId('Job'), status]));
  await earlier.before('0010_job_steps', (sql) => writeJobs(sql, jobs));

  const database = await earlier.bringOver();

  const boss = await startBoss(database, logger);
  const definition = defineJob({
    kind: 'GENERATE',
    schema: z.object({ text: z.string() }),
    run: async ({ text }) => text,
  });
  const worker = await startWorker({ boss, database, definitions: [definition], logger });
  try {
    const rows = await waitFor('the jobs to be run', async () => {
      const found = await database.withWorkspace(
        'ws_1',
        ({ sql }) => sql`select id, status, payload, result from jobs order by id`,
      );
      return found.every(({ status }) => status === 'COMPLETED') && found;
    });
    expect(new Map(rows.map(({ id, result }) => [id, result]))).toEqual(
      new Map([...jobs].map(([id, status]) => [id, status === 'COMPLETED' ? null : `of ${status}`])),
    );
  } finally {
    await worker.stop();
    await boss.stop({ graceful: false });
  }
}, 180_000);

test('what an earlier version has told of jobs within the last hour is news to whoever follows their workspace', async () => {
  await earlier.before('0031_job_news', async (sql) => {
    await sql`insert into workspaces (id, name, slug, tier) values ('ws_1', 'ws_1', 'ws_1', 'FREE')`;
    await sql`
      insert into jobs (workspace_id, id, kind, queue, status, priority, max_attempts)
      select 'ws_1', 'job_' || n, 'GENERATE', 'STANDARD', 'QUEUED', 5, 4 from generate_series(1, 3) n`;
    await sql`update jobs set status = 'RUNNING' where id in ('job_1', 'job_3')`;
    await sql`
      update jobs set state_events[1].at = now() - interval '2 hours', state_events[2].at = now() - interval '2 hours'
      where id = 'job_3'`;
  });

  const database = await earlier.bringOver();

  const { events } = await database.withWorkspace('ws_1', (scope) => readNews(scope, '3:3:', null, 10));
  expect(events.map(({ seq, job }) => `${job.id} ${seq}`).sort()).toEqual(['job_1 1', 'job_1 2', 'job_2 1']);
}, 180_000);

test('jobs whose events an earlier version has numbered go on with their numbers, and are noted', async () => {
  await earlier.before('0034_told_by_statements', async (sql) => {
    await sql`insert into workspaces (id, name, slug, tier) values ('ws_1', 'ws_1', 'ws_1', 'FREE')`;
    await sql`
      insert into jobs (workspace_id, id, kind, queue, status, priority, max_attempts)
      select 'ws_1', 'job_' || n, 'GENERATE', 'STANDARD', 'QUEUED', 5, 4 from generate_series(1, 2) n`;
    await sql`update jobs set status = 'RUNNING' where id = 'job_1'`;
  });

  const database = await earlier.bringOver();

  const { snapshot, events } = await database.withWorkspace('ws_1', async (scope) => {
    const since = await currentSnapshot(scope);
    await scope.sql`update jobs set status = 'COMPLETED' where id = 'job_1'`;
    return { snapshot: since, events: (await readJobEvents(scope, 'job_1', 0, 10))?.events };
  });
  expect(events?.map(({ seq, status }) => `${seq} ${status}`)).toEqual(['1 QUEUED', '2 RUNNING', '3 COMPLETED']);
  const news = await database.withWorkspace('ws_1', (scope) => readNews(scope, snapshot, null, 10));
  expect(news.events.map(({ seq, job }) => `${job.id} ${seq}`)).toEqual(['job_1 3']);
}, 180_000);
