/** A number of JSON's, or a text with one, with the exponent that small ones are written with. */
const NUMBER_SHAPE = /^(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d{1,3}))?$/;

/** An amount of money as a decimal without an exponent; undefined where it is none. No digit is added or lost. */
export function plainDecimal(given: unknown): string | undefined {
  const text = typeof given === 'number' ? String(given) : given;
  const match = typeof text === 'string' ? NUMBER_SHAPE.exec(text.trim()) : null;
  if (match === null) return undefined;
  const [, whole = '', fraction = '', exponent = '0'] = match;
  const digits = whole + fraction;
  const point = whole.length + Number(exponent);
  const padded = point <= 0 ? digits.padStart(digits.length - point + 1, '0') : digits.padEnd(point, '0');
  const pointInPadded = Math.max(point, 1);
  const integer = padded.slice(0, pointInPadded).replace(/^0+(?=\d)/, '');
  const rest = padded.slice(pointInPadded).replace(/0+$/, '');
  return rest === '' ? integer : `${integer}.${rest}`;
}
