import type { JsonObject } from '../../shared/json.ts';
import type { Classification, Sentiment } from '../classification/classification.ts';
import type { AnswerCitation } from './answer.ts';

export type MessageRole = 'USER' | 'ASSISTANT' | 'SYSTEM' | 'TOOL';

/** Something that whoever reads an answer could do next. */
export interface SuggestedAction {
  label: string;
  kind: string;
  payload: JsonObject;
}

/** What was said. */
export interface Message {
  id: string;
  conversationId: string;
  /** From 1, within the conversation. */
  position: number;
  role: MessageRole;
  /** Of an answer: '' until its generation is over, and what there was of it where that was stopped or has failed. */
  text: string;
  /** ISO 639-1; null where it is not known. */
  language: string | null;
  citations: AnswerCitation[];
  sentiment: Sentiment | null;
  intent: Classification | null;
  suggestedActions: SuggestedAction[];
  /** Id of the model that wrote it; null for what a person wrote. */
  model: string | null;
  createdAt: Date;
}

/** What is found out about an answer after it was given. */
export type MessageFindings = Partial<Pick<Message, 'sentiment' | 'intent' | 'suggestedActions'>>;
