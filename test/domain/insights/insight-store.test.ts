import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Finder, InvalidFindingError } from '../../../src/domain/insights/finding.ts';
import type { NewInsight } from '../../../src/domain/insights/insight.ts';
import {
  documentsOfInsights,
  dropOldInsights,
  findInsights,
  insightsOfRuns,
  judgeInsight,
  listInsights,
  recordInsight,
} from '../../../src/domain/insights/insight-store.ts';
import { type TestDatabase, testDatabase } from '../../support/database.ts';
import { insertWorkspace } from '../../support/rows.ts';
import { anInsight, insertAgentWithRuns, insertCompany } from './finding-rows.ts';

let db: TestDatabase;
let first: Finder;
let second: Finder;
beforeAll(async () => {
  db = await testDatabase();
  await insertWorkspace(db.database, 'ws_a');
  await insertCompany(db.database, 'ws_a');
  [first, second] = (await insertAgentWithRuns(db.database, 'ws_a', 'agt_1', ['run_1', 'run_2'])) as [Finder, Finder];
});
afterAll(() => db?.close());

function record(insight: NewInsight, finder: Finder = first): Promise<string> {
  return db.database.withWorkspace('ws_a', (scope) => recordInsight(scope, finder, insight));
}

async function find(id: string) {
  const [insight] = await db.database.withWorkspace('ws_a', (scope) => findInsights(scope, [id]));
  if (insight === undefined) throw new Error('not there');
  return insight;
}

function documentsOf(id: string) {
  return db.database.withWorkspace('ws_a', async (scope) =>
    (await documentsOfInsights(scope, [id])).map(({ documentId }) => documentId),
  );
}

test('an insight that is found again is the same one, refreshed', async () => {
  const id = await record(anInsight({ key: 'again' }));
  const refreshed = anInsight({ key: 'again', title: 'Fewer still', priority: 'CRITICAL', documentIds: ['doc_2'] });
  expect(await record(refreshed, second)).toBe(id);
  expect(await find(id)).toMatchObject({ title: 'Fewer still', priority: 'CRITICAL', status: 'NEW' });
  expect(await documentsOf(id)).toEqual(['doc_2']);
  const runs = await db.database.withWorkspace('ws_a', (scope) => insightsOfRuns(scope, ['run_1', 'run_2'], 10));
  expect(runs.filter((each) => each.id === id).map(({ runId }) => runId)).toEqual(
    expect.arrayContaining(['run_1', 'run_2']),
  );
});

test.each(['DISMISSED', 'ACTED_UPON'] as const)(
  'an insight that is %s stays as it is when it is found again',
  async (status) => {
    const id = await record(anInsight({ key: status }));
    await db.database.withWorkspace('ws_a', (scope) => judgeInsight(scope, id, status));
    await record(anInsight({ key: status, title: 'Changed', documentIds: ['doc_2'] }), second);
    expect(await find(id)).toMatchObject({ title: 'Fewer documents than usual', status });
    expect(await documentsOf(id)).toEqual(['doc_1']);
  },
);

test('an insight that somebody has seen is refreshed and stays seen', async () => {
  const id = await record(anInsight({ key: 'seen' }));
  await db.database.withWorkspace('ws_a', (scope) => judgeInsight(scope, id, 'SEEN'));
  await record(anInsight({ key: 'seen', title: 'Changed' }));
  expect(await find(id)).toMatchObject({ title: 'Changed', status: 'SEEN' });
});

test('runs that find the same at once leave one insight', async () => {
  const ids = await Promise.all(
    Array.from({ length: 20 }, (_, i) => record(anInsight({ key: 'at once' }), i % 2 === 0 ? first : second)),
  );
  expect(new Set(ids).size).toBe(1);
});

test('agents that use the same key find insights of their own', async () => {
  const [other] = (await insertAgentWithRuns(db.database, 'ws_a', 'agt_2', ['run_3'])) as [Finder];
  expect(await record(anInsight({ key: 'shared' }), other)).not.toBe(await record(anInsight({ key: 'shared' })));
});

test('numbers, times and texts come back as they were, and documents in their order without those that are gone', async () => {
  const dataPoints = [
    { metric: 'documents a day', value: 4.25, at: new Date('2026-05-04T10:00:00.123Z') },
    { metric: 'expected\0', value: -20, at: null },
  ];
  const id = await record(
    anInsight({ key: 'whole', dataPoints, documentIds: ['doc_2', 'doc_gone', 'doc_1', 'doc_2'] }),
  );
  expect((await find(id)).dataPoints).toEqual([dataPoints[0], { metric: 'expected', value: -20, at: null }]);
  expect(await documentsOf(id)).toEqual(['doc_2', 'doc_1']);
});

test.each<[string, Partial<NewInsight>]>([
  ['a title that is too long', { title: 'x'.repeat(201) }],
  ['no title', { title: ' ' }],
  ['too many documents', { documentIds: Array.from({ length: 51 }, (_, i) => `doc_${i}`) }],
  ['a confidence above 1', { confidence: 90 }],
  ['a number that is none', { dataPoints: [{ metric: 'x', value: Number.NaN, at: null }] }],
  ['no key', { key: '' }],
])('an insight with %s is refused', async (_what, changes) => {
  await expect(record(anInsight(changes))).rejects.toThrow(InvalidFindingError);
});

test('a page is narrowed by kinds, priorities and states, newest first', async () => {
  await insertWorkspace(db.database, 'ws_list');
  const [finder] = (await insertAgentWithRuns(db.database, 'ws_list', 'agt_l', ['run_l'])) as [Finder];
  const ids: string[] = [];
  for (const [i, priority] of (['LOW', 'HIGH', 'CRITICAL', 'HIGH'] as const).entries()) {
    const insight = anInsight({ key: `${i}`, priority, kind: i === 3 ? 'TREND' : 'ALERT', documentIds: [] });
    ids.push(await db.database.withWorkspace('ws_list', (scope) => recordInsight(scope, finder, insight)));
  }
  const list = async (filter: Parameters<typeof listInsights>[1], after: string | null = null) => {
    const rows = await db.database.withWorkspace('ws_list', (scope) =>
      listInsights(scope, filter, { limit: 10, after }),
    );
    return rows.map(({ id }) => ids.indexOf(id));
  };
  const all = { kinds: null, priorities: null, status: null };
  expect(await list(all)).toEqual([3, 2, 1, 0]);
  expect(await list(all, ids[2])).toEqual([1, 0]);
  expect(await list({ ...all, kinds: ['ALERT'], priorities: ['HIGH', 'CRITICAL'] })).toEqual([2, 1]);
  expect(await list({ ...all, status: ['DISMISSED'] })).toEqual([]);
});

test('what was neither found nor judged for long is dropped', async () => {
  const old = await record(anInsight({ key: 'old' }));
  const fresh = await record(anInsight({ key: 'fresh' }));
  await db.database.withWorkspace(
    'ws_a',
    ({ sql }) => sql`update insights set updated_at = now() - interval '401 days' where id = ${old}`,
  );
  expect(await db.database.withSystem((scope) => dropOldInsights(scope, 400, 100))).toBe(1);
  const left = await db.database.withWorkspace('ws_a', (scope) => findInsights(scope, [old, fresh]));
  expect(left.map(({ id }) => id)).toEqual([fresh]);
});
