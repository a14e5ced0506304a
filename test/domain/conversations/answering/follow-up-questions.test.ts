import { expect, test } from 'vitest';
import { followUpQuestions } from '../../../../src/domain/conversations/answering/follow-up-questions.ts';
import type { Passage } from '../../../../src/domain/conversations/answering/passage.ts';

function passage(documentId: string, title: string | null, text: string): Passage {
  return { documentId, title, text, score: 0.5, similarity: 0.5, start: 0 } as unknown as Passage;
}

test('words that stand beside one another in one sentence alone are no phrase', () => {
  const passages = [
    passage(
      'doc_a',
      'Queue',
      'Hauliers complain that the gate is closed. The queue stood on the main road for an hour.',
    ),
    passage('doc_b', 'Delivery times', 'Delivery to mainland UK takes one to two days, to Norway four to six days.'),
  ];
  expect(followUpQuestions('Is the gate closed?', 'The gate is closed.', passages)).toEqual([
    'What do the documents say about Norway?',
    'What does “Queue” say?',
    'What does “Delivery times” say?',
  ]);
});

test('what several documents call by the same words is asked about by them', () => {
  const passages = [
    passage('doc_a', null, 'We would like to have a standing order for gloves.'),
    passage('doc_b', null, 'The standing order was changed twice.'),
  ];
  expect(followUpQuestions('Who buys gloves?', 'Calder buys gloves.', passages)).toEqual([
    'What do the documents say about standing order?',
  ]);
});

test('a name is asked about as a whole, and not where a part of it is known already', () => {
  const passages = [
    passage('doc_a', null, 'Yesterday the nurses of Harbury General Hospital met Amara Nwosu on Friday in September.'),
  ];
  expect(followUpQuestions('Who leads Harbury General?', 'Nobody is said to.', passages)).toEqual([
    'What do the documents say about Amara Nwosu?',
  ]);
});

test('the end of a name that begins a sentence is no name, nor is how a quotation begins', () => {
  const passages = [
    passage(
      'doc_a',
      null,
      'Nimbus Publishing wants the build. They said: “Precisely so.” Under Settings it is shown. Please call St Bride’s Hospital Trust today.',
    ),
  ];
  expect(followUpQuestions('Who wants the build?', 'Nobody.', passages)).toEqual([
    'What do the documents say about St Bride’s Hospital Trust?',
  ]);
});

test('a title that asks is asked as it stands', () => {
  const passages = [passage('doc_a', 'Does the app run on tablets?', 'Only phones are told of in the store.')];
  expect(followUpQuestions('How much is shipping?', 'It costs 5 pounds.', passages)).toEqual([
    'Does the app run on tablets?',
  ]);
});

test('what the question and its answer speak of is not asked again', () => {
  const passages = [passage('doc_a', 'Returns of goods', 'Goods are returned within 30 days, says Returns Desk.')];
  expect(followUpQuestions('How are goods returned?', 'Goods are returned within 30 days.', passages)).toEqual([]);
});
