import { z } from 'zod';
import type { JsonObject } from '../../../../shared/json.ts';
import type { DocumentFilter } from '../../../documents/document.ts';
import { EXTRACTIVE_MODEL } from '../../../summaries/summary.ts';
import type { DocumentPlace } from '../../agent-tools.ts';
import { type AgentRunContext, defineAgentType } from '../../agent-type.ts';
import { type AskedQuestion, type FrequentQuestion, mostAsked, questionsIn } from '../../evidence/asked-questions.ts';
import { CITATION, clipped, counted } from '../../evidence/citation.ts';
import { placeOf } from '../../evidence/evidence-document.ts';
import { jsonShaped } from '../../evidence/json-shaped.ts';
import { answerByParts } from './local-answer.ts';
import { checkAnswer, writeAnswer } from './written-answer.ts';

const DAY_MS = 86_400_000;
const QUESTION_CHARACTERS = 2_000;
const DOCUMENTS_OF_PAGE = 500;
const PAGES = 6;
/** Questions of one page that are kept: the newest. */
const QUESTIONS_OF_PAGE = 150;
/** Questions of documents that are tried, for each one that is to be answered: many are meant for one person alone. */
const TRIES = 2;
/** Questions that are compared with each other. */
const COMPARED = 600;

const configuration = z.object({
  questions: z
    .array(z.string().min(1).max(QUESTION_CHARACTERS))
    .max(50)
    .default([])
    .describe('Answered by each run without input; empty: those that recent feedback and messages ask'),
  maxQuestions: z.int().min(1).max(50).default(10).describe('How many questions a run answers'),
  maxRounds: z.int().min(1).max(12).default(6).describe('How often a model may look for more before it has to answer'),
  days: z.int().min(1).max(3_650).default(90).describe('How far back documents are looked through for questions'),
});
const input = z.object({
  question: z
    .string()
    .min(1)
    .max(QUESTION_CHARACTERS)
    .optional()
    .describe('What to answer; left out: the configured questions, or those of recent documents'),
});

const ANSWERED = z.object({
  question: z.string(),
  answer: z.string().describe('With markers: [1] is the first of the citations'),
  isKnown: z.boolean().describe('Whether documents answer it, or a part of it'),
  isPartial: z.boolean().describe('Whether they answer a part of it alone'),
  confidence: z.number().describe('0 to 1'),
  citations: z.array(CITATION),
  unknown: z.array(z.string()).describe('Parts of the question that nothing answers'),
  toCheck: z.array(z.string()).describe('Figures and addresses of the answer that stand in no cited document'),
  asked: z.array(z.string()).describe('What was asked or searched for'),
  followUpQuestions: z.array(z.string()),
  askedIn: z
    .object({ documentId: z.string(), title: z.string(), times: z.int() })
    .nullable()
    .describe('The document that asks it, and how often it was asked; null: it was given'),
  citationsDropped: z.int().describe('That a model gave, and that do not stand in what it read'),
  model: z.string(),
});
type Answered = z.output<typeof ANSWERED>;

const output = z.object({
  headline: z.string(),
  answers: z.array(ANSWERED).describe('Those that are known first, then those that are in part'),
  counts: z.object({
    asked: z.int(),
    answered: z.int(),
    answeredInPart: z.int(),
    citations: z.int(),
    citationsDropped: z.int(),
  }),
  leftOut: z.array(z.string()).describe('What was not looked at, and why'),
  model: z.string(),
});

type Run = AgentRunContext<z.output<typeof configuration>, z.output<typeof input>>;
type Output = z.output<typeof output>;
type ToAnswer = { text: string; from: FrequentQuestion | null };

/** Answers questions from documents. */
export const questionAnswering = defineAgentType({
  type: 'QUESTION_ANSWERING',
  description:
    'Answers questions from the workspace’s documents with citations: a model that writes looks around by itself, several searches deep; without one, questions are taken apart and answered in the documents’ own sentences.',
  configuration,
  input,
  output,
  tools: ['search', 'list_documents', 'read_documents', 'find_company', 'read_signals', 'ask', 'write'],
  run: (run) => runQuestionAnswering(run),
});

async function runQuestionAnswering(run: Run): Promise<Output & JsonObject> {
  const { questions, leftOut } = await questionsOf(run);
  const answers: Answered[] = [];
  for (const [i, question] of questions.entries()) {
    answers.push(await answerOne(run, question, `question ${i + 1}`));
    run.progress(i + 1, questions.length);
    if (answers.filter(({ isKnown }) => isKnown).length === run.configuration.maxQuestions) break;
  }
  const { whole, partial, unknown } = byHowKnown(answers);
  const written = answers.find(({ model }) => model !== EXTRACTIVE_MODEL);
  return {
    headline: headlineOf(answers),
    answers: [...whole, ...partial, ...unknown],
    counts: {
      asked: answers.length,
      answered: whole.length,
      answeredInPart: partial.length,
      citations: answers.reduce((sum, { citations }) => sum + citations.length, 0),
      citationsDropped: answers.reduce((sum, { citationsDropped }) => sum + citationsDropped, 0),
    },
    leftOut,
    model: written?.model ?? EXTRACTIVE_MODEL,
  };
}

function headlineOf(answers: readonly Answered[]): string {
  const [only] = answers;
  if (only === undefined)
    return 'No question was given, and recent documents ask none that can be understood by itself.';
  if (answers.length === 1) return clipped(only.answer, 300);
  const { whole, partial } = byHowKnown(answers);
  const further = partial.length === 0 ? '' : `, ${partial.length} more in part`;
  return `${whole.length} of ${counted(answers.length, 'question')} answered from the documents${further}.`;
}

function byHowKnown(answers: readonly Answered[]) {
  return {
    whole: answers.filter(({ isKnown, isPartial }) => isKnown && !isPartial),
    partial: answers.filter(({ isPartial }) => isPartial),
    unknown: answers.filter(({ isKnown }) => !isKnown),
  };
}

async function questionsOf(run: Run): Promise<{ questions: ToAnswer[]; leftOut: string[] }> {
  const { questions: configured, maxQuestions } = run.configuration;
  if (run.input.question !== undefined) return { questions: [{ text: run.input.question, from: null }], leftOut: [] };
  if (configured.length > 0) {
    const left = configured.length - maxQuestions;
    const questions = configured.slice(0, maxQuestions).map((text) => ({ text, from: null }));
    return {
      questions,
      leftOut: left > 0 ? [`${counted(left, 'configured question')} beyond the first ${maxQuestions}.`] : [],
    };
  }
  const { asked, documents, isAll } = await askedInDocuments(run);
  const frequent = mostAsked(asked.slice(0, COMPARED));
  const tried = maxQuestions * TRIES;
  const left = frequent.length - tried;
  const leftOut = [
    `Questions of ${isAll ? '' : 'the newest '}${counted(documents, 'document')} of the last ${counted(run.configuration.days, 'day')}${left > 0 ? `; ${counted(left, 'further question')} left` : ''}.`,
  ];
  return { questions: frequent.slice(0, tried).map((from) => ({ text: from.text, from })), leftOut };
}

/** What a step brings of a page of documents. */
type PageOfQuestions = { questions: (AskedQuestion & JsonObject)[]; count: number; last: DocumentPlace | null };

/** The questions that feedback and messages ask, newest first. */
async function askedInDocuments(run: Run): Promise<{ asked: AskedQuestion[]; documents: number; isAll: boolean }> {
  const createdAfter = new Date(run.requestedAt.getTime() - run.configuration.days * DAY_MS);
  const asked: AskedQuestion[] = [];
  let documents = 0;
  let after: DocumentPlace | null = null;
  for (let page = 0; page < PAGES; page++) {
    const from: DocumentPlace | null = after;
    const name = `look for questions in documents ${page * DOCUMENTS_OF_PAGE + 1}–${(page + 1) * DOCUMENTS_OF_PAGE}`;
    const read: PageOfQuestions = await run.step(name, async () => {
      const filter: DocumentFilter = { kinds: ['FEEDBACK', 'MESSAGE'], createdAfter };
      const listed = await run.tools.listNewest({ filter, after: from, first: DOCUMENTS_OF_PAGE });
      const found = newestFirst(listed.flatMap(questionsIn)).slice(0, QUESTIONS_OF_PAGE);
      return { questions: found.map((each) => ({ ...each })), count: listed.length, last: placeOf(listed.at(-1)) };
    });
    asked.push(...read.questions);
    documents += read.count;
    after = read.last;
    if (read.count < DOCUMENTS_OF_PAGE) return { asked: newestFirst(asked), documents, isAll: true };
  }
  return { asked: newestFirst(asked), documents, isAll: false };
}

function newestFirst(questions: readonly AskedQuestion[]): AskedQuestion[] {
  return questions.toSorted((left, right) => (left.at < right.at ? 1 : left.at > right.at ? -1 : 0));
}

async function answerOne(run: Run, { text: question, from }: ToAnswer, label: string): Promise<Answered> {
  const askedIn = from === null ? null : { documentId: from.documentId, title: from.title, times: from.times };
  if (run.model === null) {
    const { text, ...composed } = await answerByParts(run, question, label, filtersFor(from));
    const isPartial = composed.isKnown && composed.unknown.length > 0;
    return { question, answer: text, ...composed, isPartial, toCheck: [], askedIn, citationsDropped: 0 };
  }
  const { maxRounds } = run.configuration;
  const written = await run.step(`answer ${label}`, async () =>
    jsonShaped(await writeAnswer(run.tools, question, maxRounds)),
  );
  const checked = await run.step(`check the citations of ${label}`, async () =>
    jsonShaped(await checkAnswer(run.tools, { question, askedIn: from?.documentId ?? null }, written)),
  );
  const { text, searches, dropped, ...rest } = checked;
  const isPartial = rest.isKnown && rest.unknown.length > 0;
  const given = { isPartial, asked: searches, followUpQuestions: [] };
  return { question, answer: text, ...rest, ...given, askedIn, citationsDropped: dropped, model: run.model };
}

/** A question of a document is not answered by that document: later ones are asked, then earlier ones. */
function filtersFor(from: AskedQuestion | null): (DocumentFilter | undefined)[] {
  if (from === null) return [undefined];
  return [{ createdAfter: new Date(from.at) }, { createdBefore: new Date(from.at) }];
}
