import { Writable } from 'node:stream';
import pino from 'pino';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Provider } from '../../../src/plugins/contract.ts';
import { startTestServer, type TestServer, type TestWorkspace } from '../server-harness.ts';

const SECRET = 'sk-live-4f9a1c77d2e84b10';
const FAILURE = `select * from credentials failed at /srv/app/keys.ts:7 with the key ${SECRET}`;

let server: TestServer;
let workspace: TestWorkspace;
let failing = false;
const logged: Record<string, unknown>[] = [];
beforeAll(async () => {
  const lines = new Writable({
    write(line: Buffer, _encoding, done) {
      logged.push(JSON.parse(line.toString()) as Record<string, unknown>);
      done();
    },
  });
  server = await startTestServer({ logger: pino({ level: 'error' }, lines), wrapProvider: failingProvider });
  workspace = await server.createWorkspace();
});
afterAll(() => server?.close());
beforeEach(() => {
  logged.length = 0;
  failing = true;
});

/** The shipped provider, with a defect of a kind that nobody has thought of. */
function failingProvider(provider: Provider): Provider {
  return Object.create(provider, {
    listModels: {
      value: (...asked: Parameters<Provider['listModels']>) => {
        if (failing) throw new TypeError(FAILURE);
        return provider.listModels(...asked);
      },
    },
  }) as Provider;
}

const MODELS = '{ models { id } }';

describe('a failure that nobody expected', () => {
  test('is told with its request id and nothing of its own', async () => {
    const { status, body, headers } = await server.query(MODELS, {}, { key: workspace.ownerKey });
    expect(body.errors).toHaveLength(1);
    const [error] = body.errors ?? [];
    expect(error?.extensions.code).toBe('INTERNAL');
    expect(error?.extensions.requestId).toBe(headers.get('x-request-id'));
    expect(error?.message).toContain(headers.get('x-request-id'));
    expect(status).toBeLessThan(600);
    const told = JSON.stringify(body);
    for (const part of [SECRET, 'select', 'credentials', '/srv/app', 'TypeError', '.ts:', 'node_modules', 'stack']) {
      expect(told).not.toContain(part);
    }
  });

  test('is logged once under that id, with its stack', async () => {
    const { headers } = await server.query(MODELS, {}, { key: workspace.ownerKey });
    const lines = logged.filter((line) => line.requestId === headers.get('x-request-id'));
    expect(lines).toHaveLength(1);
    expect(lines[0]?.err).toMatchObject({ type: 'TypeError', stack: expect.stringContaining('masked-errors.test') });
  });

  test('takes no other field of the request along', async () => {
    const { body } = await server.query(
      '{ viewer { role } models { id } }',
      {},
      { key: workspace.ownerKey, headers: { accept: 'application/json' } },
    );
    expect(body.errors?.[0]?.extensions.code).toBe('INTERNAL');
    expect(body.errors?.[0]?.path).toEqual(['models']);
  });

  test('ends with its cause', async () => {
    failing = false;
    expect((await server.query(MODELS, {}, { key: workspace.ownerKey })).body.errors).toBeUndefined();
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
