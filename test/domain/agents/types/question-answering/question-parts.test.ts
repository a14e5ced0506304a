import { expect, test } from 'vitest';
import {
  completed,
  questionParts,
  topicOf,
} from '../../../../../src/domain/agents/types/question-answering/question-parts.ts';

test.each([
  ['Who owns the yard?', ['Who owns the yard?']],
  ['Who owns the yard? How many doors has it?', ['Who owns the yard?', 'How many doors has it?']],
  ['Who owns the yard and what did it cost?', ['Who owns the yard?', 'what did it cost?']],
  ['Why do scanners and tablets fail?', ['Why do scanners and tablets fail?']],
  [
    'Compare Frostvale and Brindlewick in terms of scanners',
    ['What about scanners at Frostvale?', 'What about scanners at Brindlewick?'],
  ],
  ['What is the difference between plan A and plan B?', ['What about plan A?', 'What about plan B?']],
  ['How do Frostvale and Tarnside differ?', ['What about Frostvale?', 'What about Tarnside?']],
  ['Which is larger, Frostvale or Tarnside?', ['Which is larger: Frostvale?', 'Which is larger: Tarnside?']],
  [
    'What do Frostvale, Osprey Quay and Tarnside complain about?',
    ['What do Frostvale complain about?', 'What do Osprey Quay complain about?', 'What do Tarnside complain about?'],
  ],
  ['scanner freezes', ['scanner freezes']],
])('%s is asked as %j', (question, parts) => {
  expect(questionParts(question).map(({ text }) => text)).toEqual(parts);
});

test('what is compared is named', () => {
  expect(questionParts('Compare Frostvale with Brindlewick').map(({ subject }) => subject)).toEqual([
    'Frostvale',
    'Brindlewick',
  ]);
});

test('a part that names nothing or refers to something goes on from the one before it; the first never does', () => {
  const goOn = (question: string) => questionParts(question).map(({ isFollowUp }) => isFollowUp);
  expect(goOn('What is it and who leads the round?')).toEqual([false, true]);
  expect(goOn('Who leads Frostvale? Who leads Tarnside?')).toEqual([false, false]);
  expect(goOn('Who leads Frostvale? What do they want?')).toEqual([false, true]);
});

test('there are six parts at the most, also of a text that asks and asks', () => {
  expect(questionParts('Who is it? '.repeat(500))).toHaveLength(6);
});

test('a part is completed by what it does not say itself', () => {
  const part = { isFollowUp: true, text: 'What did Petra want?', subject: null };
  expect(completed(part, ['Petra', 'Frostvale'])).toBe('What did Petra want? (Frostvale)');
  expect(completed(part, [])).toBe('What did Petra want?');
});

test('a question is about its names, else about its longest phrase', () => {
  expect(topicOf('Who visited Osprey Quay?')).toEqual(['Osprey Quay']);
  expect(topicOf('Why did the deep freeze scanner stop?')).toEqual(['deep freeze scanner']);
});
