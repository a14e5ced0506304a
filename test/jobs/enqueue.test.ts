import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { bossDatabase } from '../../src/jobs/boss-database.ts';
import { defineJob, InvalidJobPayloadError } from '../../src/jobs/define-job.ts';
import { JobHarness } from './job-harness.ts';

const embed = defineJob({
  kind: 'EMBED',
  schema: z.object({ documentIds: z.array(z.string()), note: z.string().nullable() }),
  run: async () => undefined,
});
const importFile = defineJob({ kind: 'IMPORT', queue: 'batch', schema: z.object({}), run: async () => undefined });

const PAYLOAD = { documentIds: ['doc_1', 'doc_2'], note: 'quotes " and \\ and ünï' };

let harness: JobHarness;
let workspaceId: string;

beforeAll(async () => {
  harness = await JobHarness.start();
  workspaceId = await harness.workspace();
});
afterAll(() => harness.close());

describe('enqueueing', () => {
  test('a job and what was written with it are committed together', async () => {
    const id = await harness.database.withWorkspace(workspaceId, (scope) =>
      harness.queue.enqueue(scope, embed, PAYLOAD),
    );
    expect(await harness.job(workspaceId, id)).toMatchObject({
      status: 'QUEUED',
      queue: 'STANDARD',
      priority: 5,
      attempt: 0,
      maxAttempts: 4,
    });
    expect((await harness.job(workspaceId, id))?.payload).toEqual(PAYLOAD);
    expect(await harness.turns(workspaceId)).toEqual([{ name: 'standard', state: 'created' }]);
  });

  test('a write that is rolled back takes its job along', async () => {
    const other = await harness.workspace();
    let id = '';
    const write = harness.database.withWorkspace(other, async (scope) => {
      id = await harness.queue.enqueue(scope, embed, PAYLOAD);
      throw new Error('the write failed');
    });
    await expect(write).rejects.toThrow('the write failed');
    expect(id).toMatch(/^job_/);
    expect(await harness.job(other, id)).toBeUndefined();
    expect(await harness.turns(other)).toEqual([]);
  });

  test('a job that cannot be queued fails the write', async () => {
    const write = harness.database.withWorkspace(workspaceId, async (scope) => {
      await scope.sql`select set_config('app.workspace_id', 'ws_another', true)`;
      await harness.queue.enqueue(scope, embed, PAYLOAD);
    });
    await expect(write).rejects.toThrow('row-level security');
  });

  test('the rest of the transaction keeps the rights of its workspace', async () => {
    const roles = await harness.database.withWorkspace(workspaceId, async (scope) => {
      const [, beside, ids] = await Promise.all([
        harness.queue.enqueue(scope, embed, PAYLOAD),
        scope.sql<{ role: string }[]>`select current_user as role`,
        harness.queue.enqueue(scope, embed, PAYLOAD).then(() => scope.sql`select current_user as role`),
      ]);
      return [beside[0]?.role, ids[0]?.role];
    });
    expect(roles).toEqual(['signalbox_app', 'signalbox_app']);
  });

  test('a tenant may not read the queue', async () => {
    const read = harness.database.withWorkspace(workspaceId, ({ sql }) => sql`select * from pgboss.job`);
    await expect(read).rejects.toThrow('permission denied');
  });

  test('a payload that its schema does not allow is refused', async () => {
    const wrong = { documentIds: 'all' } as unknown as typeof PAYLOAD;
    const write = harness.database.withWorkspace(workspaceId, (scope) => harness.queue.enqueue(scope, embed, wrong));
    await expect(write).rejects.toThrow(InvalidJobPayloadError);
  });

  test('standard work of priority 8 goes to the queue high, batch work stays where it is', async () => {
    const [urgent, large] = await harness.database.withWorkspace(workspaceId, async (scope) => [
      await harness.queue.enqueue(scope, embed, PAYLOAD, { priority: 8, maxAttempts: 2 }),
      await harness.queue.enqueue(scope, importFile, {}, { priority: 10 }),
    ]);
    expect(await harness.job(workspaceId, urgent as string)).toMatchObject({
      queue: 'HIGH',
      priority: 8,
      maxAttempts: 2,
    });
    expect(await harness.job(workspaceId, large as string)).toMatchObject({ queue: 'BATCH', priority: 10 });
    const outside = harness.database.withWorkspace(workspaceId, (scope) =>
      harness.queue.enqueue(scope, embed, PAYLOAD, { priority: 11 }),
    );
    await expect(outside).rejects.toThrow(RangeError);
  });
});

describe('an idempotency key', () => {
  const enqueueWith = (idempotencyKey: string, workspace = workspaceId, definition = embed) =>
    harness.database.withWorkspace(workspace, (scope) =>
      harness.queue.enqueue(scope, definition, PAYLOAD, { idempotencyKey }),
    );
  const jobsOf = (workspace: string) =>
    harness.database.withWorkspace(workspace, async ({ sql }) => (await sql`select id from jobs`).map(({ id }) => id));

  test('is one job, however many enqueue it at once, and one more for another workspace or kind', async () => {
    const mine = await harness.workspace();
    const theirs = await harness.workspace();
    const ids = await Promise.all(Array.from({ length: 1_000 }, () => enqueueWith('upload-7', mine)));
    expect(new Set(ids).size).toBe(1);
    expect(await jobsOf(mine)).toEqual([ids[0]]);
    expect(await enqueueWith('upload-7', theirs)).not.toBe(ids[0]);
    const sentiment = defineJob({ kind: 'SENTIMENT', schema: z.looseObject({}), run: async () => undefined });
    expect(await enqueueWith('upload-7', mine, sentiment as never)).not.toBe(ids[0]);
    expect(await enqueueWith('upload-8', mine)).not.toBe(ids[0]);
  });

  test('that was rolled back with its job is free again', async () => {
    const write = harness.database.withWorkspace(workspaceId, async (scope) => {
      await harness.queue.enqueue(scope, embed, PAYLOAD, { idempotencyKey: 'rolled-back' });
      throw new Error('the write failed');
    });
    await expect(write).rejects.toThrow('the write failed');
    const id = await enqueueWith('rolled-back');
    expect(await harness.job(workspaceId, id)).toMatchObject({ status: 'QUEUED' });
  });

  test('is another job after a day', async () => {
    const first = await enqueueWith('daily');
    await harness.database.sql`update job_keys set created_at = now() - interval '23 hours' where key = 'daily'`;
    expect(await enqueueWith('daily')).toBe(first);
    await harness.database.sql`update job_keys set created_at = now() - interval '25 hours' where key = 'daily'`;
    const second = await enqueueWith('daily');
    expect(second).not.toBe(first);
    expect(await enqueueWith('daily')).toBe(second);
  });
});

describe('many jobs at once', () => {
  test('are all there, in their order, and stand in line as one', async () => {
    const workspace = await harness.workspace();
    const payloads = Array.from({ length: 1_201 }, (_, n) => ({ documentIds: [`doc_${n}`], note: null }));
    const ids = await harness.database.withWorkspace(workspace, (scope) =>
      harness.queue.enqueueAll(scope, embed, payloads, { priority: 3 }),
    );
    expect(ids).toEqual([...ids].sort());
    expect(await harness.job(workspace, ids[1_200] as string)).toMatchObject({
      ...{ status: 'QUEUED', priority: 3, payload: payloads[1_200] },
    });
    expect(await harness.turns(workspace)).toHaveLength(1);
  });

  test('of which one is not valid are none', async () => {
    const workspace = await harness.workspace();
    const payloads = [PAYLOAD, { documentIds: 'all' } as unknown as typeof PAYLOAD];
    const write = harness.database.withWorkspace(workspace, (scope) =>
      harness.queue.enqueueAll(scope, embed, payloads),
    );
    await expect(write).rejects.toThrow(InvalidJobPayloadError);
    expect(await harness.turns(workspace)).toEqual([]);
  });

  test('that come one by one bring no more than some turns, whatever their number', async () => {
    const workspace = await harness.workspace();
    for (let n = 0; n < 200; n++) {
      await harness.database.withWorkspace(workspace, (scope) => harness.queue.enqueue(scope, embed, PAYLOAD));
    }
    expect((await harness.turns(workspace)).length).toBeLessThan(60);
  });
});

describe("pg-boss on the application's client", () => {
  test('parameters arrive as they were given', async () => {
    const uuid = '2b1c7b9e-6d3e-4f0a-9a53-0d6f3c1f7a11';
    const at = new Date('2026-03-01T12:00:00.000Z');
    const { rows } = await bossDatabase(harness.database).executeSql(
      `select $1::uuid[] as ids, $2::text[] as none, $3::jsonb as written, $4::jsonb as given, $5::json->>'a' as json,
        $6::timestamptz as at, $7::text as nothing, $8::jsonb as null_json, $9::int as number, $10::bool as yes`,
      [[uuid], [], '{"a":"\\"b\\""}', { a: [1] }, '{"a":2}', at, null, null, 7, true],
    );
    expect(rows).toEqual([
      {
        ids: [uuid],
        none: [],
        written: { a: '"b"' },
        given: { a: [1] },
        json: '2',
        at,
        nothing: null,
        nullJson: null,
        number: 7,
        yes: true,
      },
    ]);
  });

  test('a script that fails leaves no transaction open behind it', async () => {
    const db = bossDatabase(harness.database);
    await expect(db.executeSql('BEGIN; select 1; select 1 / 0; COMMIT;')).rejects.toThrow('division by zero');
    const { rows } = await db.executeSql('BEGIN; select 1 as a; select 2 as a; COMMIT;');
    expect(rows).toEqual([{ a: 1 }, { a: 2 }]);
  });
});
