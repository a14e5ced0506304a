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

function parseDecimal(text: string): Scaled {
  const match = DECIMAL_SHAPE.exec(text);
  if (match === null) throw new RangeError(`${JSON.stringify(text)} is no decimal number`);
  const [, sign = '', whole = '', fraction = ''] = match;
  const units = BigInt(whole + fraction);
  return { units: sign === '-' ? -units : units, scale: fraction.length };
}

function rescale(value: Scaled, scale: number): bigint {
  return value.units * 10n ** BigInt(scale - value.scale);
}

function formatDecimal({ units, scale }: Scaled): string {
  const negative = units < 0n;
  const digits = (negative ? -units : units).toString().padStart(scale + 1, '0');
  const whole = digits.slice(0, digits.length - scale);
  const fraction = digits.slice(digits.length - scale).replace(/0+$/, '');
  return `${negative ? '-' : ''}${whole}${fraction === '' ? '' : `.${fraction}`}`;
}
