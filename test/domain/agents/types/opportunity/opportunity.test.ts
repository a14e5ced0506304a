import { expect, test } from 'vitest';
import type { CompanyRecord } from '../../../../../src/domain/agents/companies/company-record.ts';
import { cautionsOf } from '../../../../../src/domain/agents/types/opportunity/cautions.ts';
import { type Candidate, ranked, weigh } from '../../../../../src/domain/agents/types/opportunity/opportunity.ts';
import type { Document } from '../../../../../src/domain/documents/document.ts';

const NOW = new Date('2026-11-20T12:00:00Z');
const daysAgo = (days: number) => new Date(NOW.getTime() - days * 86_400_000).toISOString();

function record(name: string): CompanyRecord {
  return {
    id: `doc_${name}`,
    name,
    outcome: 'OPEN',
    stage: 'prospect',
    industry: 'Cold storage',
    categories: [],
    region: 'UK',
    employees: 200,
    owner: null,
  };
}

const customer: CompanyRecord = { ...record('Frostvale'), outcome: 'WON' };
const won = { rule: { stage: 'customer' }, isConfigured: false, companies: [customer], total: 1, isCut: false };

function candidate(name: string, days: readonly number[], extra: Partial<Candidate> = {}): Candidate {
  const signals = days.map((each) => ({
    ...({
      id: `sig_${name}_${each}`,
      type: 'EXPANSION',
      strength: 'STRONG',
      confidence: 90,
      at: daysAgo(each),
    } as const),
    ...{ quote: null, evidenceIds: [] },
  }));
  const nearest = { record: customer, score: 0.6 };
  return { record: record(name), signals, likeness: { value: 0.8, nearest }, cautions: [], ...extra };
}

const scoreOf = (each: Candidate) => weigh(each, won, NOW).score;

test('fresh signals outdo old ones, and more outdo fewer', () => {
  expect(scoreOf(candidate('new', [5]))).toBeGreaterThan(scoreOf(candidate('old', [300])));
  expect(scoreOf(candidate('two', [5, 10]))).toBeGreaterThan(scoreOf(candidate('one', [5])));
});

test('likeness alone is no reason to act, and signals of a company unlike all customers are less of one', () => {
  expect(scoreOf(candidate('silent', []))).toBeLessThanOrEqual(25);
  const unlike = candidate('unlike', [5], {
    likeness: { value: 0, nearest: null },
    record: { ...record('unlike'), industry: null, region: null, employees: null },
  });
  expect(scoreOf(unlike)).toBeLessThan(scoreOf(candidate('like', [5])));
});

test('what warns of a company lowers its score and is kept with its words', () => {
  const warned = {
    cautions: [{ reason: 'May not be able to pay', quote: 'Accounts are overdue.', documentId: 'doc_1' }],
  };
  const weighed = weigh(candidate('warned', [5], warned), won, NOW);
  expect(weighed.score).toBeLessThan(scoreOf(candidate('sound', [5])));
  expect(weighed.cautions).toEqual(warned.cautions);
});

test('of equal scores the order is always the same', () => {
  const all = ['b', 'a', 'c'].map((name) => weigh(candidate(name, [5]), won, NOW));
  const order = ranked(all).map(({ record: { name } }) => name);
  expect(order).toEqual(['a', 'b', 'c']);
  expect(ranked(all.toReversed()).map(({ record: { name } }) => name)).toEqual(order);
});

const names = {
  id: 'doc_own',
  name: 'Teviotmark Textiles',
  keys: ['teviotmark'],
  spellings: ['Teviotmark Textiles', 'Teviotmark'],
};

function text(said: string, days = 10, metadata = {}): Document {
  return {
    id: `doc_${said.length}`,
    kind: 'TEXT',
    title: null,
    text: said,
    metadata,
    createdAt: new Date(daysAgo(days)),
  } as unknown as Document;
}

test.each([
  [
    'A first gazette notice for compulsory strike-off of Teviotmark was published on Tuesday.',
    'May not be able to pay',
  ],
  ['The interim head of Teviotmark has halted all new software until January.', 'Buys nothing for now'],
  ['Teviotmark thanked us and said no, the price was too high for them.', 'Has said no'],
])('“%s” warns', (said, reason) => {
  expect(cautionsOf(names, [text(said)], NOW)).toMatchObject([{ reason, quote: said }]);
});

test.each([
  ['Teviotmark opened a second warehouse and is hiring twelve people for it.', 10],
  ['A notice for compulsory strike-off of some other company was published on Tuesday.', 10],
  ['A first gazette notice for compulsory strike-off of Teviotmark was published on Tuesday.', 400],
])('“%s” of %i days ago does not', (said, days) => {
  expect(cautionsOf(names, [text(said, days)], NOW)).toEqual([]);
});
