import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { TaxonomyDimension } from '../../../src/domain/classification/taxonomy.ts';
import { TaxonomyService } from '../../../src/domain/classification/taxonomy-service.ts';
import type { InvalidInputError } from '../../../src/shared/errors.ts';
import { kindOfId } from '../../../src/shared/ids.ts';
import { type TestDatabase, testDatabase } from '../../support/database.ts';
import { insertWorkspace } from '../../support/rows.ts';
import { callerOf } from './classification-fixtures.ts';

let testing: TestDatabase;
let taxonomies: TaxonomyService;
let workspaces = 0;
let ws: string;

beforeAll(async () => {
  testing = await testDatabase();
  taxonomies = new TaxonomyService(testing.database);
});

afterAll(() => testing?.close());

beforeEach(async () => {
  workspaces += 1;
  ws = `ws_${workspaces}`;
  await insertWorkspace(testing.database, ws);
});

const label = (name: string, changes: { description?: string; examples?: string[] } = {}) => {
  return { name, description: '', examples: [], ...changes };
};
const dimension = (name: string, changes: Partial<TaxonomyDimension> = {}): TaxonomyDimension => {
  return { name, multi: false, openEnded: false, labels: [label('yes'), label('no')], ...changes };
};

async function issuesOf(input: { name: string; dimensions: readonly TaxonomyDimension[] }): Promise<string[]> {
  const refused = taxonomies.upsert(callerOf(ws), input);
  await expect(refused).rejects.toMatchObject({ code: 'BAD_INPUT' });
  const error = (await refused.catch((thrown: unknown) => thrown)) as InvalidInputError;
  return error.issues.map(({ path }) => path.join('.'));
}

describe('taxonomies', () => {
  test('are the built-in ones first, with the same ids everywhere, then the own ones by name', async () => {
    await taxonomies.upsert(callerOf(ws), { name: 'Zones', dimensions: [dimension('zone')] });
    await taxonomies.upsert(callerOf(ws), { name: 'churnRisk', dimensions: [dimension('risk')] });
    const listed = await taxonomies.list(callerOf(ws, 'VIEWER'));
    expect(listed.map(({ name }) => name)).toEqual([
      'feedback',
      'sentiment',
      'intent',
      'support_priority',
      'churn_risk',
      'zones',
    ]);
    expect(listed.map(({ builtIn }) => builtIn)).toEqual([true, true, true, true, false, false]);
    expect(listed.every(({ id }) => kindOfId(id) === 'Taxonomy')).toBe(true);
    expect(listed[0]?.id).toBe('tax_0sx3rerjdmnj0jz7dk3g8cp7z6');
  });

  test('are found by id, those of another workspace are not', async () => {
    const own = await taxonomies.upsert(callerOf(ws), { name: 'zones', dimensions: [dimension('zone')] });
    const [builtIn] = await taxonomies.list(callerOf(ws));
    const ids = [own.id, builtIn?.id ?? '', 'tax_nothing'];
    expect((await taxonomies.find(callerOf(ws), ids)).map(({ name }) => name).sort()).toEqual(['feedback', 'zones']);
    await insertWorkspace(testing.database, `${ws}_other`);
    expect((await taxonomies.find(callerOf(`${ws}_other`), ids)).map(({ name }) => name)).toEqual(['feedback']);
  });

  test('keep their id when their dimensions are replaced', async () => {
    const first = await taxonomies.upsert(callerOf(ws), { name: 'zones', dimensions: [dimension('zone')] });
    const same = await taxonomies.upsert(callerOf(ws), { name: 'Zones', dimensions: [dimension('zone')] });
    expect(same).toEqual(first);
    const other = await taxonomies.upsert(callerOf(ws), { name: 'zones', dimensions: [dimension('area')] });
    expect(other).toEqual({ ...first, dimensions: [dimension('area')] });
    expect(await taxonomies.find(callerOf(ws), [first.id])).toEqual([other]);
  });

  test('may be changed by those who manage settings alone, the built-in ones by nobody', async () => {
    const zones = { name: 'zones', dimensions: [dimension('zone')] };
    await expect(taxonomies.upsert(callerOf(ws, 'MEMBER'), zones)).rejects.toMatchObject({ code: 'FORBIDDEN' });
    const builtIn = taxonomies.upsert(callerOf(ws), { name: 'Support priority', dimensions: [dimension('zone')] });
    await expect(builtIn).rejects.toMatchObject({ code: 'CONFLICT' });
  });

  test('need names that a person can tell apart', async () => {
    const zones = [dimension('zone'), dimension('Zone'), dimension('!!')];
    expect(await issuesOf({ name: '***', dimensions: zones })).toEqual([
      'name',
      'dimensions.2.name',
      'dimensions.1.name',
    ]);
    const labels = [label('in flight'), label('In-Flight'), label('x'.repeat(61))];
    expect(await issuesOf({ name: 'zones', dimensions: [dimension('zone', { labels })] })).toEqual([
      'dimensions.0.labels.2.name',
      'dimensions.0.labels.1.name',
    ]);
  });

  test('need at least one label in each dimension, unless it is open-ended', async () => {
    expect(await issuesOf({ name: 'zones', dimensions: [] })).toEqual(['dimensions']);
    expect(await issuesOf({ name: 'zones', dimensions: [dimension('zone', { labels: [] })] })).toEqual([
      'dimensions.0.labels',
    ]);
    const open = [dimension('zone', { labels: [], openEnded: true })];
    expect(await taxonomies.upsert(callerOf(ws), { name: 'zones', dimensions: open })).toMatchObject({
      dimensions: open,
    });
  });

  test('have bounds on what is in them', async () => {
    const eleven = Array.from({ length: 11 }, (_, i) => dimension(`zone ${i}`));
    expect(await issuesOf({ name: 'zones', dimensions: eleven })).toEqual(['dimensions']);
    const many = Array.from({ length: 201 }, (_, i) => label(`zone ${i}`));
    expect(await issuesOf({ name: 'zones', dimensions: [dimension('zone', { labels: many })] })).toEqual([
      'dimensions.0.labels',
    ]);
    const examples = (count: number) => Array.from({ length: count }, (_, i) => `example ${i}`);
    const crowded = [
      label('in', { examples: examples(201), description: 'd'.repeat(501) }),
      label('out', { examples: [' '] }),
    ];
    expect(await issuesOf({ name: 'zones', dimensions: [dimension('zone', { labels: crowded })] })).toEqual([
      'dimensions.0.labels.0.description',
      'dimensions.0.labels.0.examples',
      'dimensions.0.labels.1.examples.0',
    ]);
    const full = Array.from({ length: 11 }, (_, i) => label(`zone ${i}`, { examples: examples(190) }));
    expect(await issuesOf({ name: 'zones', dimensions: [dimension('zone', { labels: full })] })).toEqual([
      'dimensions',
    ]);
  });
});
