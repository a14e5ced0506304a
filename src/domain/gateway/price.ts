/**
 * What tokens cost, exactly.
 * @param usdPerMillion decimal string; undefined where the price is not known
 * @returns decimal string of US dollars, or null where the price is not known
 */
export function tokenCostUsd(tokens: number, usdPerMillion: string | undefined): string | null {
  if (usdPerMillion === undefined) return null;
  const [whole = '0', fraction = ''] = usdPerMillion.split('.');
  const scale = fraction.length + 6;
  const units = BigInt(whole + fraction) * BigInt(tokens);
  const digits = units.toString().padStart(scale + 1, '0');
  const decimals = digits.slice(-scale).replace(/0+$/, '');
  return decimals === '' ? digits.slice(0, -scale) : `${digits.slice(0, -scale)}.${decimals}`;
}
