import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { startTestServer, type TestServer } from '../server-harness.ts';
import { openWorkspace, type WorkspaceClient, workspaceClient } from '../workspace-client.ts';
import { DARK_MODE, PASSWORD_RESET, PDF_EXPORT, PLANTED, STRANGERS } from './planted-feedback.ts';
import { storeThemed, themesByText, themesOf } from './themes-client.ts';

const NAMES = ['Dark mode', 'PDF export', 'Password reset'];
const DAY_MS = 86_400_000;

let server: TestServer;
let workspace: WorkspaceClient;
let collectionId: string;

beforeAll(async () => {
  server = await startTestServer();
});
beforeEach(async () => {
  workspace = await openWorkspace(server);
  collectionId = await workspace.createCollection('FEEDBACK');
});
afterAll(() => server?.close());

const named = (themes: readonly { id: string; name: string }[], name: string) => {
  const theme = themes.find((each) => each.name === name);
  if (theme === undefined) throw new Error(`there is no theme ${name} among ${themes.map((each) => each.name)}`);
  return theme;
};

describe('the task THEMES', () => {
  test('finds what documents are about, in their collection and in the workspace, and names it by their words', async () => {
    await storeThemed(workspace, collectionId, PLANTED);
    for (const scope of [collectionId, undefined]) {
      const themes = await themesOf(workspace, scope);
      expect(themes.map(({ name }) => name).sort()).toEqual(NAMES);
      const texts = new Map(
        themes.map(({ name, documents }) => [name, documents.nodes.map(({ text }) => text).sort()]),
      );
      expect(texts.get('PDF export')).toEqual(PDF_EXPORT.toSorted());
      expect(texts.get('Dark mode')).toEqual(DARK_MODE.toSorted());
      expect(texts.get('Password reset')).toEqual(PASSWORD_RESET.toSorted());
      for (const theme of themes) {
        expect(theme.documentCount).toBe(10);
        expect(theme.documents.totalCount).toBe(10);
        expect(theme.keywords[0]?.toLowerCase()).toBe(theme.name.toLowerCase());
      }
    }
  });

  test('gives a document the theme of its collection and that of the workspace, and a stranger none', async () => {
    const ids = await storeThemed(workspace, collectionId, PLANTED);
    const byText = await themesByText(workspace, ids);
    const own = named(await themesOf(workspace, collectionId), 'Dark mode');
    const all = named(await themesOf(workspace), 'Dark mode');
    for (const text of DARK_MODE) expect(byText.get(text)?.map(({ id }) => id)).toEqual([own.id, all.id]);
    for (const text of STRANGERS) expect(byText.get(text)).toEqual([]);
  });

  test('keeps the ids and names of the themes when a tenth more documents come, whatever they are about', async () => {
    await storeThemed(workspace, collectionId, PLANTED);
    const before = await themesOf(workspace, collectionId);
    const more = [
      'PDF export has the wrong margins',
      'Password reset fails on my phone',
      'Dark mode drains my battery',
    ];
    await storeThemed(workspace, collectionId, [...more, 'Where do I find my invoices?']);
    const after = await themesOf(workspace, collectionId);
    const idsByName = (themes: typeof after) => themes.map(({ id, name }) => `${name} ${id}`).sort();
    expect(idsByName(after)).toEqual(idsByName(before));
    expect(after.map(({ documentCount }) => documentCount)).toEqual([11, 11, 11]);
  });

  test('finds a new theme once enough documents are about it, beside those that were there', async () => {
    await storeThemed(workspace, collectionId, [...PDF_EXPORT, ...DARK_MODE]);
    const before = await themesOf(workspace, collectionId);
    await storeThemed(workspace, collectionId, PASSWORD_RESET);
    const after = await themesOf(workspace, collectionId);
    expect(after.map(({ name }) => name).sort()).toEqual(NAMES);
    for (const { id, name } of before) expect(named(after, name).id).toBe(id);
  });

  test('finds none in a handful of documents', async () => {
    const ids = await storeThemed(workspace, collectionId, PDF_EXPORT.slice(0, 4));
    expect(await themesOf(workspace, collectionId)).toEqual([]);
    const byText = await themesByText(workspace, ids);
    expect([...byText.values()]).toEqual([[], [], [], []]);
  });
});

describe('themes', () => {
  test('are not there, and those of documents are null, until somebody asked for them', async () => {
    const ids = await storeThemed(workspace, collectionId, PLANTED, { tasks: ['EMBED'] });
    expect(await themesOf(workspace)).toEqual([]);
    expect(new Set((await themesByText(workspace, ids)).values())).toEqual(new Set([null]));
  });

  test('take in a document as soon as it is embedded', async () => {
    await storeThemed(workspace, collectionId, PLANTED);
    const [id = ''] = await storeThemed(workspace, collectionId, ['The PDF export cuts off my table'], {
      tasks: ['EMBED'],
    });
    const theme = named(await themesOf(workspace, collectionId), 'PDF export');
    expect((await themesByText(workspace, [id])).get('The PDF export cuts off my table')?.[0]?.id).toBe(theme.id);
    expect(theme).toMatchObject({ documentCount: 11, documents: { totalCount: 11 } });
  });

  test('lose documents that are deleted', async () => {
    const ids = await storeThemed(workspace, collectionId, PLANTED);
    const mutation = `mutation ($ids: [ID!]!) { deleteDocuments(input: { ids: $ids }) { __typename } }`;
    await workspace.read(mutation, { ids: ids.slice(0, 4) });
    for (const scope of [collectionId, undefined]) {
      const theme = named(await themesOf(workspace, scope), 'PDF export');
      expect(theme).toMatchObject({ documentCount: 6, documents: { totalCount: 6 } });
    }
  });

  test('are found by their ids, and come in pages with the largest first', async () => {
    await storeThemed(workspace, collectionId, [...PLANTED, 'Dark mode is too dark', 'Dark mode looks nice']);
    const themes = await themesOf(workspace, collectionId);
    expect(themes[0]?.name).toBe('Dark mode');
    const found = await workspace.read<{ node: unknown }>(
      'query ($id: ID!) { node(id: $id) { __typename id ... on Theme { name documentCount } } }',
      { id: themes[0]?.id },
    );
    expect(found.node).toEqual({ __typename: 'Theme', id: themes[0]?.id, name: 'Dark mode', documentCount: 12 });
    const ids: string[] = [];
    let after: string | null = null;
    do {
      const page: { themes: { nodes: { id: string }[]; pageInfo: { endCursor: string; hasNextPage: boolean } } } =
        await workspace.read(
          'query ($c: ID, $a: String) { themes(collectionId: $c, first: 1, after: $a) { nodes { id } pageInfo { endCursor hasNextPage } } }',
          { c: collectionId, a: after },
        );
      ids.push(...page.themes.nodes.map(({ id }) => id));
      after = page.themes.pageInfo.hasNextPage ? page.themes.pageInfo.endCursor : null;
    } while (after !== null);
    expect(ids).toEqual(themes.map(({ id }) => id));
  });

  test('are nobody else’s', async () => {
    await storeThemed(workspace, collectionId, PLANTED);
    const [theme] = await themesOf(workspace);
    const neighbour = await openWorkspace(server);
    expect(await themesOf(neighbour)).toEqual([]);
    expect(
      await neighbour.errorCode('query ($c: ID) { themes(collectionId: $c) { nodes { id } } }', { c: collectionId }),
    ).toBe('NOT_FOUND');
    expect(await neighbour.errorCode('query ($id: ID!) { node(id: $id) { id } }', { id: theme?.id })).toBe('NOT_FOUND');
  });

  test('can be read by a viewer', async () => {
    await storeThemed(workspace, collectionId, PLANTED);
    const { secret } = await server.createKey(workspace.ownerKey, 'VIEWER');
    const viewer = workspaceClient(server, { ...workspace, ownerKey: secret });
    expect((await themesOf(viewer)).map(({ name }) => name).sort()).toEqual(NAMES);
  });
});

describe('the trend of a theme', () => {
  const daysAgo = (days: number) => ({ createdAt: new Date(Date.now() - days * DAY_MS) });

  test('is what its share of the last week’s documents is above that of the four weeks before', async () => {
    await storeThemed(workspace, collectionId, [...DARK_MODE, ...PDF_EXPORT.slice(0, 6)], daysAgo(20));
    await storeThemed(workspace, collectionId, [...PASSWORD_RESET, ...PDF_EXPORT.slice(6)], daysAgo(2));
    const themes = await themesOf(workspace, collectionId);
    expect(themes).toHaveLength(3);
    const trendOf = (word: string) => themes.find(({ name }) => name.includes(word))?.trend;
    expect(trendOf('Dark mode')).toBeCloseTo(0 - 10 / 16, 10);
    expect(trendOf('Password reset')).toBeCloseTo(10 / 14 - 0, 10);
    // A theme keeps the name that it got of its first documents.
    expect(trendOf('PDF')).toBeCloseTo(4 / 14 - 6 / 16, 10);
  });

  test('is null where there are too few documents to compare with', async () => {
    await storeThemed(workspace, collectionId, PLANTED, daysAgo(100));
    await storeThemed(
      workspace,
      collectionId,
      PLANTED.map((text) => `${text}!`),
      daysAgo(1),
    );
    for (const { trend } of await themesOf(workspace, collectionId)) expect(trend).toBeNull();
  });
});
