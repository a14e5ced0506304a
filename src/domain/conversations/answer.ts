import type { JsonObject } from '../../shared/json.ts';
import type { DocumentFilter } from '../documents/document.ts';
import type { Attempt } from '../gateway/generation.ts';
import type { ModelCall } from '../gateway/model-call.ts';

/** Where an answer has something from: words of a document, as they stand in it. */
export interface AnswerCitation {
  documentId: string;
  /** In the document's text, letter by letter. */
  quote: string;
  /** 0..1: how near the passage is to the question. */
  similarity: number;
}

/** What something took of a model. */
export interface UsageAmount {
  inputTokens: number;
  outputTokens: number;
  /** Of the input tokens, those that the vendor's own cache had. */
  cachedTokens: number;
  /** Exact decimal; null where a price is not known. */
  costUsd: string | null;
}

/** A picture that came with a question; its content is read by `readAttachment` of message-store.ts. */
export interface Attachment {
  id: string;
  fileName: string;
  mimeType: string;
  bytes: number;
}

/** What happens while a question is answered. */
export type AnswerPart =
  | { kind: 'started'; model: string }
  | { kind: 'text'; text: string }
  /** The text so far is void: the whole answer starts again. */
  | { kind: 'restarted'; reason: string; fromModel: string; toModel: string }
  | { kind: 'toolCall'; tool: string; arguments: JsonObject }
  /** The last part of an answer that is whole; `text` is what the parts since the last restart add up to. */
  | AnswerCompletion;

export interface AnswerCompletion {
  kind: 'completed';
  text: string;
  /** Id of the model that answered. */
  model: string;
  /** ISO 639-1; null where it cannot be told. */
  language: string | null;
  citations: AnswerCitation[];
  /** Of every attempt. */
  usage: UsageAmount;
  attempts: readonly Attempt[];
}

/** What is made: an answer of a conversation, or what a picture shows. */
export type GenerationTask = 'CHAT' | 'DESCRIBE_IMAGE';

/** What to answer, and how. */
export interface AnswerQuestion {
  task: GenerationTask;
  conversationId: string;
  /**
   * The message of the user that is answered. It and those before it are in the table `messages`, in the order of
   * `position` within the conversation; the answer's own row, and those of answers that have failed, may be empty.
   */
  messageId: string;
  generationId: string;
  /** `<integration>/<model>`; left out: the workspace's choice for chat. */
  model?: string;
  /** Whether passages of the workspace's documents may be looked up. */
  retrieval: boolean;
  /** Which documents; null: all of them. */
  filter: DocumentFilter | null;
  temperature?: number;
  maxTokens?: number;
  attachments: readonly Attachment[];
}

/** A question that is not written down yet. */
export interface ExpectedQuestion extends Pick<AnswerQuestion, 'model' | 'retrieval' | 'maxTokens'> {
  text: string;
  pictures: number;
}

/** Answers questions. */
export interface AnswerMaker {
  /**
   * What stands against an answer before it is begun, as far as that is known then; nothing is taken or counted.
   * @throws NoProviderError, InvalidInputError (a model that does not see), RateLimitedError, LimitReachedError,
   * BudgetExceededError
   */
  check(call: ModelCall, expected: ExpectedQuestion): Promise<void>;
  /**
   * Asked again after a server died, it answers from the beginning.
   * @throws as the gateway does; the signal's reason soon after `call.signal` is aborted
   */
  answer(call: ModelCall, question: AnswerQuestion): AsyncGenerator<AnswerPart, void>;
}

/** A message that an answer was stored as. */
export interface AnsweredMessage {
  id: string;
  conversationId: string;
  /** The question that it answers. */
  questionId: string;
  text: string;
  language: string | null;
  model: string | null;
}

/** Adds to an answer what can be told of it: intent, sentiment, suggested actions. */
export interface AnswerPostProcessor {
  /** Called after the text is stored and told, never before; what it throws is logged. */
  process(call: ModelCall, message: AnsweredMessage): Promise<void>;
}
