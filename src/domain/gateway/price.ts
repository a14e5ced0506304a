import type { ModelInfo, TokenUsage } from '../../plugins/contract.ts';
import { addDecimals, multiplyDecimals } from '../../shared/decimal.ts';

const A_MILLIONTH = '0.000001';
/** Decimal places of a second of sound, of which no vendor bills less. */
const SECOND_DIGITS = 6;

/** What was used beside tokens. */
export interface MediaUse {
  /** Of sound, heard or spoken; null where nobody has told. */
  audioSeconds?: number | null;
  /** In the request. */
  images?: number;
}

/**
 * What tokens cost, exactly.
 * @param usdPerMillion decimal string; undefined where the price is not known
 * @returns decimal string of US dollars, or null where the price is not known
 */
export function tokenCostUsd(tokens: number, usdPerMillion: string | undefined): string | null {
  if (usdPerMillion === undefined) return null;
  return multiplyDecimals(multiplyDecimals(String(tokens), usdPerMillion), A_MILLIONTH);
}

/** Whether a model costs nothing, whatever it is asked. */
export function isFree(info: ModelInfo): boolean {
  const { inputUsdPerMillion, outputUsdPerMillion = '0', usdPerAudioSecond = '0', usdPerImage = '0' } = info;
  const prices = [inputUsdPerMillion, outputUsdPerMillion, usdPerAudioSecond, usdPerImage];
  return prices.every((price) => price !== undefined && /^0+(\.0+)?$/.test(price));
}

/** Whether a model is paid by the second of sound, and nothing for tokens. */
export function isPaidBySound({ usdPerAudioSecond, inputUsdPerMillion, outputUsdPerMillion }: ModelInfo): boolean {
  return usdPerAudioSecond !== undefined && inputUsdPerMillion === undefined && outputUsdPerMillion === undefined;
}

/**
 * What a try cost: as the vendor says, or by the model's prices. Tokens of the vendor's prompt cache cost what any input
 * costs where there is no price of their own. A model that is paid by the second of sound takes nothing for tokens,
 * unless they have a price too.
 * @returns exact decimal; null where a price, or how much was used, is not known
 */
export function usageCostUsd(usage: TokenUsage, info: ModelInfo, media: MediaUse = {}): string | null {
  if (usage.costUsd !== undefined) return usage.costUsd;
  const { inputUsdPerMillion: input, outputUsdPerMillion: output, usdPerAudioSecond, usdPerImage } = info;
  const cachedRead = usage.cachedInputTokens ?? 0;
  const cacheWrite = usage.cacheWriteTokens ?? 0;
  const tokenParts: [number, string | undefined][] = [
    [Math.max(usage.inputTokens - cachedRead - cacheWrite, 0), input],
    [cachedRead, info.cachedInputUsdPerMillion ?? input],
    [cacheWrite, info.cacheWriteUsdPerMillion ?? input],
    [usage.outputTokens, output],
  ];
  const paidParts = isPaidBySound(info) ? [] : tokenParts.filter(([tokens]) => tokens > 0);
  const parts = paidParts.map(([tokens, price]) => tokenCostUsd(tokens, price));
  if (usdPerAudioSecond !== undefined) parts.push(soundCostUsd(media.audioSeconds, usdPerAudioSecond));
  if (usdPerImage !== undefined) parts.push(multiplyDecimals(String(media.images ?? 0), usdPerImage));
  return parts.reduce((sum, part) => (sum === null || part === null ? null : addDecimals(sum, part)), '0');
}

/** Undefined where the call had nothing to do with sound. */
function soundCostUsd(seconds: number | null | undefined, usdPerSecond: string): string | null {
  if (seconds === undefined) return '0';
  if (seconds === null || !Number.isFinite(seconds) || seconds < 0) return null;
  return multiplyDecimals(seconds.toFixed(SECOND_DIGITS), usdPerSecond);
}
