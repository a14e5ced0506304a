import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { startTestServer, type TestServer } from '../server-harness.ts';
import { openWorkspace, type WorkspaceClient } from '../workspace-client.ts';

let server: TestServer;
let workspace: WorkspaceClient;
beforeAll(async () => {
  server = await startTestServer();
});
beforeEach(async () => {
  workspace = await openWorkspace(server);
});
afterAll(() => server.close());

interface Embedding {
  text: string;
  vector: number[];
  model: string;
  dimensions: number;
  tokenCount: number;
  cached: boolean;
}

const EMBED = /* GraphQL */ `
  query Embed($texts: [String!]!, $model: ID) {
    embed(texts: $texts, model: $model) { text vector model dimensions tokenCount cached }
  }
`;

async function embed(texts: string[], model?: string): Promise<Embedding[]> {
  return (await workspace.read<{ embed: Embedding[] }>(EMBED, { texts, model })).embed;
}

async function embeddingsMade(): Promise<number> {
  const { usage } = await workspace.read<{ usage: { total: { embeddings: number } } }>(
    '{ usage { total { embeddings } } }',
  );
  return usage.total.embeddings;
}

const dot = (left: number[], right: number[]) => left.reduce((sum, value, i) => sum + value * (right[i] ?? 0), 0);

test('vectors come in the order of the texts, with norm 1 and the length of the model', async () => {
  const texts = ['A red boat.', 'Stock prices fell.', 'A crimson ship.'];
  const embeddings = await embed(texts);
  expect(embeddings.map(({ text }) => text)).toEqual(texts);
  for (const { vector, model, dimensions, tokenCount } of embeddings) {
    expect(model).toBe('local/use-lite-768');
    expect(dimensions).toBe(768);
    expect(vector).toHaveLength(768);
    expect(dot(vector, vector)).toBeCloseTo(1, 4);
    expect(tokenCount).toBeGreaterThan(0);
  }
  const [boat, prices, ship] = embeddings.map(({ vector }) => vector) as [number[], number[], number[]];
  expect(dot(boat, ship)).toBeGreaterThan(dot(boat, prices));
});

test('the order holds for many texts of different lengths', async () => {
  const texts = Array.from({ length: 90 }, (_, i) => `Text ${i} ${'word '.repeat((i * 7) % 40)}`);
  const together = await embed(texts);
  expect(together.map(({ text }) => text)).toEqual(texts);
  workspace = await openWorkspace(server);
  const [alone] = await embed([texts[57] as string]);
  expect(dot(alone?.vector ?? [], together[57]?.vector ?? [])).toBeCloseTo(1, 3);
});

test('a text that stands twice is embedded once and answered twice', async () => {
  const [first, other, second] = await embed(['Again.', 'Something else.', 'Again.']);
  expect(second?.vector).toEqual(first?.vector);
  expect(other?.vector).not.toEqual(first?.vector);
  expect(await embeddingsMade()).toBe(2);
});

test('an empty text and one of spaces have a vector, the same one', async () => {
  const [empty, blank] = await embed(['', ' \n\t ']);
  expect(empty?.text).toBe('');
  expect(blank?.text).toBe(' \n\t ');
  expect(empty?.vector).toHaveLength(768);
  expect(empty?.vector.every(Number.isFinite)).toBe(true);
  expect(blank?.vector).toEqual(empty?.vector);
});

test('spaces around a text do not count', async () => {
  const [bare, padded] = await embed(['Low tide.', '  Low tide.\n']);
  expect(padded?.vector).toEqual(bare?.vector);
});

test('the second time a text comes from the cache, at no cost', async () => {
  const [first] = await embed(['Once made, kept for a week.']);
  const [second] = await embed(['Once made, kept for a week.']);
  expect([first?.cached, second?.cached]).toEqual([false, true]);
  expect(second?.vector).toEqual(first?.vector);
  expect(second?.tokenCount).toBe(first?.tokenCount);
  expect(await embeddingsMade()).toBe(1);
});

test('what one workspace had embedded is not in the cache of another', async () => {
  await embed(['A text of both.']);
  workspace = await openWorkspace(server);
  expect((await embed(['A text of both.']))[0]?.cached).toBe(false);
});

test('a model can be named; one that is not there is refused with the list of those that are', async () => {
  expect((await embed(['Named.'], 'local/use-lite-768'))[0]?.model).toBe('local/use-lite-768');
  for (const model of ['local/nothing', 'nobody/use-lite-768', '', 'use-lite-768']) {
    const { data, errors } = await workspace.ask<{ embed: Embedding[] }>(EMBED, { texts: ['x'], model });
    expect(data).toBeFalsy();
    expect(errors?.[0]?.extensions.code).toBe('NO_PROVIDER');
    expect(errors?.[0]?.message).toContain('local/use-lite-768');
  }
});

test('a call may carry 1,000 texts, and not 1,001', async () => {
  const texts = Array.from({ length: 1_001 }, (_, i) => `t${i % 50}`);
  expect(await workspace.errorCode(EMBED, { texts })).toBe('BAD_INPUT');
  expect(await embeddingsMade()).toBe(0);
  expect(await embed(texts.slice(1))).toHaveLength(1_000);
  expect(await embeddingsMade()).toBe(50);
});

test('no texts give no vectors', async () => {
  expect(await embed([])).toEqual([]);
});

test('a text with NUL, half a surrogate pair or a million characters has a vector', async () => {
  for (const { vector } of await embed(['a\u0000b', '\ud83d', '🧾 請求書', 'long '.repeat(200_000)])) {
    expect(dot(vector, vector)).toBeCloseTo(1, 4);
  }
});

test('a viewer may not have models work on texts', async () => {
  const { secret } = await server.createKey(workspace.ownerKey, 'VIEWER');
  const { body } = await server.query(EMBED, { texts: ['x'] }, { key: secret });
  expect(body.errors?.[0]?.extensions).toMatchObject({ code: 'FORBIDDEN', requiredPermission: 'AI_USE' });
});
