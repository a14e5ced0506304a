import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestServer, type TestServer, type TestWorkspace } from '../api/server-harness.ts';

const run = promisify(execFile);

const WRITE = /* GraphQL */ `
  mutation Write($input: UpsertDocumentsInput!) {
    upsertDocuments(input: $input) { __typename ... on UpsertedDocuments { created } }
  }
`;
const MAKE_COLLECTION = /* GraphQL */ `
  mutation Make { createCollection(input: { name: "Notes", kind: TEXT }) { ... on Collection { id } } }
`;

const NOTES = [
  { title: 'Two lorries at one door', text: 'Dock doors were double booked again this morning.' },
  { title: 'Invoices', text: 'The invoice run starts on the first of the month.' },
];

describe('the examples, run as a reader runs them', () => {
  let server: TestServer;
  let workspace: TestWorkspace;

  beforeAll(async () => {
    server = await startTestServer();
    workspace = await server.createWorkspace();
    const key = workspace.ownerKey;
    const made = await server.query<{ createCollection: { id: string } }>(MAKE_COLLECTION, {}, { key });
    const collectionId = made.body.data?.createCollection.id;
    const input = { collectionId, documents: NOTES, wait: true };
    const written = await server.query<{ upsertDocuments: { created: number } }>(WRITE, { input }, { key });
    expect(written.body.data?.upsertDocuments.created).toBe(NOTES.length);
  });

  afterAll(() => server?.close());

  async function example(name: string, ...args: string[]): Promise<string[]> {
    const file = fileURLToPath(new URL(`../../examples/${name}.ts`, import.meta.url));
    const environment = { ...process.env, SIGNALBOX_URL: `${server.url}/graphql`, SIGNALBOX_KEY: workspace.ownerKey };
    const { stdout } = await run(process.execPath, [file, ...args], { env: environment, timeout: 55_000 });
    return stdout.trimEnd().split('\n');
  }

  test('the first query finds the document that says the same in the first place', async () => {
    const lines = await example('first-query', 'dock doors double booked');
    expect(lines[0]).toMatch(/^1 .*TEXT.*Two lorries at one door$/);
    expect(lines.at(-1)).toBe('searched: HYBRID_EXACT');
  });

  test('writing the same documents again changes nothing, and they are found and classified', async () => {
    const [first, again, found] = await example('write-and-search');
    expect(first).toBe('first: 2 created, 0 updated, 0 unchanged');
    expect(again).toBe('again: 0 created, 0 updated, 2 unchanged');
    expect(found).toBe('found: Export stops, BUG, NEGATIVE');
  });

  test('usage comes over the WebSocket, once a second', async () => {
    const lines = await example('watch-usage', '2');
    expect(lines).toHaveLength(2);
    for (const line of lines) expect(line).toMatch(/^today: [1-9]\d* requests, [1-9]\d* texts embedded/);
  });
});
