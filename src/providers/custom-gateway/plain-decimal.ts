import { FRACTION_MAX_DIGITS, usdAmount } from '../../shared/usd-amount.ts';

/** A number of JSON's, or a text with one, with the exponent that small ones are written with. */
const NUMBER_SHAPE = /^(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d{1,3}))?$/;
const MAX_CHARACTERS = 60;

/**
 * An amount of money as a decimal without an exponent; undefined where it is none, or beyond what is paid for a call.
 * Digits after the eighteenth are what calculating in floating point leaves, and are cut.
 */
export function plainDecimal(given: unknown): string | undefined {
  const text = typeof given === 'number' ? String(given) : given;
  const isShort = typeof text === 'string' && text.length <= MAX_CHARACTERS;
  const match = isShort ? NUMBER_SHAPE.exec(text.trim()) : null;
  if (match === null) return undefined;
  const [, whole = '', fraction = '', exponent = '0'] = match;
  const digits = whole + fraction;
  const point = whole.length + Number(exponent);
  const padded = point <= 0 ? digits.padStart(digits.length - point + 1, '0') : digits.padEnd(point, '0');
  const pointInPadded = Math.max(point, 1);
  const integer = padded.slice(0, pointInPadded).replace(/^0+(?=\d)/, '');
  const rest = padded.slice(pointInPadded, pointInPadded + FRACTION_MAX_DIGITS).replace(/0+$/, '');
  return usdAmount(rest === '' ? integer : `${integer}.${rest}`);
}
