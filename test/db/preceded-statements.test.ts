import type { PendingQuery, Row, Sql } from 'postgres';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, test } from 'vitest';
import { Database } from '../../src/db/client.ts';
import { EmbeddedPostgres } from '../../src/db/embedded.ts';
import { postgres } from '../../src/db/postgres-driver.ts';
import { readPreparedFolder } from '../support/prepared-folder.ts';
import { makeTempFolder, type TempFolder } from '../support/temp-folder.ts';
import { createDatabase, databaseName, dropDatabase } from '../support/test-server.ts';
import { waitFor } from '../support/wait-for.ts';

const server = inject('testServer');
const name = server === null ? '' : databaseName(server);

let folder: TempFolder;
let embedded: EmbeddedPostgres | null = null;
let url = '';
/** One connection: whatever a statement leaves on it, the next one meets. */
let sql: Sql;

beforeAll(async () => {
  folder = makeTempFolder('preceded');
  if (server === null) {
    const preparedFolder = await readPreparedFolder();
    embedded = await EmbeddedPostgres.start(folder.path, { inMemory: true, preparedFolder });
  } else url = await createDatabase(server, name, server.template);
  const setUp = connect();
  await setUp`create sequence runs`;
  await setUp`create table things (id int)`;
  await setUp.end();
});

afterAll(async () => {
  await embedded?.close();
  if (server !== null) await dropDatabase(server, name);
  await folder?.remove();
});

beforeEach(() => {
  sql = connect();
});

afterEach(() => sql?.end({ timeout: 5 }));

function connect(): Sql {
  if (embedded === null) return postgres(url, { max: 1, onnotice: () => undefined });
  return postgres({
    path: embedded.socket,
    host: embedded.socket,
    user: 'postgres',
    database: 'postgres',
    max: 1,
  } as never);
}

const TAKE_ROLE = `select set_config('role', $1, true)`;

/** What `sql.preceded` of src/db/postgres-driver.ts gives. */
function preceded(text: string, value: string): Sql {
  const { preceded: make } = sql as unknown as { preceded(before: object): Sql };
  return make({ text, values: [value], begun: () => undefined, isOver: false });
}

/** Statements that tell for good whether they ran: what a sequence has given out is not rolled back. */
const KINDS: Record<string, (on: Sql) => PendingQuery<Row[]>> = {
  'without parameters': (on) => on`select nextval('runs')`,
  'with parameters': (on) => on`select nextval('runs'), ${1}::int as one`,
  'longer than one write': (on) => on`select nextval('runs'), ${on.unsafe(`'${'long'.repeat(50_000)}'`)} as text`,
  'with a long parameter': (on) => on`select nextval('runs'), length(${'long'.repeat(50_000)})`,
};
const kinds = Object.entries(KINDS);

async function runs(): Promise<number> {
  const [row] = await sql<
    { runs: number }[]
  >`select (case when is_called then last_value else 0 end)::int as runs from runs`;
  return row?.runs ?? -1;
}

/** The connection is as it was, and the next statement gets its role again. */
async function expectToGoOn(): Promise<void> {
  const [outside] = await sql`select current_setting('role') as role, pg_current_xact_id_if_assigned() is null as idle`;
  expect(outside).toEqual({ role: 'none', idle: true });
  const [inside] = await preceded(TAKE_ROLE, 'signalbox_app')`select current_user as role, ${1}::int as one`;
  expect(inside).toEqual({ role: 'signalbox_app', one: 1 });
}

describe('a statement whose statement before has failed', () => {
  test.each(kinds)('never runs: one %s, new to the connection', async (_kind, ask) => {
    const before = await runs();
    const failing = ask(preceded(TAKE_ROLE, 'nobody_of_that_name'));
    await expect(failing).rejects.toMatchObject({ code: '22023' });
    expect(await runs()).toBe(before);
    await expectToGoOn();
  });

  test.each(kinds)('never runs: one %s, where the connection knows both', async (_kind, ask) => {
    const able = await sql<{ role: string }[]>`select current_user as role`;
    for (let round = 0; round < 3; round++) await ask(preceded(TAKE_ROLE, able[0]?.role ?? ''));
    const before = await runs();
    for (let round = 0; round < 3; round++) {
      await expect(ask(preceded(TAKE_ROLE, 'nobody_of_that_name'))).rejects.toMatchObject({ code: '22023' });
    }
    expect(await runs()).toBe(before);
    await expectToGoOn();
  });

  test('never runs where the one before cannot even be parsed', async () => {
    const before = await runs();
    for (const [, ask] of kinds) await expect(ask(preceded('selec $1', ''))).rejects.toMatchObject({ code: '42601' });
    expect(await runs()).toBe(before);
    await expectToGoOn();
  });

  test('is one of many that wait for the connection, and the others run in their own role', async () => {
    const before = await runs();
    const outcomes = await Promise.allSettled(
      Array.from({ length: 60 }, (_, i) => {
        if (i % 3 === 0) return preceded(TAKE_ROLE, 'nobody_of_that_name')`select nextval('runs'), ${i}::int`;
        const asking = i % 3 === 1 ? sql : preceded(TAKE_ROLE, 'signalbox_app');
        return asking`select current_setting('role') as role, ${i}::int as i`;
      }),
    );
    const seen = outcomes.map((one) => (one.status === 'fulfilled' ? one.value[0] : one.reason.code));
    const own = (i: number) => ['22023', { role: 'none', i }, { role: 'signalbox_app', i }][i % 3];
    expect(seen).toEqual(outcomes.map((_, i) => own(i)));
    expect(await runs()).toBe(before);
    await expectToGoOn();
  });
});

describe('a preceded statement', () => {
  test('that fails leaves neither its role nor its transaction behind', async () => {
    for (let round = 0; round < 3; round++) {
      const failing = preceded(TAKE_ROLE, 'signalbox_app')`select 1 / ${0}::int`;
      await expect(failing).rejects.toMatchObject({ code: '22012' });
      await expectToGoOn();
    }
  });

  test('is asked again where the connection has forgotten what it had parsed', async () => {
    const ask = () => preceded(TAKE_ROLE, 'signalbox_app')`select current_user as role, ${1}::int as one`;
    await ask();
    await sql`deallocate all`.simple();
    expect([...(await ask())]).toEqual([{ role: 'signalbox_app', one: 1 }]);
    await expectToGoOn();
  });
});

describe('a statement with a value that has no text', () => {
  const noTime = new Date(Number.NaN);
  const ask = (on: Sql, at: Date) => on`select ${at}::timestamptz as at`;

  test.each([
    ['alone', () => sql],
    ['preceded', () => preceded(TAKE_ROLE, 'signalbox_app')],
  ])('is told so, and the statements around it get their own answers: %s', async (_how, choose) => {
    const on = choose();
    await ask(on, new Date());
    const [first, refused, next] = await Promise.allSettled([
      sql`select 'first' as own`,
      ask(on, noTime),
      on`select 'next' as own`,
    ]);
    expect(first).toMatchObject({ status: 'fulfilled', value: [{ own: 'first' }] });
    expect(refused).toMatchObject({ status: 'rejected', reason: expect.any(RangeError) });
    expect(next).toMatchObject({ status: 'fulfilled', value: [{ own: 'next' }] });
    await expectToGoOn();
  });

  test('ends the transaction that it is in', async () => {
    await ask(sql, new Date());
    const transaction = sql.begin((inside) =>
      Promise.all([inside`select set_config('role', 'signalbox_app', true)`, ask(inside as never, noTime)]),
    );
    await expect(transaction).rejects.toThrow(RangeError);
    await expectToGoOn();
  });
});

describe.skipIf(server === null)('on Postgres, a statement', () => {
  let admin: Sql;
  let pid: number;
  beforeEach(async () => {
    admin = connect();
    const [own] = await sql<{ pid: number }[]>`select pg_backend_pid() as pid`;
    pid = own?.pid ?? 0;
  });
  afterEach(() => admin?.end({ timeout: 5 }));

  const untilWaiting = (event: string) =>
    waitFor(`a backend that waits for ${event}`, async () => {
      const rows =
        await admin`select from pg_stat_activity where pid = ${pid} and ${event} in (wait_event, wait_event_type)`;
      return rows.length > 0;
    });
  const cancel = () => admin`select pg_cancel_backend(${pid})`;
  const kill = () => admin`select pg_terminate_backend(${pid})`;

  const TAKE_ROLE_SLOWLY = `select pg_sleep(600), set_config('role', $1, true)`;
  const DEAD = expect.stringMatching(/^(57P01|CONNECTION_CLOSED|ECONNRESET)$/);

  test.each(kinds)('%s never runs where the one before is cancelled', async (_kind, ask) => {
    const before = await runs();
    const cancelled = expect(ask(preceded(TAKE_ROLE_SLOWLY, 'signalbox_app'))).rejects.toMatchObject({ code: '57014' });
    await untilWaiting('PgSleep');
    await cancel();
    await cancelled;
    expect(await runs()).toBe(before);
    await expectToGoOn();
  });

  test.each(kinds)('%s never runs where the backend dies in the one before', async (_kind, ask) => {
    const before = await runs();
    const cutOff = expect(ask(preceded(TAKE_ROLE_SLOWLY, 'signalbox_app'))).rejects.toMatchObject({ code: DEAD });
    await untilWaiting('PgSleep');
    await kill();
    await cutOff;
    expect(await runs()).toBe(before);
    await expectToGoOn();
  });

  test.each(kinds)('%s never runs where the one before takes too long', async (_kind, ask) => {
    const before = await runs();
    await sql`set statement_timeout = 500`;
    const timedOut = ask(preceded(TAKE_ROLE_SLOWLY, 'signalbox_app'));
    await expect(timedOut).rejects.toMatchObject({ code: '57014' });
    // The limit is on this one too.
    await waitFor('a limit that is lifted', () => sql`set statement_timeout = 0`);
    expect(await runs()).toBe(before);
    await expectToGoOn();
  });

  test.each([
    ['cancelled', cancel, '57014'],
    ['killed', kill, DEAD],
  ])('that is %s between the one before and itself is told so', async (_how, end, code) => {
    const holding = connect();
    try {
      await holding.begin(async (transaction) => {
        await transaction`lock table things in access exclusive mode`;
        // Its parsing waits for the lock, when it has the role already.
        const ended = expect(preceded(TAKE_ROLE, 'signalbox_app')`select id from things where id = ${1}`);
        const told = ended.rejects.toMatchObject({ code });
        await untilWaiting('Lock');
        await end();
        await told;
      });
    } finally {
      await holding.end({ timeout: 5 });
    }
    await expectToGoOn();
  });

  test.each([
    ['cancelled', cancel, '57014'],
    ['killed', kill, DEAD],
  ])('that is %s while it runs is told so', async (_how, end, code) => {
    const ended = expect(preceded(TAKE_ROLE, 'signalbox_app')`select pg_sleep(600), ${1}::int`);
    const told = ended.rejects.toMatchObject({ code });
    await untilWaiting('PgSleep');
    await end();
    await told;
    await expectToGoOn();
  });

  test('that its own client cancels is told so', async () => {
    const query = preceded(TAKE_ROLE, 'signalbox_app')`select pg_sleep(600), ${1}::int`;
    const told = expect(query).rejects.toMatchObject({ code: '57014' });
    await untilWaiting('PgSleep');
    query.cancel();
    await told;
    await expectToGoOn();
  });

  test('that nobody waits for any more when a connection is free is never sent', async () => {
    const before = await runs();
    const database = new Database(sql, null, 50);
    const holding = sql`select pg_sleep(600)`.execute();
    const held = expect(holding).rejects.toMatchObject({ code: '57014' });
    await untilWaiting('PgSleep');
    const reading = database.readWorkspace('ws_a', (reads) => reads.sql`select nextval('runs')`);
    await expect(reading).rejects.toMatchObject({ code: 'DATABASE_BUSY' });
    await cancel();
    await held;
    expect(await runs()).toBe(before);
    await expectToGoOn();
  });
});
