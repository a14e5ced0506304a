/** More than any share is known to, and less than what is left by dividing in floating point. */
const DIGITS = 12;

/** A share of a limit in percent: 90 where it is 90, not 89.99999999999999. */
export function percentOf(used: number, limit: number): number {
  return Number(((used / limit) * 100).toPrecision(DIGITS));
}
