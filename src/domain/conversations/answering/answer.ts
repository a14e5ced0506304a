import type { AnswerCitation } from '../answer.ts';

/** What the workspace's documents say to a question. */
export interface Answer {
  /** With markers: `[1]` is the first of the citations. */
  text: string;
  /** 0..1: how often answers with such a figure hold; 0 where nothing was found. */
  confidence: number;
  citations: AnswerCitation[];
  /** What the same documents could be asked next; three at the most. */
  followUpQuestions: string[];
  /** Id of the model that wrote it; `local/extractive` where its sentences are the documents' own. */
  model: string;
}

export const FOLLOW_UPS_MAX = 3;
