import type { DocumentFilter } from '../../../documents/document.ts';
import type { AgentRunContext } from '../../agent-type.ts';
import type { Citation } from '../../evidence/citation.ts';
import { titleOf } from '../../evidence/evidence-document.ts';
import { properNames } from '../../evidence/proper-names.ts';
import { type AnsweredPart, isKnown, type MergedAnswer, mergeAnswers } from './merged-answer.ts';
import { askPart } from './part-answer.ts';
import { completed, type QuestionPart, questionParts, topicOf } from './question-parts.ts';

type Run = Pick<AgentRunContext<unknown, unknown>, 'step' | 'tools'>;

/** An answer that was put together of several. */
export interface ComposedAnswer extends MergedAnswer {
  asked: string[];
  followUpQuestions: string[];
  model: string;
}

/** Names of an answer that a further question goes on with. */
const CARRIED_NAMES = 2;
/** Parts without an answer that are asked again with the names that others have brought. */
const SECOND_TRIES = 2;

/**
 * Answers a question part by part: each part is asked by itself, one that goes on from another with the names which that
 * one's answer has brought, and one that found nothing once more with the names of the others.
 * @param label what the steps call the question
 * @param filters asked one after the other, until one brings an answer
 */
export async function answerByParts(
  run: Run,
  question: string,
  label: string,
  filters: readonly (DocumentFilter | undefined)[],
): Promise<ComposedAnswer> {
  const parts = questionParts(question);
  const answers: { part: QuestionPart; answer: AnsweredPart }[] = [];
  for (const [i, part] of parts.entries()) {
    const before = answers.at(-1);
    const context = part.isFollowUp && before !== undefined ? carriedFrom(before) : [];
    const asked = { question: completed(part, context), isCompared: part.subject !== null };
    const answer = await askPart(run, asked, `ask ${label}, part ${i + 1}`, filters);
    answers.push({ part, answer });
  }
  let tries = 0;
  for (const [i, { part, answer }] of answers.entries()) {
    const names = newNames(
      question,
      answers.map((each) => each.answer),
    );
    if (isKnown(answer) || parts.length === 1 || names.length === 0 || tries === SECOND_TRIES) continue;
    tries += 1;
    const asked = { question: completed(part, names), isCompared: false };
    const again = await askPart(run, asked, `ask ${label}, part ${i + 1} again`, filters);
    if (isKnown(again)) answers[i] = { part, answer: again };
  }
  const sources = await sourcesOf(
    run,
    answers.map(({ answer }) => answer),
    label,
  );
  const merged = mergeAnswers(answers, sources);
  const followUps = answers.flatMap(({ answer }) => answer.followUpQuestions);
  return {
    ...merged,
    asked: answers.map(({ answer }) => answer.asked),
    followUpQuestions: [...new Set(followUps)].slice(0, 3),
    model: (answers.find(({ answer }) => isKnown(answer)) ?? answers[0])?.answer.model ?? '',
  };
}

/** What a part goes on with: the new names of the answer before it, else what that one was about. */
function carriedFrom({ part, answer }: { part: QuestionPart; answer: AnsweredPart }): string[] {
  const names = newNames(part.text, [answer]);
  return names.length > 0 ? names : topicOf(part.text);
}

/** Names in the quotes of answers that the question does not have. */
function newNames(question: string, answers: readonly AnsweredPart[]): string[] {
  const names = answers.flatMap(({ citations }) => citations.flatMap(({ quote }) => properNames(quote)));
  return [...new Set(names)].filter((name) => !question.includes(name)).slice(0, CARRIED_NAMES);
}

/** Titles and times of what answers cite; documents that are gone since are none. */
async function sourcesOf(run: Run, answers: readonly AnsweredPart[], label: string) {
  const ids = [...new Set(answers.flatMap(({ citations }) => citations.map(({ documentId }) => documentId)))];
  if (ids.length === 0) return new Map<string, Pick<Citation, 'title' | 'at'>>();
  const rows = await run.step(`look up what the answer to ${label} cites`, async () => {
    const documents = await run.tools.readDocuments(ids);
    return documents.map((document): [string, string, string] => [
      document.id,
      titleOf(document),
      document.createdAt.toISOString(),
    ]);
  });
  return new Map(rows.map(([id, title, at]) => [id, { title, at }]));
}
