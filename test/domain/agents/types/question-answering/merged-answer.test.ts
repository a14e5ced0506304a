import { expect, test } from 'vitest';
import {
  type AnsweredPart,
  mergeAnswers,
} from '../../../../../src/domain/agents/types/question-answering/merged-answer.ts';

const sources = new Map(['a', 'b'].map((id) => [id, { title: `Title of ${id}`, at: '2026-03-01T00:00:00.000Z' }]));
const part = (text: string, subject: string | null = null) => ({ isFollowUp: false, text, subject });
const answer = (text: string, ...citations: [documentId: string, quote: string][]): AnsweredPart => ({
  ...{
    asked: '',
    text,
    confidence: citations.length === 0 ? 0 : 0.8,
    followUpQuestions: [],
    model: 'local/extractive',
  },
  citations: citations.map(([documentId, quote]) => ({ documentId, quote })),
});

test('citations of several answers are numbered through, and the same one keeps its number', () => {
  const merged = mergeAnswers(
    [
      { part: part('One?', 'Frostvale'), answer: answer('Late [1]. Cold [2].', ['a', 'late'], ['b', 'cold']) },
      { part: part('Two?', 'Tarnside'), answer: answer('Cold [1].', ['b', 'cold']) },
    ],
    sources,
  );
  expect(merged.text).toBe('Frostvale: Late [1]. Cold [2]. Tarnside: Cold [2].');
  expect(merged.citations.map(({ documentId, title }) => [documentId, title])).toEqual([
    ['a', 'Title of a'],
    ['b', 'Title of b'],
  ]);
  expect(merged).toMatchObject({ isKnown: true, confidence: 0.8, unknown: [] });
});

test('a part that nothing answers is said, and halves the confidence of two', () => {
  const merged = mergeAnswers(
    [
      { part: part('One?'), answer: answer('Late [1].', ['a', 'late']) },
      { part: part('Two?'), answer: answer('I do not know.') },
    ],
    sources,
  );
  expect(merged).toMatchObject({
    text: 'Late [1]. Not known: Two?',
    isKnown: true,
    confidence: 0.4,
    unknown: ['Two?'],
  });
});

test('a citation of a document that is gone goes with its marker, and what is left without any is not known', () => {
  const merged = mergeAnswers([{ part: part('One?'), answer: answer('Late [1].', ['gone', 'late']) }], sources);
  expect(merged).toMatchObject({ isKnown: false, citations: [] });
  expect(merged.text).not.toContain('Late');
});
