import type { ChatMessage, GenerateRequest, TokenUsage } from '../../plugins/contract.ts';
import type { ProviderError, ProviderErrorKind } from '../../plugins/errors.ts';
import { countTokens } from '../usage/token-count.ts';
import type { ToldSoFar } from './answer-collector.ts';
import type { MediaUse } from './price.ts';

export const NO_USAGE: TokenUsage = { inputTokens: 0, outputTokens: 0 };

/** Of a chat format's marks around a message, and of those that the answer begins with. */
const MESSAGE_TOKENS = 4;
const ANSWER_TOKENS = 3;
/** Of a photo: vendors take 85 to 1,600, by its size. */
const IMAGE_TOKENS = 765;

/** What a call sends to a model, as far as it can be counted. */
export interface SentTexts {
  readonly texts: readonly string[];
  /** Of what is no text. */
  readonly otherTokens: number;
  readonly images: number;
}

/** What an attempt used. */
export interface AttemptUse {
  /** Null where nobody can tell: sound has tokens that only the vendor knows. */
  readonly usage: TokenUsage | null;
  readonly media?: MediaUse;
}

/** What had come of an answer. */
export interface Written {
  readonly texts: readonly string[];
  /** Null: the vendor had told nothing of its tokens. */
  readonly told: ToldSoFar | null;
}

const NOTHING_WRITTEN: Written = { texts: [], told: null };

/** How an attempt ended that gave no whole answer. */
export interface Unfinished {
  /** Whether the request had been handed to the provider at all. */
  readonly wasSent: boolean;
  /** Null: the reader stopped reading. */
  readonly error: ProviderError | null;
  /** Whether anything of the answer had come. */
  readonly hasBegun: boolean;
  /** Whether it was a time limit of ours that ended it. */
  readonly hasExpired: boolean;
  /** Of sound that was sent; null or left out where nobody can tell. */
  readonly heardSeconds?: number | null | undefined;
  /** See `ModelCall.countWithinMs`. */
  readonly countWithinMs?: number | undefined;
}

/** Errors that a vendor sends after it has worked: what it answered with was of no use. */
const AFTER_THE_WORK: ReadonlySet<ProviderErrorKind> = new Set(['cancelled', 'malformed']);

/**
 * What of an unfinished attempt is taken to be billed: all that went in and had come out, once anything had come; what
 * went in, where a vendor had the request and may have worked on it; nothing where it refused, failed or was not reached.
 * See docs/decisions/0012.
 */
function isBilled({ wasSent, error, hasBegun, hasExpired }: Unfinished): boolean {
  return wasSent && (hasBegun || hasExpired || error === null || AFTER_THE_WORK.has(error.kind));
}

/**
 * What an unfinished attempt used: as far as its vendor had told, the rest counted.
 * @param sent null: it cannot be counted
 */
export async function unfinishedUse(
  end: Unfinished,
  sent: (() => SentTexts) | null,
  { texts, told }: Written = NOTHING_WRITTEN,
): Promise<AttemptUse> {
  // Who tells of tokens has taken them, however it ended.
  if (!isBilled(end) && told === null) return { usage: NO_USAGE };
  if (sent === null) return { usage: null, media: { audioSeconds: end.heardSeconds ?? null } };
  const given = sent();
  const used =
    told === null ? countedUsage(given, texts, end.countWithinMs) : usageSoFar(told, given, end.countWithinMs);
  return { usage: await used, media: { images: given.images } };
}

/** What a vendor had told, with what it had not. */
async function usageSoFar({ usage, since }: ToldSoFar, sent: SentTexts, withinMs?: number): Promise<TokenUsage> {
  const isInputTold = usage.inputTokens > 0;
  const counted = await countedUsage(isInputTold ? sentAsTexts([]) : sent, since, withinMs);
  return {
    ...usage,
    inputTokens: isInputTold ? usage.inputTokens : counted.inputTokens,
    outputTokens: usage.outputTokens + counted.outputTokens,
  };
}

/** Tokens of an attempt whose vendor has told none; see `countTokens` for how exact they are. */
export async function countedUsage(
  sent: SentTexts,
  written: readonly string[],
  withinMs?: number,
): Promise<TokenUsage> {
  const counts = [sent.texts, written].map((texts) => countTokens(texts, withinMs));
  const [inputTokens = 0, outputTokens = 0] = await Promise.all(counts);
  return { inputTokens: inputTokens + sent.otherTokens, outputTokens };
}

/** What a whole answer used: as its vendor told, and counted here where that says nothing of what was read or written. */
export function finishedUsage(
  told: TokenUsage,
  sent: () => SentTexts,
  written: () => readonly string[],
): TokenUsage | Promise<TokenUsage> {
  if (told.costUsd !== undefined || (told.inputTokens > 0 && told.outputTokens > 0)) return told;
  const texts = told.outputTokens > 0 ? [] : written().filter((text) => text !== '');
  if (told.inputTokens > 0 && texts.length === 0) return told;
  return countedUsage(sent(), texts).then(({ inputTokens, outputTokens }) => ({
    ...told,
    inputTokens: told.inputTokens || inputTokens,
    outputTokens: told.outputTokens || outputTokens,
  }));
}

/** Whether a vendor has told neither tokens nor a cost. */
export function isUntold({ inputTokens, outputTokens, costUsd }: TokenUsage): boolean {
  return inputTokens + outputTokens === 0 && costUsd === undefined;
}

/** What a request for an answer sends. */
export function sentByGenerating({ messages, tools, format }: Omit<GenerateRequest, 'model'>): SentTexts {
  const texts = messages.flatMap(textsOf);
  if (tools !== undefined && tools.length > 0) texts.push(JSON.stringify(tools));
  if (typeof format === 'object') texts.push(JSON.stringify(format.schema));
  const images = imagesIn(messages);
  const otherTokens = messages.length * MESSAGE_TOKENS + ANSWER_TOKENS + images * IMAGE_TOKENS;
  return { texts, otherTokens, images };
}

/** What a request of plain texts sends. */
export function sentAsTexts(texts: readonly string[]): SentTexts {
  return { texts, otherTokens: 0, images: 0 };
}

/** Images that a request shows. */
export function imagesIn(messages: readonly ChatMessage[]): number {
  let images = 0;
  for (const message of messages) {
    if (message.role !== 'user') continue;
    for (const { kind } of message.parts) if (kind !== 'text') images += 1;
  }
  return images;
}

function textsOf(message: ChatMessage): string[] {
  if (message.role === 'user') return message.parts.flatMap((part) => (part.kind === 'text' ? [part.text] : []));
  const calls = message.role === 'assistant' ? (message.toolCalls ?? []) : [];
  return [message.text, ...calls.flatMap(({ name, arguments: given }) => [name, given])];
}
