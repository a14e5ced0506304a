import type { GenerateRequest, ModelInfo } from '../../plugins/contract.ts';
import { compareDecimals } from '../../shared/decimal.ts';
import { sentByGenerating } from './counted-usage.ts';
import { isFree, type MediaUse, usageCostUsd } from './price.ts';

/** What a try uses at the most. */
export interface UseBound {
  inputTokens: number;
  outputTokens: number;
  media?: MediaUse;
}

/** Where nobody says how long an answer may be, and a budget has to be kept. */
const DEFAULT_OUTPUT_TOKENS = 4_096;
/** Marks of a chat format around a text, by any vendor. */
const MARKS_PER_TEXT = 16;
/** Of the largest image that a vendor takes, by the dearest count (openai's smallest models). */
const TOKENS_PER_IMAGE = 50_000;
/** Opus at 6 kbit/s: nobody makes sound smaller. */
const BYTES_PER_SECOND_OF_SOUND = 750;
/** Of a slow voice, with its pauses. */
const SECONDS_PER_BYTE_OF_SPEECH = 0.25;
/** Of the models that take and make sound by the token. */
const TOKENS_PER_SECOND_OF_SOUND = 50;

/**
 * What a try of a model can cost at the most, by its dearest price of input: nobody knows before what the vendor's prompt
 * cache has, or keeps. Every token is a byte at least.
 * @returns exact decimal; null where a price is not known
 */
export function costBoundUsd({ inputTokens, outputTokens, media }: UseBound, info: ModelInfo): string | null {
  if (isFree(info)) return '0';
  const uses = [{}, { cachedInputTokens: inputTokens }, { cacheWriteTokens: inputTokens }];
  const costs = uses.map((cached) => usageCostUsd({ inputTokens, outputTokens, ...cached }, info, media));
  return costs.reduce((most, cost) => {
    if (most === null || cost === null) return null;
    return compareDecimals(cost, most) > 0 ? cost : most;
  });
}

/** A request that says how long its answer may be: where it does not, 4,096 tokens or all that the model can. */
export function withOutputLimit<Request extends Pick<GenerateRequest, 'maxOutputTokens'>>(
  request: Request,
  { contextTokens = DEFAULT_OUTPUT_TOKENS }: ModelInfo,
): Request {
  if (request.maxOutputTokens !== undefined) return request;
  return { ...request, maxOutputTokens: Math.min(DEFAULT_OUTPUT_TOKENS, contextTokens) };
}

/** Of a request that says how long its answer may be. */
export function answerBound(request: Omit<GenerateRequest, 'model'>): UseBound {
  const { texts, otherTokens, images } = sentByGenerating(request);
  const { maxOutputTokens = DEFAULT_OUTPUT_TOKENS, vendorOptions = {} } = request;
  const options = JSON.stringify(vendorOptions);
  const outputTokens = Math.max(maxOutputTokens, ...OUTPUT_LIMITS.map((name) => numberIn(vendorOptions, name)));
  return {
    inputTokens: textBound([...texts, options]) + otherTokens + images * TOKENS_PER_IMAGE,
    outputTokens: outputTokens * Math.max(1, numberIn(vendorOptions, 'n')),
    media: { images },
  };
}

/** Vendors' own fields that lengthen an answer. */
const OUTPUT_LIMITS = ['max_tokens', 'max_completion_tokens', 'max_output_tokens'] as const;

function numberIn(options: Readonly<Record<string, unknown>>, name: string): number {
  const value = options[name];
  return typeof value === 'number' && Number.isFinite(value) ? value : 0;
}

/** Of texts that nothing is written for. */
export function textsBound(texts: readonly string[]): UseBound {
  return { inputTokens: textBound(texts), outputTokens: 0 };
}

/**
 * Of sound that is written down.
 * @param ownSeconds as the file says: silence takes next to no bytes; null where it does not
 */
export function heardBound(audioBytes: number, ownSeconds: number | null): UseBound {
  const audioSeconds = Math.ceil(Math.max(audioBytes / BYTES_PER_SECOND_OF_SOUND, ownSeconds ?? 0));
  const tokens = audioSeconds * TOKENS_PER_SECOND_OF_SOUND;
  return { inputTokens: tokens, outputTokens: tokens, media: { audioSeconds } };
}

/** Of a text that is said. */
export function spokenBound(text: string): UseBound {
  const inputTokens = textBound([text]);
  const audioSeconds = Math.ceil(inputTokens * SECONDS_PER_BYTE_OF_SPEECH);
  return { inputTokens, outputTokens: audioSeconds * TOKENS_PER_SECOND_OF_SOUND, media: { audioSeconds } };
}

function textBound(texts: readonly string[]): number {
  return texts.reduce((sum, text) => sum + Buffer.byteLength(text) + MARKS_PER_TEXT, 0);
}
