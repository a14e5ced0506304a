import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Finder, InvalidFindingError } from '../../../src/domain/insights/finding.ts';
import type { NewSignal } from '../../../src/domain/insights/signal.ts';
import {
  activeSignalsOf,
  dropOldSignals,
  evidenceOfSignals,
  expireSignals,
  findSignals,
  judgeSignal,
  listSignals,
  recordSignal,
} from '../../../src/domain/insights/signal-store.ts';
import { type TestDatabase, testDatabase } from '../../support/database.ts';
import { insertWorkspace } from '../../support/rows.ts';
import { aSignal, insertAgentWithRuns, insertCompany } from './finding-rows.ts';

const PAST = new Date(Date.now() - 86_400_000);
const FUTURE = new Date(Date.now() + 86_400_000);

let db: TestDatabase;
let finder: Finder;
beforeAll(async () => {
  db = await testDatabase();
  await insertWorkspace(db.database, 'ws_a');
  await insertCompany(db.database, 'ws_a');
  [finder] = (await insertAgentWithRuns(db.database, 'ws_a', 'agt_1', ['run_1'])) as [Finder];
});
afterAll(() => db?.close());

function record(signal: NewSignal): Promise<string> {
  return db.database.withWorkspace('ws_a', (scope) => recordSignal(scope, finder, signal));
}

async function find(id: string) {
  const [signal] = await db.database.withWorkspace('ws_a', (scope) => findSignals(scope, [id]));
  if (signal === undefined) throw new Error('not there');
  return signal;
}

function evidenceOf(id: string) {
  return db.database.withWorkspace('ws_a', async (scope) =>
    (await evidenceOfSignals(scope, [id])).map(({ documentId }) => documentId),
  );
}

function listed(status: 'ACTIVE' | 'EXPIRED') {
  return db.database.withWorkspace('ws_a', async (scope) => {
    const filter = { companyId: 'doc_company', types: null, status: [status] };
    return (await listSignals(scope, filter, { limit: 100, after: null })).map(({ id }) => id);
  });
}

test('a signal that is found again gains the evidence, and what is surer counts', async () => {
  const id = await record(aSignal({ key: 'again' }));
  const surer = aSignal({ key: 'again', strength: 'STRONG', confidence: 90, data: { amount: '£5m' } });
  expect(await record({ ...surer, evidenceIds: ['doc_2'] })).toBe(id);
  await record(aSignal({ key: 'again', strength: 'WEAK', confidence: 10, data: {} }));
  expect(await find(id)).toMatchObject({ strength: 'STRONG', confidence: 90, data: { amount: '£5m' } });
  expect(await evidenceOf(id)).toEqual(['doc_1', 'doc_2']);
});

test('a signal that a person judged keeps that judgement, and gains the evidence', async () => {
  const id = await record(aSignal({ key: 'judged' }));
  await db.database.withWorkspace('ws_a', (scope) => judgeSignal(scope, id, 'FALSE_POSITIVE'));
  await record(aSignal({ key: 'judged', confidence: 99, strength: 'VERY_STRONG', evidenceIds: ['doc_2'] }));
  expect(await find(id)).toMatchObject({ status: 'FALSE_POSITIVE', confidence: 60, strength: 'MODERATE' });
  expect(await evidenceOf(id)).toEqual(['doc_1', 'doc_2']);
});

test('a signal is over when its time is, before and after the upkeep has noted it', async () => {
  const id = await record(aSignal({ key: 'passed', expiresAt: PAST }));
  const lasting = await record(aSignal({ key: 'lasting', expiresAt: FUTURE }));
  for (const round of ['before', 'after']) {
    expect((await find(id)).status, round).toBe('EXPIRED');
    expect(await listed('EXPIRED'), round).toContain(id);
    expect(await listed('ACTIVE'), round).not.toContain(id);
    expect(await listed('ACTIVE'), round).toContain(lasting);
    await db.database.withSystem((scope) => expireSignals(scope, 100));
  }
});

test.each([true, false])(
  'a signal that has expired and is found again lives again (noted before: %s)',
  async (isNoted) => {
    const key = `revived ${isNoted}`;
    const id = await record(aSignal({ key, expiresAt: PAST }));
    if (isNoted) await db.database.withSystem((scope) => expireSignals(scope, 100));
    await record(aSignal({ key, expiresAt: FUTURE }));
    expect(await find(id)).toMatchObject({ status: 'ACTIVE', expiresAt: FUTURE });
    await record(aSignal({ key, expiresAt: PAST }));
    expect((await find(id)).expiresAt).toEqual(FUTURE);
  },
);

test('a judgement can be taken back unless the time is over', async () => {
  const lasting = await record(aSignal({ key: 'back', expiresAt: FUTURE }));
  const passed = await record(aSignal({ key: 'not back', expiresAt: PAST }));
  const judge = (id: string, status: 'ACTIVE' | 'ACTED_UPON') =>
    db.database.withWorkspace('ws_a', (scope) => judgeSignal(scope, id, status));
  expect(await judge(lasting, 'ACTED_UPON')).toBe('ACTED_UPON');
  expect(await judge(lasting, 'ACTIVE')).toBe('ACTIVE');
  expect(await judge(passed, 'ACTED_UPON')).toBe('ACTED_UPON');
  expect(await judge(passed, 'ACTIVE')).toBe('EXPIRED');
  expect(await judge('sig_none', 'ACTIVE')).toBeNull();
});

test('runs that find the same at once leave one signal with the evidence of all', async () => {
  const ids = await Promise.all(
    Array.from({ length: 20 }, (_, i) => record(aSignal({ key: 'at once', evidenceIds: [`doc_${(i % 2) + 1}`] }))),
  );
  expect(new Set(ids).size).toBe(1);
  expect((await evidenceOf(ids[0] as string)).toSorted()).toEqual(['doc_1', 'doc_2']);
});

test('a signal belongs to a company that is there', async () => {
  await expect(record(aSignal({ companyId: 'doc_1' }))).rejects.toThrow(InvalidFindingError);
  await expect(record(aSignal({ companyId: 'doc_none' }))).rejects.toThrow(InvalidFindingError);
});

test('a run reads the active signals of a company with their keys and evidence', async () => {
  const id = await record(aSignal({ key: 'read', type: 'EXPANSION' }));
  const passed = await record(aSignal({ key: 'read, passed', expiresAt: PAST }));
  const active = await db.database.withWorkspace('ws_a', (scope) => activeSignalsOf(scope, 'doc_company', 100));
  expect(active.find((each) => each.id === id)).toMatchObject({
    key: 'read',
    evidenceIds: ['doc_1'],
    type: 'EXPANSION',
  });
  expect(active.map((each) => each.id)).not.toContain(passed);
});

test('the signals of a company go with it, and old ones are dropped', async () => {
  const old = await record(aSignal({ key: 'old' }));
  await db.database.withWorkspace(
    'ws_a',
    ({ sql }) => sql`update signals set updated_at = now() - interval '401 days' where id = ${old}`,
  );
  expect(await db.database.withSystem((scope) => dropOldSignals(scope, 400, 100))).toBe(1);
  await db.database.withWorkspace('ws_a', ({ sql }) => sql`delete from documents where id = 'doc_company'`);
  expect([...(await listed('ACTIVE')), ...(await listed('EXPIRED'))]).toEqual([]);
});
