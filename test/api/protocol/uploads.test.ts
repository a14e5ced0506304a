import { once } from 'node:events';
import { readdirSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { makeTempFolder, type TempFolder } from '../../support/temp-folder.ts';
import { importForm, postForm, uploadForm } from '../../support/upload-form.ts';
import { waitFor } from '../../support/wait-for.ts';
import { startTestServer, type TestServer } from '../server-harness.ts';
import { openWorkspace, type WorkspaceClient } from '../workspace-client.ts';

const MAX_BYTES = 100_000;

let server: TestServer;
let workspace: WorkspaceClient;
let collectionId: string;
let folder: TempFolder;
beforeAll(async () => {
  folder = makeTempFolder('uploads');
  server = await startTestServer({
    environment: { SIGNALBOX_UPLOAD_MAX_BYTES: String(MAX_BYTES), SIGNALBOX_FILES_DIR: folder.path },
  });
  workspace = await openWorkspace(server);
  collectionId = await workspace.createCollection();
});
afterAll(async () => {
  await server?.close();
  await folder?.remove();
});

const files = () =>
  readdirSync(folder.path, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile()).length;

/** The beginning of a multipart request that imports a file, as it goes over the socket. */
function beginning(key: string | null): string {
  const field = (name: string, content: string) =>
    `--b\r\ncontent-disposition: form-data; name="${name}"\r\n\r\n${content}`;
  const query = 'mutation ($input: ImportDocumentsInput!) { importDocuments(input: $input) { __typename } }';
  const operations = JSON.stringify({ query, variables: { input: { collectionId, file: null } } });
  const body = `${field('operations', operations)}\r\n${field('map', '{"0":["variables.input.file"]}')}\r\n${field('0', 'title,text\n')}`;
  return (
    `POST /graphql HTTP/1.1\r\nhost: x\r\ncontent-type: multipart/form-data; boundary=b\r\ncontent-length: ${body.length + 50_000}\r\n` +
    `${key === null ? 'x-signalbox-csrf: 1' : `authorization: Bearer ${key}`}\r\n\r\n${body}`
  );
}

test('a File that is given as JSON is BAD_INPUT, with the way to send it', async () => {
  const query = 'mutation ($input: ImportDocumentsInput!) { importDocuments(input: $input) { __typename } }';
  for (const file of ['letters.csv', { open: true }, null, ['x']]) {
    const { errors } = await workspace.ask(query, { input: { collectionId, file } });
    expect(errors?.[0]?.extensions.code).toBe('BAD_INPUT');
    if (file !== null) expect(errors?.[0]?.message).toContain('multipart/form-data');
  }
  const literal = `mutation { importDocuments(input: { collectionId: "${collectionId}", file: "x" }) { __typename } }`;
  expect((await workspace.ask(literal)).errors?.[0]?.message).toContain('multipart/form-data');
});

test('a query that comes as multipart is answered as one that comes as JSON', async () => {
  const query = 'query ($texts: [String!]!) { embed(texts: $texts) { dimensions } }';
  const form = uploadForm(
    { query, variables: { texts: [`a text ${crypto.randomUUID()}`], ignored: null } },
    'variables.ignored',
    '',
    'x',
  );
  const { status, body } = await postForm(server.url, form, workspace.ownerKey);
  expect(status).toBe(200);
  expect(body).toMatchObject({
    data: { embed: [{ dimensions: 768 }] },
    extensions: { usage: { costUsd: expect.any(String) } },
  });
});

test('a multipart request has the limits of one with JSON', async () => {
  const deep = `{ ${'collections { nodes { documents { nodes { collection { '.repeat(5)} id ${'} } } } }'.repeat(5)} }`;
  const form = uploadForm({ query: deep, variables: { file: null } }, 'variables.file', '', 'x');
  expect((await postForm(server.url, form, workspace.ownerKey)).body.errors?.[0]?.extensions.code).toBe(
    'QUERY_TOO_COSTLY',
  );
});

describe('credentials are checked before the file is read', () => {
  test.each([
    ['that are not good', 'sbx_nobody', /^HTTP\/1.1 401[\s\S]*UNAUTHENTICATED/],
    ['that are not there', null, /UNAUTHENTICATED/],
  ])('%s', async (_, key, refusal) => {
    const { hostname, port } = new URL(server.url);
    const socket = connect(Number(port), hostname);
    const answer = text(socket);
    socket.write(beginning(key));
    // The file has not come, and will not.
    await waitFor('an answer', () => socket.bytesRead > 0);
    socket.end();
    expect(await answer).toMatch(refusal);
    expect(files()).toBe(0);
  });

  test('of a key that may not write', async () => {
    const { secret } = await server.createKey(workspace.ownerKey, 'VIEWER');
    const { body } = await postForm(server.url, importForm({ collectionId }, 'title,text\na,b\n'), secret);
    expect(body.data?.importDocuments).toMatchObject({ __typename: 'ForbiddenError' });
    expect(files()).toBe(0);
  });
});

test('a file that is too large is refused as a typed error, and nothing of it is kept', async () => {
  const form = importForm({ collectionId }, `title,text\n${'a,some words\n'.repeat(MAX_BYTES / 10)}`);
  const { body } = await postForm(server.url, form, workspace.ownerKey);
  expect(body.data?.importDocuments).toMatchObject({ __typename: 'InvalidInputError', code: 'BAD_INPUT' });
  expect(body.data?.importDocuments.message).toContain(`a file may have ${MAX_BYTES} bytes`);
  expect(files()).toBe(0);
});

test('a client that breaks off in the middle of its file leaves no import and no file', async () => {
  const { hostname, port } = new URL(server.url);
  const socket = connect(Number(port), hostname);
  socket.on('error', () => undefined);
  socket.write(beginning(workspace.ownerKey));
  await waitFor('the file to be written', () => files() === 1);
  socket.resetAndDestroy();
  await once(socket, 'close');
  await waitFor('nothing to be left', () => files() === 0);
  const { jobs } = await workspace.read<{ jobs: { nodes: object[] } }>('{ jobs(kinds: [IMPORT]) { nodes { id } } }');
  expect(jobs.nodes).toEqual([]);
});

test('a file that is imported is stored, whatever its name', async () => {
  const { body } = await postForm(
    server.url,
    importForm({ collectionId }, 'title,text\na,b\n', '../../../etc/passwd'),
    workspace.ownerKey,
  );
  expect(body.data?.importDocuments).toMatchObject({ __typename: 'Import', fileName: 'passwd' });
  expect(files()).toBe(1);
});

test('with trusted documents, a multipart request names its document by its hash', async () => {
  const path = join(folder.path, 'trusted.json');
  writeFileSync(path, JSON.stringify({ who: '{ viewer { role } }' }));
  const trusting = await startTestServer({ environment: { SIGNALBOX_TRUSTED_DOCUMENTS: path } });
  try {
    const send = (operations: object) =>
      postForm(trusting.url, uploadForm({ ...operations, variables: { file: null } }, 'variables.file', '', 'x'), null);
    const trusted = { extensions: { persistedQuery: { version: 1, sha256Hash: 'who' } } };
    // The document is executed, and refuses nobody for its form.
    expect((await send(trusted)).body.errors?.[0]?.extensions.code).toBe('UNAUTHENTICATED');
    expect((await send({ query: '{ viewer { role } }' })).body.errors?.[0]?.message).toMatch(/persisted/i);
  } finally {
    await trusting.close();
  }
});
