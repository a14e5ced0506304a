import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { openDatabase } from '../../../src/db/client.ts';
import { isDatabaseUnavailable } from '../../../src/db/failures.ts';
import { postgres } from '../../../src/db/postgres-driver.ts';
import { startTcpProxy, type TcpProxy } from '../../support/tcp-proxy.ts';
import { waitFor } from '../../support/wait-for.ts';
import { startTestServer, type TestServer, type TestWorkspace } from '../server-harness.ts';

const COLLECTIONS = '{ collections { nodes { id } } }';
const CREATE_COLLECTION = /* GraphQL */ `
  mutation ($name: String!) {
    createCollection(input: { name: $name }) {
      __typename
    }
  }
`;
/** Within so many milliseconds a request must be answered, whatever has become of the database. */
const PATIENCE_MS = 30_000;

const postgresServer = inject('testServer');

/** What a client, a load balancer and a stranger see while the database is away. */
async function expectUnavailable(server: TestServer, key: string): Promise<void> {
  const known = await server.query(COLLECTIONS, {}, { key, timeoutMs: PATIENCE_MS });
  expect([known.status, known.body.errors?.[0]?.extensions.code]).toEqual([503, 'UNAVAILABLE']);
  expect(JSON.stringify(known.body)).not.toMatch(/ECONN|127\.0\.0\.1|\.sock|select /);
  const unknown = await server.query(COLLECTIONS, {}, { key: 'sbx_neverSeenBefore', timeoutMs: PATIENCE_MS });
  expect([unknown.status, unknown.body.errors?.[0]?.extensions.code]).toEqual([503, 'UNAVAILABLE']);
  const write = await server.query(CREATE_COLLECTION, { name: 'while away' }, { key, timeoutMs: PATIENCE_MS });
  expect([write.status, write.body.errors?.[0]?.extensions.code]).toEqual([503, 'UNAVAILABLE']);
  expect(await statusOf(server, '/readyz')).toBe(503);
  expect(await statusOf(server, '/healthz')).toBe(200);
  const rootStatus = (await server.query('{ viewer { role } }', {}, { key: server.rootKey })).status;
  expect(rootStatus).toBe(200);
}

async function statusOf(server: TestServer, path: string): Promise<number> {
  const response = await fetch(`${server.url}${path}`, { signal: AbortSignal.timeout(PATIENCE_MS) });
  await response.text();
  return response.status;
}

describe.skipIf(postgresServer !== null)('where the embedded database has stopped', () => {
  let server: TestServer;
  let workspace: TestWorkspace;
  beforeAll(async () => {
    server = await startTestServer();
    workspace = await server.createWorkspace();
    await server.query(COLLECTIONS, {}, { key: workspace.ownerKey });
    await server.app.database
      .withWorkspace(workspace.id, async ({ embedded }) => embedded?.close())
      .catch(() => undefined);
  });
  afterAll(() => server?.close());

  test('requests are answered with 503 and never with 401; the process runs but is not ready', async () => {
    await expectUnavailable(server, workspace.ownerKey);
  });

  test('twenty requests at once are answered too', async () => {
    const answers = await Promise.all(
      Array.from({ length: 20 }, () =>
        server.query(COLLECTIONS, {}, { key: workspace.ownerKey, timeoutMs: PATIENCE_MS }),
      ),
    );
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([503]));
  });
});

describe.skipIf(postgresServer === null)('where Postgres goes away', () => {
  let proxy: TcpProxy;
  let server: TestServer;
  let workspace: TestWorkspace;
  beforeAll(async () => {
    const { hostname, port } = new URL(postgresServer?.url ?? '');
    proxy = await startTcpProxy({ host: hostname, port: Number(port || 5432) });
    server = await startTestServer({
      reroute: (databaseUrl) => {
        const url = new URL(databaseUrl);
        url.hostname = '127.0.0.1';
        url.port = String(proxy.port);
        return url.href;
      },
    });
    workspace = await server.createWorkspace();
  });
  afterAll(async () => {
    await proxy?.mend();
    await server?.close();
    await proxy?.close();
  });

  /** Until the database answers again; then nothing may be left of its absence. */
  async function expectRecovery(): Promise<void> {
    await waitFor('the server to be ready again', async () => (await statusOf(server, '/readyz')) === 200);
    for (let round = 0; round < 10; round += 1) {
      const { status, body } = await server.query(COLLECTIONS, {}, { key: workspace.ownerKey });
      expect([status, body.errors]).toEqual([200, undefined]);
    }
  }

  test('and refuses connections: 503, never 401, and all is well once it is back', async () => {
    await proxy.cut();
    await expectUnavailable(server, workspace.ownerKey);
    await proxy.mend();
    await expectRecovery();
  });

  test('and stays away for a while: the first request after its return need not wait long', async () => {
    await proxy.cut();
    const end = performance.now() + 4_000;
    while (performance.now() < end) {
      const { status } = await server.query(COLLECTIONS, {}, { key: workspace.ownerKey, timeoutMs: PATIENCE_MS });
      expect(status).toBe(503);
    }
    await proxy.mend();
    await expectRecovery();
  });

  test('and hangs on connections that are open: work that cannot begin fails in time, and none of it is done later', async () => {
    const { databaseUrl, dataDir } = server.app.config;
    const database = await openDatabase({ databaseUrl, dataDir, poolSize: 1, waitMs: 500 });
    try {
      let done = 0;
      const work = () =>
        database.withSystem(async ({ sql }) => {
          done += 1;
          await sql`select 1`;
        });
      await work();
      const held = database.sql.begin((sql) => sql`select pg_sleep(3)`);
      const failure = await work().catch((error: unknown) => error);
      expect(isDatabaseUnavailable(failure)).toBe(true);
      await held;
      await work();
      expect(done).toBe(2);
    } finally {
      await database.close();
    }
  });

  test('statements and idle transactions end by the server’s own limits', async () => {
    const rows = await server.app.database.sql<{ name: string; setting: string }[]>`
      select name, setting from pg_settings
      where name in ('statement_timeout', 'idle_in_transaction_session_timeout')`;
    expect(rows.map(({ setting }) => setting)).toEqual(['60000', '60000']);
  });

  test('in the middle of requests: each is answered, with what it asked for or 503', async () => {
    const asked = Array.from({ length: 40 }, () =>
      server.query(COLLECTIONS, {}, { key: workspace.ownerKey, timeoutMs: PATIENCE_MS }),
    );
    await sleep(3);
    await proxy.cut();
    const statuses = new Set((await Promise.all(asked)).map(({ status }) => status));
    expect([...statuses].every((status) => status === 200 || status === 503)).toBe(true);
    await proxy.mend();
    await expectRecovery();
  });

  test('backend by backend, under load: no request hangs, none is told 401 or 500, and the process lives on', async () => {
    const admin = postgres(
      server.app.config.databaseUrl?.replace(`:${proxy.port}`, `:${new URL(postgresServer?.url ?? '').port || 5432}`) ??
        '',
      { max: 1 },
    );
    const seen = new Map<string, number>();
    let killed = 0;
    let running = true;
    const load = Array.from({ length: 8 }, async (_, worker) => {
      for (let round = 0; running; round += 1) {
        const { status, body } =
          round % 2 === 0
            ? await server.query(COLLECTIONS, {}, { key: workspace.ownerKey, timeoutMs: PATIENCE_MS })
            : await server.query(
                CREATE_COLLECTION,
                { name: `load ${worker} ${round}` },
                { key: workspace.ownerKey, timeoutMs: PATIENCE_MS },
              );
        const outcome = `${status} ${body.errors?.[0]?.extensions.code ?? 'ok'}`;
        seen.set(outcome, (seen.get(outcome) ?? 0) + 1);
      }
    });
    try {
      const beganAt = performance.now();
      // On a busy machine it takes longer until enough has happened.
      const isEnough = () => killed > 20 && seen.size >= 2;
      while (performance.now() < beganAt + (isEnough() ? 4_000 : 30_000)) {
        const rows = await admin`
          select pg_terminate_backend(pid) from pg_stat_activity
          where datname = current_database() and application_name = 'signalbox' and random() < 0.5`;
        killed += rows.length;
        await sleep(40);
      }
    } finally {
      running = false;
      await Promise.all(load);
      await admin.end();
    }
    expect(killed).toBeGreaterThan(20);
    expect([...seen.keys()].sort()).toEqual(['200 ok', '503 UNAVAILABLE']);
    await expectRecovery();
  });

  test('and hangs: requests are told 503 instead of waiting with it', async () => {
    proxy.freeze();
    expect(await statusOf(server, '/readyz')).toBe(503);
    expect(await statusOf(server, '/healthz')).toBe(200);
    await proxy.mend();
    await expectRecovery();
  });
});
