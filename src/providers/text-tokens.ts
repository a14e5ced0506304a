import { tokenCount } from '../shared/token-count.ts';

/**
 * Tokens of each text where the vendor tells their sum alone: by length, in whole numbers that add up to the sum. What is
 * no count is 0.
 */
export function shareOutTokens(told: unknown, texts: readonly string[]): number[] {
  const sum = tokenCount(told) ?? 0;
  // An empty text counts as one character: most tokenizers make an end mark of it.
  const total = texts.reduce((length, text) => length + Math.max(1, text.length), 0);
  let charactersBefore = 0;
  let tokensBefore = 0;
  return texts.map((text) => {
    charactersBefore += Math.max(1, text.length);
    const tokensUntil = Math.round((sum * charactersBefore) / total);
    const share = tokensUntil - tokensBefore;
    tokensBefore = tokensUntil;
    return share;
  });
}
