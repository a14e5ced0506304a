import { Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import pino from 'pino';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, test } from 'vitest';
import { openDatabase } from '../../src/db/client.ts';
import type { EventBus } from '../../src/db/event-bus.ts';
import { InProcessEventBus } from '../../src/db/in-process-event-bus.ts';
import { postgres } from '../../src/db/postgres-driver.ts';
import { PostgresEventBus } from '../../src/db/postgres-event-bus.ts';
import { RedisEventBus } from '../../src/db/redis-event-bus.ts';
import { type TestDatabase, testDatabase, testDatabaseTarget } from '../support/database.ts';
import { hasRedisServer, startTestRedis } from '../support/redis-server.ts';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts';
import { waitFor } from '../support/wait-for.ts';

/** Counts how often a topic was heard. */
function hearing(bus: EventBus, topic: string) {
  const heard = { times: 0 };
  const leave = bus.listen(topic, () => {
    heard.times += 1;
  });
  return Object.assign(heard, { leave });
}

/** Long enough for a ring that was on its way to have come. */
const SETTLE_MS = 150;

const onPostgres = inject('testServer') !== null;
const withRedis = hasRedisServer();

/** What two servers have. On one bus both are the same. */
interface Buses {
  here: EventBus;
  there: EventBus;
  close(): Promise<void>;
}

const KINDS: { name: string; isThere: boolean; open(): Promise<Buses> }[] = [
  { name: 'in one process', isThere: true, open: openInProcess },
  { name: 'through Postgres', isThere: onPostgres, open: openOnPostgres },
  { name: 'through Redis', isThere: withRedis, open: openOnRedis },
];

async function openInProcess(): Promise<Buses> {
  const bus = new InProcessEventBus();
  return { here: bus, there: bus, close: () => bus.close() };
}

async function openOnPostgres(): Promise<Buses> {
  const testing = await testDatabase();
  const other = await openDatabase({ ...testing, databaseUrl: testing.databaseUrl });
  await listensToOthers(testing.database.bus, other.bus);
  const close = async () => {
    await other.close();
    await testing.close();
  };
  return { here: testing.database.bus, there: other.bus, close };
}

async function openOnRedis(): Promise<Buses> {
  const redis = await startTestRedis();
  const here = new RedisEventBus({ url: redis.url, deployment: 'tests' });
  const there = new RedisEventBus({ url: redis.url, deployment: 'tests' });
  await listensToOthers(here, there);
  const close = async () => {
    await Promise.all([here.close(), there.close()]);
    await redis.close();
  };
  return { here, there, close };
}

/** A bus connects when it likes; these tests are about one that has. */
async function listensToOthers(here: EventBus, there: EventBus): Promise<void> {
  for (const [from, to] of [
    [here, there],
    [there, here],
  ] as const) {
    const topic = `connected-${Math.random()}`;
    const heard = hearing(to, topic);
    await sleep(SETTLE_MS);
    heard.times = 0;
    await waitFor('the other server to hear', async () => {
      from.ring(topic);
      await sleep(30);
      return heard.times > 0;
    });
    heard.leave();
  }
}

describe.each(KINDS.filter(({ isThere }) => isThere))('the event bus $name', ({ open }) => {
  let buses: Buses;
  beforeAll(async () => {
    buses = await open();
  });
  afterAll(() => buses?.close());

  test('wakes the listeners of a topic on every server, and nobody else', async () => {
    const [here, there] = [hearing(buses.here, 'orders'), hearing(buses.there, 'orders')];
    const other = hearing(buses.there, 'order');
    buses.here.ring('orders');
    await waitFor('both to hear', () => here.times > 0 && there.times > 0);
    await sleep(SETTLE_MS);
    expect([here.times, there.times, other.times]).toEqual([1, 1, 0]);
    for (const { leave } of [here, there, other]) leave();
  });

  test('wakes every listener of a topic, also the same function twice', async () => {
    let calls = 0;
    const listener = () => {
      calls += 1;
    };
    const leaves = [buses.there.listen('twice', listener), buses.there.listen('twice', listener)];
    buses.here.ring('twice');
    await waitFor('both calls', () => calls >= 2);
    leaves[0]?.();
    leaves[0]?.();
    const before = calls;
    buses.here.ring('twice');
    await waitFor('a call of the other', () => calls > before);
    await sleep(SETTLE_MS);
    expect(calls).toBe(before + 1);
    leaves[1]?.();
  });

  test('calls nobody who has left, and keeps nothing of a topic without listeners', async () => {
    const heard = hearing(buses.there, 'gone');
    const others = buses.there.listenerCount;
    heard.leave();
    heard.leave();
    expect(buses.there.listenerCount).toBe(others - 1);
    const witness = hearing(buses.there, 'witness');
    buses.here.ring('gone');
    buses.here.ring('witness');
    await waitFor('the witness', () => witness.times > 0);
    expect(heard.times).toBe(0);
    witness.leave();
    expect(buses.there.listenerCount).toBe(others - 1);
  });

  test('takes 10,000 rings of one topic as a few calls, the last of which comes after the last ring', async () => {
    const heard = hearing(buses.there, 'storm');
    for (let ring = 0; ring < 10_000; ring += 1) buses.here.ring('storm');
    await waitFor('a call', () => heard.times > 0);
    await sleep(SETTLE_MS);
    expect(heard.times).toBeLessThan(10);
    const before = heard.times;
    buses.here.ring('storm');
    await waitFor('the last ring', () => heard.times > before);
    heard.leave();
  });

  test('brings each of 5,000 topics that are rung at once', async () => {
    const topics = Array.from({ length: 5_000 }, (_, index) => `topic ${index} "ä" ${'x'.repeat(index % 80)}`);
    const heard = topics.map((topic) => hearing(buses.there, topic));
    for (const topic of topics) buses.here.ring(topic);
    await waitFor('every topic', () => heard.every(({ times }) => times > 0));
    for (const { leave } of heard) leave();
  });

  test('wakes everybody rather than lose rings, where more topics are rung at once than it keeps', async () => {
    const heard = hearing(buses.there, 'one of very many');
    buses.here.ring('one of very many');
    for (let topic = 0; topic < 20_000; topic += 1) buses.here.ring(`many ${topic}`);
    await waitFor('the topic', () => heard.times > 0);
    const longest = hearing(buses.there, 'long'.repeat(5_000));
    buses.here.ring('long'.repeat(5_000));
    await waitFor('a topic longer than a message', () => longest.times > 0);
    heard.leave();
    longest.leave();
  });

  test('a listener that throws keeps no other one from being called', async () => {
    const leave = buses.there.listen('throws', () => {
      throw new Error('a listener');
    });
    const heard = hearing(buses.there, 'throws');
    buses.here.ring('throws');
    await waitFor('the other listener', () => heard.times > 0);
    leave();
    heard.leave();
  });
});

describe.each(KINDS.filter(({ isThere }) => isThere))('an event bus $name that is closed', ({ open }) => {
  test('has sent what was rung before, rings no more, and may be closed again', async () => {
    const buses = await open();
    try {
      const there = hearing(buses.there, 'last');
      buses.here.ring('last');
      await buses.here.close();
      await waitFor('the last ring', () => there.times > 0);
      buses.here.ring('too late');
      await buses.here.close();
    } finally {
      await buses.close();
    }
  });
});

/** What is written to the log. */
function logLines() {
  const lines: string[] = [];
  const logger = pino(
    {},
    new Writable({
      write(chunk, _encoding, done) {
        lines.push(String(chunk));
        done();
      },
    }),
  );
  return { logger, lines };
}

describe.runIf(onPostgres)('the event bus through Postgres', () => {
  let testing: TestDatabase;
  let proxy: TcpProxy;
  beforeEach(async () => {
    testing = await testDatabase();
    const { hostname, port } = new URL(testing.databaseUrl ?? '');
    proxy = await startTcpProxy({ host: hostname, port: Number(port) });
  });
  afterEach(async () => {
    await proxy?.close();
    await testing?.close();
  });

  function connectThroughProxy() {
    const url = new URL(testing.databaseUrl ?? '');
    url.host = `127.0.0.1:${proxy.port}`;
    return postgres(url.href, { max: 2, backoff: () => 0.05, connect_timeout: 2, onnotice: () => undefined });
  }

  test('wakes every listener once it is connected again, and hears as before', async () => {
    const sql = connectThroughProxy();
    const bus = new PostgresEventBus(sql as never);
    const quiet = hearing(bus, 'rung while it was away');
    const heard = hearing(bus, 'rung after');
    await waitFor('the first LISTEN', () => quiet.times > 0);
    const before = quiet.times;
    await proxy.cut();
    testing.database.bus.ring('rung while it was away');
    await sleep(SETTLE_MS);
    expect(quiet.times).toBe(before);
    await proxy.mend();
    await waitFor('the reconnected bus to wake its listeners', () => quiet.times > before);
    const since = heard.times;
    testing.database.bus.ring('rung after');
    await waitFor('a ring after the outage', () => heard.times > since);
    await bus.close();
    await sql.end({ timeout: 1 });
  });

  test('sends what was rung while the database was away, and logs the outage once', async () => {
    const { logger, lines } = logLines();
    const sql = connectThroughProxy();
    const bus = new PostgresEventBus(sql as never, logger);
    const there = hearing(testing.database.bus, 'rung in the dark');
    await waitFor('the other server to listen', () => there.times > 0);
    await proxy.cut();
    const before = there.times;
    bus.ring('rung in the dark');
    await waitFor('the failure', () => lines.length > 0);
    bus.ring('and another');
    await sleep(SETTLE_MS);
    await proxy.mend();
    await waitFor('the ring to come through', () => there.times > before);
    expect(lines).toHaveLength(1);
    await bus.close();
    await sql.end({ timeout: 1 });
  });

  test('thousands of rings are a few NOTIFY, each short enough for Postgres', async () => {
    const statements: string[] = [];
    const sql = postgres(testing.databaseUrl ?? '', {
      max: 1,
      debug: (_connection, query, [, message]) => query.includes('pg_notify') && statements.push(message),
    });
    const bus = new PostgresEventBus(sql as never);
    for (let ring = 0; ring < 50; ring += 1) {
      for (let topic = 0; topic < 100; topic += 1)
        bus.ring(`job:ws_01h455vb4pex5vsknk084sn02q:job_${ring % 2}${topic}`);
      await sleep(2);
    }
    await bus.close();
    await sql.end();
    expect(statements.length).toBeGreaterThan(1);
    expect(statements.length).toBeLessThan(100);
    expect(Math.max(...statements.map((message) => Buffer.byteLength(message)))).toBeLessThanOrEqual(7_900);
    expect(new Set(statements.flatMap((message) => JSON.parse(message).slice(1))).size).toBe(200);
  });
});

describe.runIf(withRedis)('the event bus through Redis', () => {
  test('wakes every listener once Redis is back, hears as before, and logs the outage once', async () => {
    const redis = await startTestRedis();
    const { logger, lines } = logLines();
    const here = new RedisEventBus({ url: redis.url, deployment: 'tests', logger });
    const there = new RedisEventBus({ url: redis.url, deployment: 'tests' });
    const heard = hearing(here, 'orders');
    await waitFor('the first SUBSCRIBE', () => heard.times > 0);
    await redis.kill();
    await waitFor('the outage to be logged', () => lines.length > 0);
    const before = heard.times;
    there.ring('orders');
    await redis.start();
    await waitFor('the listeners to be woken', () => heard.times > before);
    await listensToOthers(here, there);
    await waitFor('the end of the outage in the log', () => lines.some((line) => line.includes('again')));
    expect(lines.filter((line) => line.includes('does not answer'))).toHaveLength(1);
    await Promise.all([here.close(), there.close(), redis.close()]);
  });

  test('a Redis that is away at the start is a line in the log, and is used once it is there', async () => {
    const redis = await startTestRedis();
    await redis.kill();
    const { logger, lines } = logLines();
    const here = new RedisEventBus({ url: redis.url, deployment: 'tests', logger });
    const there = new RedisEventBus({ url: redis.url, deployment: 'tests' });
    const heard = hearing(there, 'early');
    here.ring('early');
    await waitFor('the line', () => lines.some((line) => line.includes('Redis does not answer')));
    expect(heard.times).toBe(0);
    await redis.start();
    await waitFor('the ring from before', () => heard.times > 0);
    await Promise.all([here.close(), there.close(), redis.close()]);
  });

  test('the password is in no log, also where Redis refuses it', async () => {
    const redis = await startTestRedis({ password: 'right-password' });
    const { logger, lines } = logLines();
    const url = `redis://:wrong-password@127.0.0.1:${redis.port}`;
    const bus = new RedisEventBus({ url, deployment: 'tests', logger });
    bus.ring('anything');
    await waitFor('the refusal', () => lines.some((line) => /WRONGPASS|NOAUTH/.test(line)));
    await bus.close();
    expect(lines.join()).not.toContain('wrong-password');
    await redis.close();
  });

  test('servers of another database hear nothing of it', async () => {
    const redis = await startTestRedis();
    const ours = new RedisEventBus({ url: redis.url, deployment: 'ours' });
    const alsoOurs = new RedisEventBus({ url: redis.url, deployment: 'ours' });
    const theirs = new RedisEventBus({ url: redis.url, deployment: 'theirs' });
    await listensToOthers(ours, alsoOurs);
    const heard = hearing(alsoOurs, 'private');
    const foreign = hearing(theirs, 'private');
    await waitFor('the other database to be connected', async () => {
      theirs.ring('private');
      return foreign.times > 0;
    });
    await sleep(SETTLE_MS);
    foreign.times = 0;
    expect(heard.times).toBe(0);
    ours.ring('private');
    await waitFor('our ring', () => heard.times > 0);
    await sleep(SETTLE_MS);
    expect(foreign.times).toBe(0);
    await Promise.all([ours.close(), alsoOurs.close(), theirs.close(), redis.close()]);
  });

  test.runIf(onPostgres)(
    'two servers of one database find each other by it, whatever they call its address',
    async () => {
      const redis = await startTestRedis();
      const target = await testDatabaseTarget();
      const otherName = (target.databaseUrl ?? '').replace('127.0.0.1', 'localhost');
      const [here, there] = await Promise.all(
        [target.databaseUrl, otherName].map((databaseUrl) =>
          openDatabase({ ...target, databaseUrl, redisUrl: redis.url }),
        ),
      );
      if (here === undefined || there === undefined) throw new Error('two databases were opened');
      await listensToOthers(here.bus, there.bus);
      await Promise.all([here.close(), there.close()]);
      await Promise.all([redis.close(), target.remove()]);
    },
  );
});

describe('a ring inside a transaction', () => {
  let testing: TestDatabase;
  beforeAll(async () => {
    testing = await testDatabase();
    // It wakes every listener when it is connected, whenever that is.
    const connected = hearing(testing.database.bus, 'connected');
    if (onPostgres) await waitFor('the bus to be connected', () => connected.times > 0);
    connected.leave();
  });
  afterAll(() => testing?.close());

  test('is heard after its commit alone', async () => {
    const { database } = testing;
    const heard = hearing(database.bus, 'committed');
    await database.withSystem(async (scope) => {
      scope.ring('committed');
      await scope.sql`select 1`;
      await sleep(SETTLE_MS);
      expect(heard.times).toBe(0);
    });
    await waitFor('the ring', () => heard.times > 0);
    heard.leave();
  });

  test('is not heard where the transaction is rolled back', async () => {
    const { database } = testing;
    const heard = hearing(database.bus, 'rolled back');
    const failing = database.withSystem(async (scope) => {
      scope.ring('rolled back');
      await scope.sql`select 1 / 0`;
    });
    await expect(failing).rejects.toMatchObject({ code: '22012' });
    await sleep(SETTLE_MS);
    expect(heard.times).toBe(0);
    heard.leave();
  });
});
