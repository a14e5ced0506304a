import { expect, test } from 'vitest';
import { readQuestion } from '../../../../src/domain/conversations/answering/question.ts';
import { rankSentences } from '../../../../src/domain/conversations/answering/sentence-ranking.ts';
import { lacksWanted } from '../../../../src/domain/conversations/answering/wanted-kind.ts';

test.each([
  ['Who is the CEO of Bellmoor?', 'Bellmoor Care Homes went with Steripax because of the price.'],
  ['Wer ist Geschäftsführer von Kranz?', 'Kranz baut in Chemnitz eine neue Halle.'],
  ['How much would Lumen pay for co-op?', 'Lumen is looking for a producer and two leads for co-op titles.'],
  ['What does the emergency courier cost?', 'The emergency courier was called three times.'],
  ['Was kostet eine Bandsäge?', 'Eine Bandsäge hat eine Lieferzeit von 6 Wochen.'],
  ['How long does a cold box hold its temperature?', 'Three of twelve cold boxes came in warm.'],
  ['Who is the CTO of Bellmoor?', 'In October the factory of Bellmoor was closed.'],
])('%s is not answered by a sentence without what it asks for', (question, sentence) => {
  expect(lacksWanted(sentence, readQuestion(question))).toBe(true);
});

test.each([
  ['Who is the CEO of Orthex?', 'Orthex has appointed Miriam Okafor as chief executive.'],
  ['Who is head of procurement at Harbury?', 'Spoke with Joanna Kitt, head of procurement.'],
  ['Wer ist Geschäftsführerin von Möller?', 'Gespräch mit Dr. Anke Möller, Geschäftsführerin.'],
  ['How much would Lumen pay?', 'We could fund it with 400,000 euros.'],
  ['Combien coûte la livraison ?', 'La livraison coûte 12 €.'],
  ['How long does a box hold?', 'The boxes are tested for 72 hours at 30 degrees.'],
  ['Wie lange ist die Gewährleistung?', 'Die Gewährleistung beträgt 24 Monate ab Inbetriebnahme.'],
  ['¿Cuánto tiempo dura la garantía?', 'La garantía es de dos años.'],
  ['Who wrote the report?', 'The report is by Ann Lee.'],
  ['Who was the director of the film?', 'The film was directed by Ann Lee.'],
  ['How much did they raise?', 'They raised 12 million.'],
  ['How much does shipping cost?', 'Shipping is included in every plan.'],
  ['What does a seat cost in India?', 'A seat is ₹900.'],
  ['How long was the war?', 'It was fought from 1914 to 1918.'],
  ['How long is the warranty?', 'La garanzia è di 24 mesi.'],
  ['How long is the warranty?', '保証期間は二年です。'],
])('%s may be answered by a sentence that has it', (question, sentence) => {
  expect(lacksWanted(sentence, readQuestion(question))).toBe(false);
});

test.each([
  ['How much time did they spend on the move?', 'number'],
  ['What is the deadline for the budget?', null],
  ['What is the cost centre of marketing?', null],
  ['What does the report say about the cost of delays?', null],
  ['What is the process for changing the price?', null],
  ['What is the monthly fee for support?', 'money'],
  ['What does the emergency courier cost per trip?', 'money'],
] as const)('%s wants %s', (question, wanted) => {
  expect(readQuestion(question).wanted).toBe(wanted);
});

test('of two near sentences the one that names a sum answers what something costs', () => {
  const sentences = ['The emergency courier was called three times.', 'An emergency courier is 95 pounds.'].map(
    (text) => ({
      text,
      context: '',
      similarity: 0.6,
      passageScore: 0.5,
    }),
  );
  expect(rankSentences(readQuestion('How much does the emergency courier cost?'), sentences)[0]?.place).toBe(1);
});

test('words that say nothing are left out of a question in its own language, and in no other', () => {
  expect([...readQuestion('Wie lange ist die Gewährleistung?').terms]).toEqual(['gewährleistung']);
  expect([...readQuestion('How did the man die in the war?').terms]).toEqual(['man', 'die', 'war']);
  expect([...readQuestion('War deaths').terms]).toEqual(['war', 'death']);
});

test('words are found in a script that puts no spaces between them', () => {
  expect([...readQuestion('保証期間はどのくらいですか？').terms]).toEqual(['保証', '期間']);
});
