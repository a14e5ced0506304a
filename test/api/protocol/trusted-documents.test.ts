import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createClient } from 'graphql-ws';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import WebSocket from 'ws';
import { makeTempFolder, type TempFolder } from '../../support/temp-folder.ts';
import { startTestServer, type TestServer } from '../server-harness.ts';

const TRUSTED = '{ viewer { role } }';
const HASH = 'who-am-i';
const OTHER = '{ viewer { permissions } }';

const named = (sha256Hash: string) => ({ persistedQuery: { version: 1, sha256Hash } });

describe('a server with trusted documents', () => {
  let folder: TempFolder;
  let server: TestServer;
  let key: string;

  beforeAll(async () => {
    folder = makeTempFolder('trusted');
    const path = join(folder.path, 'documents.json');
    const create = `mutation Create($input: CreateWorkspaceInput!) {
      createWorkspace(input: $input) { ... on CreatedWorkspace { ownerKey { secret } } }
    }`;
    writeFileSync(path, JSON.stringify({ [HASH]: TRUSTED, create }));
    server = await startTestServer({ environment: { SIGNALBOX_TRUSTED_DOCUMENTS: path } });
    const made = await post({ extensions: named('create'), variables: { input: { name: 'One' } } }, server.rootKey);
    key = (made.data as { createWorkspace: { ownerKey: { secret: string } } }).createWorkspace.ownerKey.secret;
  });

  afterAll(async () => {
    await server?.close();
    await folder?.remove();
  });

  async function post(body: object, credential: string) {
    const response = await fetch(`${server.url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${credential}` },
      body: JSON.stringify(body),
    });
    return (await response.json()) as { data?: unknown; errors?: { extensions: { code: string } }[] };
  }

  async function overWebSocket(payload: { query: string; extensions?: Record<string, unknown> }) {
    const client = createClient({
      url: server.wsUrl,
      webSocketImpl: WebSocket,
      connectionParams: { authorization: `Bearer ${key}` },
      retryAttempts: 0,
    });
    try {
      for await (const result of client.iterate(payload)) return { data: result.data, errors: result.errors };
      return null;
    } catch (errors) {
      return { data: undefined, errors: errors as { extensions: { code: string } }[] };
    } finally {
      await client.dispose();
    }
  }

  test('executes the document that a hash names, over HTTP and over a WebSocket', async () => {
    const data = { viewer: { role: 'OWNER' } };
    expect(await post({ extensions: named(HASH) }, key)).toEqual({ data });
    expect(await overWebSocket({ query: '', extensions: named(HASH) })).toEqual({ data, errors: undefined });
  });

  test.each([
    ['a document of the client', { query: OTHER }],
    ['a trusted document as text', { query: TRUSTED }],
    ['another document beside a good hash', { query: OTHER, extensions: named(HASH) }],
    ['a hash that is not in the list', { query: '', extensions: named('toString') }],
    ['nothing at all', { query: '' }],
  ])('refuses %s, over HTTP and over a WebSocket', async (_what, payload) => {
    for (const answer of [await post(payload, key), await overWebSocket(payload)]) {
      expect(answer?.data ?? null).toBeNull();
      expect(answer?.errors?.[0]?.extensions?.code).toBe('BAD_INPUT');
    }
  });
});
