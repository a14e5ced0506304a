import type { GenerateEnd, GenerateRequest, TokenUsage, ToolCall } from '../../plugins/contract.ts';
import type { ModelWork } from '../integrations/integration.ts';
import type { AttemptOutcome } from '../usage/usage-event.ts';

/** What to answer. */
export interface GenerationInput extends Omit<GenerateRequest, 'model'> {
  /** `<integration>/<model>`; left out: the workspace's choice for `work`. */
  model?: string;
  work: ModelWork;
  /** Models to fall back to before those of the workspace. */
  fallbacks?: readonly string[];
  /** `use` (as by default): an answer of the last 5 minutes will do; `refresh`: make a new one and keep it; `off`: neither. */
  cache?: 'use' | 'refresh' | 'off';
  /** Documents whose text is in the request: where one is changed or deleted, the cached answer goes. */
  documentIds?: readonly string[];
}

/** One try at one provider, as a client is told of it. */
export interface Attempt {
  /** From 1. */
  seq: number;
  /** The integration's name. */
  provider: string;
  /** The model's id. */
  model: string;
  outcome: AttemptOutcome;
  /** A `ProviderErrorKind`; null where nothing went wrong. */
  errorCode: string | null;
  message: string | null;
  firstTokenMs: number | null;
  durationMs: number;
  usage: TokenUsage;
  /** Null where the price is not known. */
  costUsd: string | null;
}

/** A whole answer. `model` is the id of the model that gave it. */
export interface GeneratedAnswer {
  text: string;
  toolCalls: readonly ToolCall[];
  reasoning: string | null;
  finishReason: GenerateEnd['finishReason'];
  model: string;
  usage: TokenUsage;
  /** Of all attempts; null where a price is not known. */
  costUsd: string | null;
  cached: boolean;
  attempts: readonly Attempt[];
}

/** What happens while an answer is written. */
export type GenerationPart =
  | { kind: 'started'; model: string }
  | { kind: 'text' | 'reasoning'; text: string }
  | { kind: 'toolCall'; index: number; id?: string; name?: string; arguments: string }
  /** Everything so far is void: another provider, or the same once more, starts the whole answer again. */
  | { kind: 'restarted'; reason: string; fromModel: string; toModel: string }
  /** The last part of an answer that is whole. One that is not throws instead. */
  | { kind: 'completed'; answer: GeneratedAnswer };
