/** Amounts beyond this are no prices: sums of them would take their time, and fit nowhere. */
export const USD_SHAPE = /^\d{1,15}(\.\d{1,18})?$/;
export const FRACTION_MAX_DIGITS = 18;

/** An amount in US dollars as somebody else's program has told it; undefined where it is none. */
export function usdAmount(value: unknown): string | undefined {
  return typeof value === 'string' && USD_SHAPE.test(value) ? value : undefined;
}
