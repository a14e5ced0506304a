import { describe, expect, test } from 'vitest';
import type { NumberedPassage } from '../../../../../src/domain/agents/evidence/numbered-passages.ts';
import { type Brief, type Fact, FORMS, wordCount } from '../../../../../src/domain/agents/types/writer/draft.ts';
import { extractiveDraft } from '../../../../../src/domain/agents/types/writer/extractive-draft.ts';
import { factsOf } from '../../../../../src/domain/agents/types/writer/facts.ts';
import { checkedDraft } from '../../../../../src/domain/agents/types/writer/written-draft.ts';

const brief: Brief = {
  ...{ form: 'email', tone: 'friendly', words: 100, language: 'en', audience: 'customers', topic: 'scanners' },
  subject: null,
  ...{ company: { id: 'doc_company', name: 'Frostvale' }, today: new Date('2026-11-20T00:00:00Z') },
};

function fact(text: string, kind: string, asks = false): Fact {
  const citation = { documentId: `doc ${text}`, title: 'Title', quote: text, at: '2026-11-10T00:00:00.000Z' };
  return { text, citation, kind, by: kind === 'FEEDBACK' ? 'Petra' : null, asks };
}

const facts = [
  fact('Scanners freeze.', 'FEEDBACK'),
  fact('Decoding was moved.', 'COMMIT'),
  fact('When is it out?', 'MESSAGE', true),
];

test.each(FORMS)('a %s holds each fact once, with a marker that leads to its citation', (form) => {
  const { body, citations, note } = extractiveDraft({ ...brief, form }, facts);
  for (const { text } of facts) expect(body.split(text)).toHaveLength(2);
  for (const [i, { quote }] of citations.entries()) {
    const line = body.split('\n').find((each) => each.includes(`[${i + 1}]`));
    expect(line).toContain(quote);
  }
  expect(citations).toHaveLength(3);
  expect(note).toContain('without a model');
});

test('what people say is quoted with who said it and when', () => {
  expect(extractiveDraft(brief, facts).body).toContain('- “Scanners freeze.” (Petra, 10 November 2026) [1]');
});

test('what somebody else wrote to the company is not told as its own words', () => {
  const answer = { ...fact('The minimum order is two cartons.', 'MESSAGE'), by: 'Hannah Osei (Medicor sales)' };
  const own = { ...fact('Scanners freeze at noon.', 'MESSAGE'), by: 'Petra Halloway (Frostvale)' };
  const { body } = extractiveDraft(brief, [answer, own]);
  const heard = body.slice(body.indexOf('What we heard:'), body.indexOf('What was answered:'));
  expect(heard).toContain('Scanners freeze at noon.');
  expect(heard).not.toContain('minimum order');
  expect(body.slice(body.indexOf('What was answered:'))).toContain('The minimum order is two cartons.');
});

test('a title names the company once, by whichever of its names the topic has', () => {
  const company = { id: 'doc_company', name: 'Frostvale Cold Storage' };
  const title = (topic: string) => extractiveDraft({ ...brief, company, topic }, facts).title;
  expect(title('scanners')).toBe('Scanners at Frostvale Cold Storage');
  expect(title('scanners of Frostvale')).toBe('Scanners of Frostvale');
});

test('a letter to all customers names none of them, and its topic needs no article', () => {
  const { body, title } = extractiveDraft(
    { ...brief, company: null, subject: '“slot system”', topic: 'slot system' },
    facts,
  );
  expect(body).toContain('I wanted to get in touch about “slot system”.');
  expect(body).toContain('- “Scanners freeze.” (10 November 2026) [1]');
  expect(title).toBe('Slot system');
});

test('an email greets, asks for one thing and leaves the name to its sender', () => {
  const { body, title } = extractiveDraft(brief, facts);
  expect(title).toBe('Scanners at Frostvale');
  expect(body).toMatch(/^Hello Frostvale team,\n\n/);
  expect(body).toMatch(/\(your name\)$/);
});

test('facts beyond the length that was asked for are left out, but for the first', () => {
  const long = Array.from({ length: 20 }, (_, i) => fact(`Fact ${i} ${'word '.repeat(30)}.`, 'TEXT'));
  expect(extractiveDraft({ ...brief, words: 100 }, long).citations).toHaveLength(3);
  expect(extractiveDraft({ ...brief, words: 10 }, long).citations).toHaveLength(1);
});

test('words are counted without markers', () => {
  expect(wordCount('It’s 1,500 loads [12], not 15. [3]')).toBe(5);
});

test('facts are the sentences that bear most on the topic, none said twice', () => {
  const sentences = [
    'The scanner freezes in the cold.',
    'The invoice is wrong again.',
    'In the cold the scanner is freezing.',
  ];
  const document = {
    ...{ id: 'doc_1', title: 'Monday', kind: 'TEXT' as const, at: '2026-11-10T00:00:00.000Z', author: null },
    sentences: sentences.map((text) => ({ text, quote: text })),
  };
  expect(factsOf([document], 'scanner in the cold', 5).map(({ text }) => text)).toEqual([
    'The scanner freezes in the cold.',
  ]);
  expect(factsOf([document], 'quantum chromodynamics', 5)).toEqual([]);
});

describe('what a model wrote', () => {
  const passages: NumberedPassage[] = ['Scanners freeze below 25 degrees.', 'All 58 doors are open.'].map(
    (text, i) => ({
      document: {
        ...{ id: `doc_${i + 1}`, title: 'Note', kind: 'TEXT', at: '2026-11-10T00:00:00.000Z', author: null },
        sentences: [{ text, quote: text }],
      },
      text,
    }),
  );
  const checked = (body: string, citations: { passage: number; quote: string }[]) =>
    checkedDraft({ title: 'A title', outline: ['One'], body, citations }, passages, brief);

  test('keeps the markers of quotes that stand in their passages, numbered as they are cited', () => {
    const draft = checked('All is open [2]. Scanners freeze [1]. It is sold [3].', [
      { passage: 1, quote: 'Scanners freeze below 25 degrees.' },
      { passage: 2, quote: 'all 58 doors' },
      { passage: 3, quote: 'It is sold.' },
    ]);
    expect(draft.body).toBe('All is open [1]. Scanners freeze [2]. It is sold.');
    expect(draft.citations.map(({ documentId, quote }) => [documentId, quote])).toEqual([
      ['doc_2', 'All 58 doors'],
      ['doc_1', 'Scanners freeze below 25 degrees.'],
    ]);
    expect(draft.citationsDropped).toBe(1);
  });

  test('is to be checked for figures that no cited passage has, and for every link', () => {
    const draft = checked('All 58 doors for 999 pounds, see https://evil.example/pay [2].', [
      { passage: 2, quote: 'All 58 doors' },
    ]);
    expect(draft.toCheck).toEqual(['https://evil.example/pay', '999']);
  });
});
