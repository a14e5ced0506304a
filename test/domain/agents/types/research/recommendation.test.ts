import { expect, test } from 'vitest';
import type {
  ActiveSignal,
  NeedKind,
  NeedStatement,
} from '../../../../../src/domain/agents/types/research/company-brief.ts';
import { needOf } from '../../../../../src/domain/agents/types/research/material.ts';
import { namedRole } from '../../../../../src/domain/agents/types/research/people.ts';
import { recommendationOf } from '../../../../../src/domain/agents/types/research/recommendation.ts';

const NOW = new Date('2026-11-20T00:00:00Z');

function need(kind: NeedKind, text: string, at = '2026-11-10T00:00:00.000Z'): NeedStatement {
  const citation = { documentId: `doc ${text}`, title: 'Title', quote: text, at };
  return { kind, text, by: 'Petra Halloway, Frostvale', citation };
}

const funding: ActiveSignal = {
  ...{ id: 'sig_1', type: 'FUNDING_ROUND', strength: 'STRONG', confidence: 80, detectedAt: '2026-11-01T00:00:00.000Z' },
  ...{ text: 'They raised 18 million.', evidenceIds: ['doc_news'] },
};

function insightOf(given: { needs?: NeedStatement[]; signals?: ActiveSignal[] }) {
  const brief = { companyId: 'doc_company', company: 'Frostvale', needs: [], signals: [], openQuestions: [], ...given };
  return recommendationOf(brief, NOW);
}

test('complaints come before anything that could be sold', () => {
  const insight = insightOf({ needs: [need('complaint', 'Texts fail.')], signals: [funding] });
  expect(insight).toMatchObject({
    kind: 'RECOMMENDATION',
    priority: 'MEDIUM',
    documentIds: ['doc_company', 'doc Texts fail.'],
  });
  expect(insight?.suggestedActions).toEqual(['Tell Petra Halloway what has become of this: Texts fail.']);
});

test('each kind of signal has its own reason to write', () => {
  const insight = insightOf({ signals: [funding, { ...funding, id: 'sig_2', type: 'COMPETITOR_MENTION' }] });
  expect(insight?.description).toBe(
    'Funding round, 1 November 2026: “They raised 18 million.” Competitor mention, 1 November 2026: “They raised 18 million.”',
  );
  expect(insight?.suggestedActions).toEqual([
    'Write to Frostvale: congratulate them on the money and ask what it is to change.',
  ]);
});

test('thanks in German are no complaint, though English dies in them', () => {
  expect(needOf('Danke, sie ist da und die Maschine läuft wieder.', null)).toBeNull();
  expect(
    needOf('Können Aufträge aus SAP an die Steuerung übergeben werden? Heute tippen wir alles ab.', null),
  ).toBeNull();
  expect(needOf('Die Maschine ist schon wieder defekt und der Service leider schlecht.', null)).toBe('complaint');
});

test('a person is named with a role in German too', () => {
  expect(namedRole('Gespräch mit Dr. Anke Möller, Geschäftsführerin.')).toEqual({
    name: 'Anke Möller',
    role: 'Geschäftsführerin',
  });
  expect(namedRole('Spoke with Joanna Kitt, head of procurement.')?.name).toBe('Joanna Kitt');
});

test('a customer who speaks of leaving is pressing, and so are three complaints', () => {
  expect(insightOf({ needs: [need('complaint', 'We look at alternatives.')] })?.priority).toBe('HIGH');
  expect(insightOf({ needs: ['One.', 'Two.', 'Three.'].map((text) => need('complaint', text)) })?.priority).toBe(
    'HIGH',
  );
});

test('an active signal or interest is an opportunity; both together are pressing', () => {
  expect(insightOf({ signals: [{ ...funding, strength: 'WEAK' }] })).toMatchObject({
    kind: 'OPPORTUNITY',
    priority: 'LOW',
  });
  expect(
    insightOf({ signals: [{ ...funding, strength: 'WEAK' }], needs: [need('interest', 'A price?')] })?.priority,
  ).toBe('HIGH');
  expect(insightOf({ needs: [need('interest', 'A price?')] })).toMatchObject({ kind: 'OPPORTUNITY' });
});

test('old complaints and praise call for nothing', () => {
  const old = need('complaint', 'Texts fail.', '2026-05-01T00:00:00.000Z');
  expect(insightOf({ needs: [old, need('praise', 'Thank you.')] })).toBeNull();
});

test('one company has one insight, whatever is found of it, within the limits of an insight', () => {
  const many = Array.from({ length: 80 }, (_, i) => need('complaint', `${i} ${'x'.repeat(400)}`));
  const insight = insightOf({ needs: many });
  expect(insight?.key).toBe(insightOf({ signals: [funding] })?.key);
  expect(insight?.documentIds).toHaveLength(50);
  expect(insight?.title.length).toBeLessThanOrEqual(200);
  expect(insight?.description.length).toBeLessThanOrEqual(4_000);
});

test.each([
  ['report_problem', 'The app crashes every day.', 'complaint'],
  ['report_problem', 'Thanks, the wonderful fix works great, I love it!', null],
  ['request_feature', 'Add a dark theme.', 'wish'],
  ['ask_pricing', 'What does it cost?', 'interest'],
  [null, 'This is terrible, broken and useless.', 'complaint'],
  [null, 'It would be nice to have a calendar.', 'wish'],
  [null, 'The meeting is on Monday.', null],
])('of the intent %s, “%s” is %s', (label, text, kind) => {
  expect(needOf(text, label === null ? null : { label, confidence: 0.8 })).toBe(kind);
});

test.each([
  [
    'Hexley Wharf named Orla Fenwick as chief operating officer.',
    { name: 'Orla Fenwick', role: 'chief operating officer' },
  ],
  ['Petra Halloway, our warehouse manager, called.', { name: 'Petra Halloway', role: 'warehouse manager' }],
  ['CEO Wim van der Berg left.', { name: 'Wim van der Berg', role: 'CEO' }],
  ['The manager of the yard came.', null],
  ['Cold Storage is full.', null],
])('%s names %j', (sentence, person) => {
  expect(namedRole(sentence)).toEqual(person);
});

test('a sentence of nothing but names takes no time to be looked through', () => {
  expect(namedRole('Abcde '.repeat(100))).toBeNull();
  expect(namedRole(`${'Abcde-Fghij '.repeat(50)}, our ${'operations '.repeat(50)}`)).toBeNull();
});
