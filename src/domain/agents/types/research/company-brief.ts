import { z } from 'zod';
import { SIGNAL_TYPES } from '../../../insights/signal.ts';
import { CITATION, STATEMENT } from '../../evidence/citation.ts';

/** What customers' own words are, to whoever talks to them. */
export const NEED_KINDS = ['complaint', 'wish', 'interest', 'praise'] as const;
export type NeedKind = (typeof NEED_KINDS)[number];

const DATED = STATEMENT.describe('Something that a document says');
const NEED = STATEMENT.extend({ kind: z.enum(NEED_KINDS), by: z.string().nullable().describe('Who said it') });
const PERSON = STATEMENT.extend({ name: z.string(), role: z.string().nullable() });

/** A signal that was active when the brief was made. */
const ACTIVE_SIGNAL = z.object({
  id: z.string(),
  type: z.enum(SIGNAL_TYPES),
  strength: z.string(),
  confidence: z.number().describe('0 to 100'),
  detectedAt: z.string(),
  text: z.string().describe('The sentence that says so, where the signal holds one'),
  evidenceIds: z.array(z.string()),
});

/** What a focus question brought. */
const FOCUS_ANSWER = z.object({
  question: z.string(),
  answer: z.string().nullable().describe('Null: no document about the company answers it'),
  citations: z.array(CITATION),
});

/** What the workspace's documents say of a company, as someone reads it before a call. */
export const COMPANY_BRIEF = z.object({
  companyId: z.string(),
  company: z.string(),
  headline: z.string(),
  record: z
    .record(z.string(), z.union([z.string(), z.number(), z.boolean()]))
    .describe('What the company’s own record holds'),
  whoTheyAre: z.array(STATEMENT),
  lately: z.array(DATED).describe('Newest first'),
  people: z.array(PERSON),
  needs: z.array(NEED).describe('Complaints first, then wishes, interest and praise; each newest first'),
  signals: z.array(ACTIVE_SIGNAL).describe('Strongest first'),
  openQuestions: z.array(STATEMENT).describe('What they asked, newest first'),
  gaps: z.array(z.string()).describe('What no document says, and is worth finding out'),
  answers: z.array(FOCUS_ANSWER).describe('To the focus questions'),
  model: z.string().describe('What wrote it; local/extractive: its sentences are the documents’ own'),
  counts: z.object({
    documentsFound: z.int(),
    documentsRead: z.int(),
    statements: z.int(),
    statementsDropped: z.int().describe('That a model wrote, and no document bears out'),
  }),
  insightId: z.string().nullable().describe('Of the insight that says what to do; null: nothing calls for it'),
});
export type CompanyBrief = z.output<typeof COMPANY_BRIEF>;
export type NeedStatement = CompanyBrief['needs'][number];
export type PersonStatement = CompanyBrief['people'][number];
export type ActiveSignal = CompanyBrief['signals'][number];
export type FocusAnswer = CompanyBrief['answers'][number];

/** The parts of a brief that are statements of documents. */
export type BriefStatements = Pick<CompanyBrief, 'whoTheyAre' | 'lately' | 'people' | 'needs' | 'openQuestions'>;

/** How many statements a part of a brief has at the most. */
export interface BriefSize {
  whoTheyAre: number;
  lately: number;
  people: number;
  needs: number;
  openQuestions: number;
}

/** How many statements there are in all. */
export function countStatements({ whoTheyAre, lately, people, needs, openQuestions }: BriefStatements): number {
  return [whoTheyAre, lately, people, needs, openQuestions].reduce((sum, part) => sum + part.length, 0);
}
