import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { startTestServer, type TestServer, type TestWorkspace } from '../api/server-harness.ts';
import { openWorkspace, type WorkspaceClient } from '../api/workspace-client.ts';
import { importForm, postForm } from '../support/upload-form.ts';
import { waitFor } from '../support/wait-for.ts';

/** The third record has neither title nor text, and a cell that a spreadsheet would run. */
const RECORDS = 'title,text,"=cmd|\'/c calc\'!A1"\nOne,A first text,x\nTwo,A second text,x\n,,=1+1\n';

const IMPORT_TIMEOUT_MS = 30_000;

let server: TestServer;
let workspace: WorkspaceClient;
let imported: { id: string; reportUrl: string };
beforeAll(async () => {
  server = await startTestServer();
  workspace = await openWorkspace(server);
  imported = await importRecords(workspace);
});
afterAll(() => server?.close());
afterEach(() => {
  vi.useRealTimers();
});

async function importRecords(into: WorkspaceClient): Promise<{ id: string; reportUrl: string }> {
  const collectionId = await into.createCollection();
  const { body } = await postForm(server.url, importForm({ collectionId }, RECORDS), into.ownerKey);
  const started = body.data?.importDocuments;
  if (started?.__typename !== 'Import') throw new Error(`not imported: ${JSON.stringify(body)}`);
  await waitFor(
    'the import to be done',
    async () => {
      const query = 'query ($id: ID!) { node(id: $id) { ... on Job { status } } }';
      const { node } = await into.read<{ node: { status: string } }>(query, { id: started.job.id });
      return node.status === 'COMPLETED';
    },
    IMPORT_TIMEOUT_MS,
  );
  return started;
}

async function get(path: string, key?: string) {
  const headers = new Headers(key === undefined ? {} : { authorization: `Bearer ${key}` });
  const response = await fetch(`${server.url}${path}`, { headers });
  return { status: response.status, headers: response.headers, text: await response.text() };
}

const plainPath = (format = 'csv') => `/imports/${imported.id}/report.${format}`;
const tokenOf = (url: string) => new URL(url, server.url).searchParams.get('token') ?? '';

describe('the report of an import', () => {
  test('is a path where the server does not know its own address, and begins with it where it does', async () => {
    expect(imported.reportUrl).toMatch(new RegExp(`^/imports/${imported.id}/report\\.csv\\?token=`));
    const elsewhere = await startTestServer({ environment: { SIGNALBOX_PUBLIC_URL: 'https://box.example.com/ai/' } });
    const link = elsewhere.app.services.reportLinks.linkTo(workspace.id, imported.id, 'json');
    expect(link).toMatch(new RegExp(`^https://box.example.com/ai/imports/${imported.id}/report.json\\?token=`));
    await elsewhere.close();
  });

  test('is given to who has the link, as CSV of the errors and as JSON of everything', async () => {
    const csv = await get(imported.reportUrl);
    expect(csv.status).toBe(200);
    expect(csv.headers.get('content-type')).toMatch(/^text\/csv/);
    expect(csv.text.trim().split('\n')).toHaveLength(2);
    const json = await get(imported.reportUrl.replace('.csv', '.json'));
    expect(json.headers.get('content-type')).toMatch(/^application\/json/);
    expect(JSON.parse(json.text)).toMatchObject({
      records: { total: 3, imported: 2, failed: 1 },
      errors: [{ line: 4 }],
    });
  });

  test('is given to who has a key of the workspace, a viewer’s too', async () => {
    const { secret } = await server.createKey(workspace.ownerKey, 'VIEWER');
    expect((await get(plainPath(), workspace.ownerKey)).status).toBe(200);
    expect((await get(plainPath('json'), secret)).status).toBe(200);
  });

  test('is stored by a browser as a file, and never shown as a page', async () => {
    const { headers } = await get(imported.reportUrl);
    expect(headers.get('content-disposition')).toMatch(/^attachment; filename="imp_\w+-errors\.csv"/);
    expect(headers.get('x-content-type-options')).toBe('nosniff');
    expect(headers.get('content-security-policy')).toContain('sandbox');
    expect(headers.get('cache-control')).toContain('no-store');
    expect(headers.get('referrer-policy')).toBe('no-referrer');
  });

  test('has no cell that a spreadsheet runs', async () => {
    const { text } = await get(imported.reportUrl);
    expect(text).toContain('=1+1');
    for (const line of text.trim().split('\n')) {
      for (const cell of line.split(',')) expect(cell).not.toMatch(/^"?[=+\-@\t\r]/);
    }
  });

  test('does not exist for a key of another workspace', async () => {
    const other = await openWorkspace(server);
    expect((await get(plainPath(), other.ownerKey)).status).toBe(404);
    const link = server.app.services.reportLinks.linkTo(other.id, imported.id);
    expect((await get(link)).status).toBe(404);
  });

  test('is refused to who brings nothing, or a key that is not good', async () => {
    const nothing = await get(plainPath());
    expect(nothing.status).toBe(401);
    expect(JSON.parse(nothing.text)).toMatchObject({ errors: [{ extensions: { code: 'UNAUTHENTICATED' } }] });
    expect((await get(plainPath(), 'sbx_nobody')).status).toBe(401);
    // A link does not make up for a key that is not good.
    expect((await get(imported.reportUrl, 'sbx_nobody')).status).toBe(401);
  });

  test('is not there under other names', async () => {
    expect((await get(`/imports/${imported.id}/report.xlsx`, workspace.ownerKey)).status).toBe(404);
    expect((await get('/imports/', workspace.ownerKey)).status).toBe(404);
    expect((await get(plainPath().replace('imp_', 'imp_x'), workspace.ownerKey)).status).toBe(404);
    expect((await fetch(`${server.url}${imported.reportUrl}`, { method: 'POST' })).status).toBe(405);
  });
});

describe('a link', () => {
  test('is good for its import alone', async () => {
    const second = await importRecords(workspace);
    const mixed = `/imports/${second.id}/report.csv?token=${tokenOf(imported.reportUrl)}`;
    expect((await get(mixed)).status).toBe(401);
  });

  test('is not good once anything in it was changed', async () => {
    const token = tokenOf(imported.reportUrl);
    const [workspaceId = '', expiry = '', signature = ''] = token.split('.');
    const other: TestWorkspace = await server.createWorkspace();
    const forged = [
      `${other.id}.${expiry}.${signature}`,
      `${workspaceId}.${Number(expiry) + 1}.${signature}`,
      `${workspaceId}.${expiry}.${signature.replace(/^./, (first) => (first === 'A' ? 'B' : 'A'))}`,
      `${workspaceId}.${expiry}.`,
      `${workspaceId}.${expiry}`,
      '',
      'x',
      '%00',
    ];
    for (const one of forged) expect((await get(`${plainPath()}?token=${one}`)).status).toBe(401);
  });

  test('is good for an hour', async () => {
    const { reportLinks } = server.app.services;
    const made = Date.now() - 61 * 60_000;
    vi.useFakeTimers({ toFake: ['Date'], now: made });
    const old = reportLinks.linkTo(workspace.id, imported.id);
    vi.setSystemTime(made + 59 * 60_000);
    expect(reportLinks.workspaceOf(imported.id, tokenOf(old))).toBe(workspace.id);
    vi.useRealTimers();
    const refused = await get(old);
    expect(refused.status).toBe(401);
    expect(refused.text).toContain('ask for the reportUrl of the import again');
  });

  test('of a workspace that is gone is refused', async () => {
    const link = server.app.services.reportLinks.linkTo('ws_00000000000000000000000000', imported.id);
    expect((await get(link)).status).toBe(401);
  });
});
