import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestServer, type TestServer, type TestWorkspace } from '../server-harness.ts';

let server: TestServer;
let workspace: TestWorkspace;
beforeAll(async () => {
  server = await startTestServer();
  workspace = await server.createWorkspace();
});
afterAll(() => server?.close());

const VIEWER = '{ viewer { role workspace { id } apiKey { id } } }';

describe('the root key', () => {
  test('is made once, with 256 random bits, and kept for its owner’s eyes alone', () => {
    const file = join(server.app.config.dataDir, 'root-key');
    expect(readFileSync(file, 'utf8').trim()).toBe(server.rootKey);
    expect(server.rootKey).toMatch(/^sbx_root_[\w-]{43}$/);
    expect(statSync(file).mode & 0o777).toBe(0o600);
  });

  test('belongs to no workspace, and says how to enter one', async () => {
    expect((await server.query(VIEWER, {}, { key: server.rootKey })).body.data).toEqual({
      viewer: { role: 'OWNER', workspace: null, apiKey: null },
    });
    const { body } = await server.query('{ collections { nodes { id } } }', {}, { key: server.rootKey });
    expect(body.errors?.[0]?.extensions.code).toBe('FORBIDDEN');
    expect(body.errors?.[0]?.message).toContain('X-Signalbox-Workspace');
  });

  test.each(['id', 'slug'] as const)('enters the workspace whose %s the header names', async (name) => {
    const headers = { 'x-signalbox-workspace': workspace[name] };
    const { body } = await server.query<{ viewer: { workspace: { id: string } } }>(
      VIEWER,
      {},
      { key: server.rootKey, headers },
    );
    expect(body.data?.viewer.workspace.id).toBe(workspace.id);
    const collections = await server.query('{ collections { nodes { id } } }', {}, { key: server.rootKey, headers });
    expect(collections.body).toEqual({ data: { collections: { nodes: [] } } });
  });

  test('is told where the header names no workspace', async () => {
    const headers = { 'x-signalbox-workspace': 'nowhere' };
    const { body } = await server.query(VIEWER, {}, { key: server.rootKey, headers });
    expect(body.errors?.[0]?.extensions.code).toBe('BAD_INPUT');
    expect(body.errors?.[0]?.message).toContain('X-Signalbox-Workspace');
  });

  test('lists all workspaces, in pages', async () => {
    await server.createWorkspace();
    const page = (after: string | null) =>
      server.query<{ workspaces: { nodes: { id: string }[]; pageInfo: { endCursor: string; hasNextPage: boolean } } }>(
        'query ($after: String) { workspaces(first: 1, after: $after) { nodes { id } pageInfo { endCursor hasNextPage } } }',
        { after },
        { key: server.rootKey },
      );
    const first = (await page(null)).body.data?.workspaces;
    const second = (await page(first?.pageInfo.endCursor ?? null)).body.data?.workspaces;
    expect(first?.pageInfo.hasNextPage).toBe(true);
    expect(second?.pageInfo.hasNextPage).toBe(false);
    expect(new Set([first?.nodes[0]?.id, second?.nodes[0]?.id]).size).toBe(2);
  });

  test('the header gives a key of a workspace nothing', async () => {
    const other = await server.createWorkspace();
    const { body } = await server.query<{ viewer: { workspace: { id: string } } }>(
      VIEWER,
      {},
      { key: workspace.ownerKey, headers: { 'x-signalbox-workspace': other.id } },
    );
    expect(body.data?.viewer.workspace.id).toBe(workspace.id);
  });

  test('one that is nearly right is refused', async () => {
    for (const key of [server.rootKey.slice(0, -1), `${server.rootKey}x`, server.rootKey.toUpperCase(), 'sbx_root_']) {
      expect((await server.query(VIEWER, {}, { key })).status).toBe(401);
    }
  });
});
