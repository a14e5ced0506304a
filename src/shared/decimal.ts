const DECIMAL_SHAPE = /^(-?)(\d+)(?:\.(\d+))?$/;

interface Scaled {
  /** The number times 10 to the power of `scale`. */
  units: bigint;
  scale: number;
}

/**
 * Adds amounts of money exactly. Decimals are plain text such as `0.00012300`, without an exponent; the sum has no
 * trailing zeros.
 * @throws RangeError where a text is no decimal
 */
export function addDecimals(left: string, right: string): string {
  const [first, second] = [parseDecimal(left), parseDecimal(right)];
  const scale = Math.max(first.scale, second.scale);
  return formatDecimal({ units: rescale(first, scale) + rescale(second, scale), scale });
}

/** The exact sum, in the same form; of nothing it is 0. @throws RangeError where a text is no decimal */
export function sumDecimals(values: readonly string[]): string {
  const parsed = values.map(parseDecimal);
  const scale = parsed.reduce((most, value) => Math.max(most, value.scale), 0);
  return formatDecimal({ units: parsed.reduce((sum, value) => sum + rescale(value, scale), 0n), scale });
}

/** The exact product, in the same form. @throws RangeError where a text is no decimal */
export function multiplyDecimals(left: string, right: string): string {
  const [first, second] = [parseDecimal(left), parseDecimal(right)];
  return formatDecimal({ units: first.units * second.units, scale: first.scale + second.scale });
}

/** `left` without `right`, exactly. @throws RangeError where a text is no decimal */
export function subtractDecimals(left: string, right: string): string {
  return addDecimals(left, right.startsWith('-') ? right.slice(1) : `-${right}`);
}

/**
 * Which of two decimals is larger: below 0 the right one, above 0 the left one, 0 neither.
 * @throws RangeError where a text is no decimal
 */
export function compareDecimals(left: string, right: string): number {
  const [first, second] = [parseDecimal(left), parseDecimal(right)];
  const scale = Math.max(first.scale, second.scale);
  const difference = rescale(first, scale) - rescale(second, scale);
  return difference < 0n ? -1 : difference > 0n ? 1 : 0;
}

function parseDecimal(text: string): Scaled {
  const match = DECIMAL_SHAPE.exec(text);
  if (match === null) throw new RangeError(`${JSON.stringify(text)} is no decimal number`);
  const [, sign = '', whole = '', fraction = ''] = match;
  const units = BigInt(whole + fraction);
  return { units: sign === '-' ? -units : units, scale: fraction.length };
}

function rescale(value: Scaled, scale: number): bigint {
  return scale === value.scale ? value.units : value.units * 10n ** BigInt(scale - value.scale);
}

function formatDecimal({ units, scale }: Scaled): string {
  const negative = units < 0n;
  const digits = (negative ? -units : units).toString().padStart(scale + 1, '0');
  const whole = digits.slice(0, digits.length - scale);
  const fraction = digits.slice(digits.length - scale).replace(/0+$/, '');
  return `${negative ? '-' : ''}${whole}${fraction === '' ? '' : `.${fraction}`}`;
}
