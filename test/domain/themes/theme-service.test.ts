import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { writeChunkVectors } from '../../../src/db/vector.ts';
import { closeThemeThread } from '../../../src/domain/themes/theme-thread.ts';
import { ProviderError } from '../../../src/plugins/errors.ts';
import { type TestDatabase, testDatabase } from '../../support/database.ts';
import { insertDocument } from '../../support/rows.ts';
import { MODEL, openThemes, plantedRows } from './theme-fixtures.ts';

let test_: TestDatabase;
const opened: { close(): Promise<void> }[] = [];
beforeAll(async () => {
  test_ = await testDatabase();
});
afterAll(async () => {
  for (const each of opened) await each.close();
  await closeThemeThread();
  await test_?.close();
});

let workspaces = 0;
async function open() {
  workspaces += 1;
  const themes = await openThemes(test_.database, `ws_themes${workspaces}`);
  opened.push(themes);
  return themes;
}

const PLANTED = plantedRows(90, 5, { strangers: 5 });
const first = (count: number) => ({ ...PLANTED, topics: PLANTED.topics.slice(0, count) });
const LLM = { summarise: { primary: 'llm/writer', fallbacks: [], parameters: {} } };
const summaryOf = (themes: readonly { id: string; name: string; documentCount: number }[]) =>
  themes.map(({ id, name, documentCount }) => ({ id, name, documentCount }));

describe('a run', () => {
  test('sorts every document with a vector into a theme or none', async () => {
    const { service, call, caller, plant, list } = await open();
    const ids = await plant(PLANTED);
    await service.refresh(call, null);
    const themes = await list();
    expect(themes).toHaveLength(5);
    const sorted = await service.ofDocuments(caller, ids);
    expect(sorted.every((own) => own !== null)).toBe(true);
    expect(sorted.slice(85)).toEqual([[], [], [], [], []]);
    const counted = sorted.flatMap((own) => own ?? []).length;
    expect(themes.reduce((sum, { documentCount }) => sum + documentCount, 0)).toBe(counted);
    expect(themes.map(({ name }) => name.toLowerCase())).toContain('dark mode');
  });

  test('that is stopped leaves the themes as they were', async () => {
    const { service, call, plant, list } = await open();
    await plant(first(45));
    await service.refresh(call, null);
    const before = summaryOf(await list());
    await plant(PLANTED, 45);
    const stopping = new AbortController();
    const run = service.refresh({ ...call, signal: stopping.signal }, null, () => stopping.abort(new Error('stopped')));
    await expect(run).rejects.toThrow();
    expect(summaryOf(await list())).toEqual(before);
  });

  test('that dies while it stores what it found is made again, and keeps the themes that it found', async () => {
    const { service, call, caller, plant, list } = await open();
    const ids = await plant(PLANTED);
    const dying = new AbortController();
    let told = 0;
    const run = service.refresh({ ...call, signal: dying.signal }, null, () => {
      told += 1;
      // The first time the themes are found, the second time the first documents are in them.
      if (told === 2) dying.abort(new Error('died'));
    });
    await expect(run).rejects.toThrow('died');
    const found = (await list()).map(({ id }) => id);
    expect(found).toHaveLength(5);
    const lost = ids.slice(0, 40);
    await test_.database.withWorkspace(
      caller.workspace.id,
      ({ sql }) => sql`delete from document_themes where document_id = any(${lost}::text[])`,
    );
    await service.refreshStale(call);
    expect((await list()).map(({ id }) => id).sort()).toEqual(found.sort());
    expect((await service.ofDocuments(caller, ids)).every((own) => own !== null)).toBe(true);
    expect((await service.ofDocuments(caller, lost)).flat().length).toBeGreaterThan(30);
  });

  test('stores thousands of documents without keeping the database from others for long', async () => {
    const { service, call, caller, list } = await open();
    const planted = plantedRows(2_500, 5);
    await plantMany(caller.workspace.id, planted);
    await service.refresh(call, null);
    const themes = await list();
    expect(themes).toHaveLength(5);
    expect(themes.reduce((sum, { documentCount }) => sum + documentCount, 0)).toBeGreaterThan(2_100);
    const [row] = await test_.database.withWorkspace(
      caller.workspace.id,
      ({ sql }) => sql<{ rows: number; transactions: number }[]>`
        select count(*)::int as rows, count(distinct xmin::text)::int as transactions from document_themes`,
    );
    expect(row).toEqual({ rows: 2_500, transactions: 3 });
  });

  test.each([
    ['no documents at all', 0, 0],
    ['documents without vectors', 0, 12],
    ['one document', 1, 0],
  ])('finds nothing in %s, and says so', async (_what, embedded, bare) => {
    const { service, call, caller, plant, list } = await open();
    const ids = await plant(plantedRows(embedded, 1));
    await test_.database.withWorkspace(caller.workspace.id, async (scope) => {
      for (let place = 0; place < bare; place += 1)
        await insertDocument(scope, { id: `doc_bare${place}`, text: 'bare' });
    });
    await service.refresh(call, null);
    expect(await list()).toEqual([]);
    expect(await service.ofDocuments(caller, ids)).toEqual(ids.map(() => []));
  });

  test('of documents that are all the same finds one theme or none', async () => {
    const { service, call, plant, list } = await open();
    const { rows } = plantedRows(1, 1);
    const values = Float32Array.from({ length: 40 * rows.dimensions }, (_, i) => rows.values[i % rows.dimensions] ?? 0);
    await plant({ rows: { ...rows, count: 40, values }, topics: Array(40).fill(0) });
    await service.refresh(call, null);
    expect((await list()).length).toBeLessThanOrEqual(1);
  });

  test('of two servers at once leaves the themes of one of them', async () => {
    const { service, otherServer, call, caller, plant, list } = await open();
    const ids = await plant(PLANTED);
    await Promise.all([service, otherServer, service, otherServer].map((each) => each.refresh(call, null)));
    const themes = await list();
    expect(themes).toHaveLength(5);
    const used = new Set((await service.ofDocuments(caller, ids)).flatMap((own) => own?.map(({ id }) => id) ?? []));
    expect([...used].sort()).toEqual(themes.map(({ id }) => id).sort());
  });

  test('sorts what was embedded while it was under way', async () => {
    const { service, call, caller, plant, list } = await open();
    await plant(first(80));
    let late: Promise<string[]> | null = null;
    await service.refresh(call, null, () => {
      late ??= plant(PLANTED, 80);
    });
    const ids = (await (late as Promise<string[]> | null)) ?? [];
    await service.assign(call, ids);
    expect(ids).toHaveLength(10);
    expect((await service.ofDocuments(caller, ids)).every((own) => own !== null)).toBe(true);
    expect(await list()).toHaveLength(5);
  });

  test('brings a theme back, with its id and name, whose documents had gone', async () => {
    const { service, call, caller, plant, list } = await open();
    const ids = await plant(PLANTED);
    await service.refresh(call, null);
    const inGone = ids.filter((_, i) => PLANTED.topics[i] === 1);
    const theme = (await service.ofDocuments(caller, inGone))[0]?.[0];
    await test_.database.withWorkspace(
      caller.workspace.id,
      ({ sql }) => sql`delete from documents where id = any(${inGone}::text[])`,
    );
    await service.refresh(call, null);
    expect((await list()).map(({ id }) => id)).not.toContain(theme?.id);
    expect(await service.find(caller, [theme?.id ?? ''])).toEqual([]);
    expect(await list()).toHaveLength(4);
    const back = { ...PLANTED, topics: PLANTED.topics.map((topic) => (topic === 1 ? topic : null)) };
    await plantOnly(plant, back);
    await service.refresh(call, null);
    expect(await service.find(caller, [theme?.id ?? ''])).toEqual([expect.objectContaining({ name: theme?.name })]);
    expect(await list()).toHaveLength(5);
  });

  test('is not made again where little has changed, and is where the embedding model has', async () => {
    const { service, call, caller, plant, list, choose } = await open();
    const ids = await plant(first(60));
    await service.assign(call, ids, { wanted: true });
    expect(await list()).toEqual([]);
    await service.refreshStale(call);
    const before = await list();
    const revisions = () =>
      test_.database.withWorkspace(caller.workspace.id, async ({ sql }) => {
        const rows = await sql<
          { scope: string; revision: number }[]
        >`select scope, revision from theme_sets order by scope`;
        return [...rows].map(({ revision }) => revision);
      });
    expect(await revisions()).toEqual([1, 1]);
    await service.refreshStale(call);
    expect(await revisions()).toEqual([1, 1]);
    choose({ embed: { primary: 'local/others', fallbacks: [], parameters: {} } });
    await service.assign(call, ids);
    expect(summaryOf(await list())).toEqual(summaryOf(before));
    await plant(PLANTED, 60, 'local/others');
    await service.refreshStale(call);
    expect(await revisions()).toEqual([2, 2]);
  });
});

/** Documents by one statement: the fixture's own way takes a round trip each. */
async function plantMany(workspaceId: string, { rows }: ReturnType<typeof plantedRows>): Promise<void> {
  const ids = Array.from({ length: rows.count }, (_, row) => `doc_${workspaceId}_${String(row).padStart(5, '0')}`);
  await test_.database.withWorkspace(workspaceId, async (scope) => {
    await scope.sql`
      insert into documents (workspace_id, id, collection_id, external_id, kind, text, source, metadata, content_hash,
        lexemes, embedding_status, embedding_model, created_at)
      select ${workspaceId}, id, 'col_1', id, 'TEXT', 'Case ' || id, '{}', '{}', sha256('x'), '', 'READY', ${MODEL}, now()
      from unnest(${ids}::text[]) id`;
    for (let start = 0; start < ids.length; start += 500) {
      const chunks = ids.slice(start, start + 500).map((documentId, i) => ({
        ...{ documentId, ordinal: 0, startOffset: 0, endOffset: 4 },
        embedding: rows.values.slice((start + i) * rows.dimensions, (start + i + 1) * rows.dimensions),
      }));
      await writeChunkVectors(scope, MODEL, chunks);
    }
  });
}

async function plantOnly(
  plant: Awaited<ReturnType<typeof openThemes>>['plant'],
  { rows, topics }: { rows: typeof PLANTED.rows; topics: (number | null)[] },
): Promise<void> {
  const places = [...topics.keys()].filter((place) => topics[place] !== null);
  const values = new Float32Array(places.length * rows.dimensions);
  for (const [row, place] of places.entries()) {
    values.set(rows.values.subarray(place * rows.dimensions, (place + 1) * rows.dimensions), row * rows.dimensions);
  }
  // Behind those that are there: their ids are taken.
  const padding = PLANTED.topics.length;
  const padded = new Float32Array((padding + places.length) * rows.dimensions);
  padded.set(values, padding * rows.dimensions);
  const all = [...PLANTED.topics, ...places.map((place) => topics[place] as number)];
  await plant({ rows: { ...rows, count: all.length, values: padded }, topics: all }, padding);
}

describe('names', () => {
  test('are written by the chosen model, in one question for all that are new, and stay', async () => {
    const { service, call, plant, list, choose, writer } = await open();
    choose(LLM);
    await plant(first(60));
    await service.refresh(call, null);
    expect(writer.questions).toHaveLength(1);
    const names = (await list()).map(({ name }) => name).sort();
    expect(names).toEqual([1, 2, 3, 4, 5].map((place) => `Written name t${place}`));
    await plant(PLANTED, 60);
    await service.refresh(call, null);
    expect(writer.questions).toHaveLength(1);
    expect((await list()).map(({ name }) => name).sort()).toEqual(names);
  });

  test('are made of keywords while the model fails, and written by the next run', async () => {
    const { service, call, plant, list, choose, writer } = await open();
    choose(LLM);
    await plant(PLANTED);
    const answer = writer.answer;
    writer.answer = () => {
      throw new ProviderError('unavailable', 'the vendor is away');
    };
    await service.refresh(call, null);
    const before = await list();
    expect(before.map(({ name }) => name.toLowerCase())).toContain('dark mode');
    writer.answer = answer;
    await service.refresh(call, null);
    const after = await list();
    expect(after.map(({ id }) => id).sort()).toEqual(before.map(({ id }) => id).sort());
    expect(after.every(({ name }) => name.startsWith('Written name'))).toBe(true);
  });

  test('cannot be dictated by a document, and are told apart where the model gives two the same', async () => {
    const { service, call, plant, list, choose, writer } = await open();
    choose(LLM);
    writer.answer = (keys) => ({ themes: keys.map((key) => ({ theme: key, name: '  "Same\nname" ' })) });
    await plant(PLANTED);
    await service.refresh(call, null);
    const names = (await list()).map(({ name }) => name);
    expect(new Set(names.map((name) => name.toLowerCase())).size).toBe(5);
    for (const name of names) expect(name).toMatch(/^Same name( \(.+\))?$/);
    const [question = ''] = writer.questions;
    const marker = /^<<<([0-9a-f]{20}) theme t1>>>$/m.exec(question)?.[1] ?? '';
    expect(question.split(`<<<${marker} end>>>`).length - 1).toBeGreaterThanOrEqual(5);
  });
});

test('a theme is retired, not deleted, and its documents are sorted anew', async () => {
  const { service, call, caller, plant, list } = await open();
  const ids = await plant(PLANTED);
  await service.refresh(call, null);
  await test_.database.withWorkspace(
    caller.workspace.id,
    ({ sql }) => sql`
    delete from documents where id = any(${ids.filter((_, i) => PLANTED.topics[i] === 2)}::text[])`,
  );
  await service.refresh(call, null);
  const rows = await test_.database.withWorkspace(
    caller.workspace.id,
    ({ sql }) => sql<{ retired: boolean }[]>`select retired_at is not null as retired from themes`,
  );
  expect(rows.filter(({ retired }) => retired)).toHaveLength(1);
  expect(await list()).toHaveLength(4);
});

describe('what is deleted', () => {
  const rowsOf = (workspaceId: string) =>
    test_.database.withWorkspace(workspaceId, async ({ sql }) => {
      const [row] = await sql<{ sets: number; themes: number; documents: number }[]>`
        select (select count(*) from theme_sets)::int as sets, (select count(*) from themes)::int as themes,
          (select count(*) from document_themes)::int as documents`;
      return row;
    });

  test('takes its themes along: a collection those of its own, a workspace all', async () => {
    const { service, call, caller, plant, list } = await open();
    await plant(PLANTED);
    await service.refresh(call, 'col_1');
    await service.refresh(call, null);
    expect(await rowsOf(caller.workspace.id)).toEqual({ sets: 2, themes: 10, documents: 180 });
    await test_.database.withWorkspace(caller.workspace.id, ({ sql }) => sql`delete from collections`);
    expect(await rowsOf(caller.workspace.id)).toEqual({ sets: 1, themes: 5, documents: 0 });
    expect((await list()).map(({ documentCount }) => documentCount)).toEqual([0, 0, 0, 0, 0]);
    await service.refreshStale(call);
    expect(await list()).toEqual([]);
    await test_.database.withSystem(({ sql }) => sql`delete from workspaces where id = ${caller.workspace.id}`);
    expect(await rowsOf(caller.workspace.id)).toEqual({ sets: 0, themes: 0, documents: 0 });
  });

  test('while a run is under way is in none of the themes that it finds', async () => {
    const { service, call, caller, plant, list } = await open();
    const ids = await plant(PLANTED);
    const gone = ids.slice(0, 30);
    let deleting: Promise<unknown> | null = null;
    await service.refresh(call, null, () => {
      deleting ??= test_.database.withWorkspace(
        caller.workspace.id,
        ({ sql }) => sql`delete from documents where id = any(${gone}::text[])`,
      );
    });
    await deleting;
    expect((await rowsOf(caller.workspace.id))?.documents).toBe(60);
    expect((await list()).reduce((sum, { documentCount }) => sum + documentCount, 0)).toBeLessThanOrEqual(60);
  });
});
