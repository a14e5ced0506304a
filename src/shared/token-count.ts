/** What a count of the API, and of the ledger, can hold. */
export const MAX_TOKENS = 2 ** 31 - 1;

/** A count as somebody else's program has told it; undefined where it is none: it is 0 then, never guessed. */
export function tokenCount(value: unknown): number | undefined {
  const isCount = typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 && value <= MAX_TOKENS;
  return isCount ? value : undefined;
}

/** Counts together; what is none counts nothing. */
export function tokenSum(...values: readonly unknown[]): number {
  const sum = values.reduce<number>((total, value) => total + (tokenCount(value) ?? 0), 0);
  return Math.min(sum, MAX_TOKENS);
}

/** Counts of one call as a vendor told them. */
type ToldCounts = Partial<
  Record<'inputTokens' | 'outputTokens' | 'cachedInputTokens' | 'cacheWriteTokens' | 'reasoningTokens', unknown>
>;

/** The counts that are some; details that were not told are left out. */
export function readTokens(told: ToldCounts): {
  inputTokens: number;
  outputTokens: number;
  cachedInputTokens?: number;
  cacheWriteTokens?: number;
  reasoningTokens?: number;
} {
  const cachedInputTokens = tokenCount(told.cachedInputTokens);
  const cacheWriteTokens = tokenCount(told.cacheWriteTokens);
  const reasoningTokens = tokenCount(told.reasoningTokens);
  return {
    inputTokens: tokenCount(told.inputTokens) ?? 0,
    outputTokens: tokenCount(told.outputTokens) ?? 0,
    ...(cachedInputTokens === undefined ? {} : { cachedInputTokens }),
    ...(cacheWriteTokens === undefined ? {} : { cacheWriteTokens }),
    ...(reasoningTokens === undefined ? {} : { reasoningTokens }),
  };
}
