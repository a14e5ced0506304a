import { Writable } from 'node:stream';
import pino from 'pino';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { startTestServer, type TestServer, type TestWorkspace } from '../server-harness.ts';

const SECRET = 'sk-live-4f9a1c77d2e84b10';
const FAILURE = `select * from credentials failed at /srv/app/keys.ts:7 with the key ${SECRET}`;

let server: TestServer;
let workspace: TestWorkspace;
const logged: Record<string, unknown>[] = [];
beforeAll(async () => {
  const lines = new Writable({
    write(line: Buffer, _encoding, done) {
      logged.push(JSON.parse(line.toString()) as Record<string, unknown>);
      done();
    },
  });
  server = await startTestServer({ logger: pino({ level: 'error' }, lines) });
  workspace = await server.createWorkspace();
  // A defect that nobody has thought of, below everything that the product expects.
  await server.app.database.sql.unsafe(`
    create function fail_oddly() returns trigger language plpgsql as $$ begin raise exception '${FAILURE}'; end $$;
    create trigger fail_oddly before insert on collections for each row execute function fail_oddly()`);
});
afterAll(() => server?.close());
beforeEach(() => {
  logged.length = 0;
});

const CREATE = 'mutation { createCollection(input: { name: "Notes" }) { __typename } }';

describe('a failure that nobody expected', () => {
  test('is told with its request id and nothing of its own', async () => {
    const { status, body, headers } = await server.query(CREATE, {}, { key: workspace.ownerKey });
    expect(body.errors).toHaveLength(1);
    const [error] = body.errors ?? [];
    expect(error?.path).toEqual(['createCollection']);
    expect(error?.extensions).toEqual({ code: 'INTERNAL', requestId: headers.get('x-request-id') });
    expect(error?.message).toContain(headers.get('x-request-id'));
    expect(status).toBe(200);
    const told = JSON.stringify(body);
    for (const part of [SECRET, 'select', 'credentials', '/srv/app', 'insert', 'plpgsql', '.ts:', 'node_modules']) {
      expect(told).not.toContain(part);
    }
  });

  test('is logged once under that id, with its stack', async () => {
    const { headers } = await server.query(CREATE, {}, { key: workspace.ownerKey });
    const lines = logged.filter((line) => line.requestId === headers.get('x-request-id'));
    expect(lines).toHaveLength(1);
    expect(lines[0]?.err).toMatchObject({ type: 'PostgresError', stack: expect.stringContaining('collection-') });
  });

  test('is masked the same where the body came without its length', async () => {
    const inPieces = await fetch(`${server.url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${workspace.ownerKey}` },
      body: new Blob([JSON.stringify({ query: CREATE, operationName: null, extensions: {} })]).stream(),
      duplex: 'half',
    } as RequestInit);
    const told = await inPieces.text();
    expect(told).toContain('INTERNAL');
    expect(told).toContain(inPieces.headers.get('x-request-id'));
    expect(told).not.toContain(SECRET);
  });
});

describe('a failure that is expected', () => {
  test('keeps its message, has no stack and is not logged as a failure', async () => {
    const { body } = await server.query('{ collections { nodes { id } } }');
    expect(body.errors?.[0]?.message).toContain('API key');
    expect(JSON.stringify(body)).not.toMatch(/stack|\.ts:|node_modules/);
    expect(logged).toEqual([]);
  });

  test('never repeats the key that was sent', async () => {
    const key = 'sbx_thisIsAMistypedSecretOfSomebody';
    const { status, body } = await server.query('{ viewer { role } }', {}, { key });
    expect(status).toBe(401);
    expect(JSON.stringify(body)).not.toContain(key);
    expect(JSON.stringify(logged)).not.toContain(key);
  });
});
