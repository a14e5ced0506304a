import type { ErrorCode } from '../../shared/errors.ts';
import type { JsonObject } from '../../shared/json.ts';
import type { DocumentFilter } from '../documents/document.ts';
import type { Attempt } from '../gateway/generation.ts';
import type { GenerationTask, UsageAmount } from './answer.ts';

export type GenerationStatus = 'QUEUED' | 'STREAMING' | 'COMPLETED' | 'STOPPED' | 'FAILED';

/** How an answer is wanted. */
export interface GenerationOptions {
  /** Absent in rows from before there was a choice: CHAT. */
  task?: GenerationTask;
  model: string | null;
  retrieval: boolean;
  filter: DocumentFilter | null;
  temperature: number | null;
  maxTokens: number | null;
}

/** The making of an answer. */
export interface Generation {
  id: string;
  conversationId: string;
  questionId: string;
  /** The message that the answer is. */
  messageId: string;
  status: GenerationStatus;
  /** The model that began the text as it stands; null before the first. */
  model: string | null;
  attempts: Attempt[];
  usage: UsageAmount;
  /** Number of its last event. */
  lastSeq: number;
  /** Of one that waits: when it was asked for. */
  startedAt: Date;
  finishedAt: Date | null;
}

/** What happens while an answer is made; the log's rows. */
export type LogEntry =
  | { kind: 'STARTED'; data: { model: string } }
  | { kind: 'TEXT'; data: { text: string } }
  /** The text before it is void. */
  | { kind: 'RESTARTED'; data: { reason: string; fromModel: string; toModel: string } }
  | { kind: 'TOOL'; data: { tool: string; arguments: JsonObject } }
  | LogEnd;

/** The last entry of a log. */
export type LogEnd =
  | { kind: 'FAILED'; data: { code: ErrorCode; message: string } }
  | { kind: 'COMPLETED'; data: { messageId: string; usage: UsageAmount; stopped: boolean } };

/** An entry with its number, from 1 without a gap. */
export type GenerationEvent = LogEntry & { generationId: string; seq: number; at: Date };

export const NO_USAGE_AMOUNT: UsageAmount = { inputTokens: 0, outputTokens: 0, cachedTokens: 0, costUsd: '0' };

/** Rung at each event of a generation. */
export function generationTopic(workspaceId: string, id: string): string {
  return `generation:${workspaceId}:${id}`;
}

/** Rung when a generation is to be stopped. */
export function generationStopTopic(workspaceId: string, id: string): string {
  return `generation-stop:${workspaceId}:${id}`;
}

/** Rung when a generation waits for any server that has room. */
export const GENERATIONS_WAITING_TOPIC = 'generations-waiting';

export function isOver({ status }: Pick<Generation, 'status'>): boolean {
  return status !== 'QUEUED' && status !== 'STREAMING';
}
