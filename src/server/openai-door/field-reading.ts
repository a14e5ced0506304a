import { InvalidInputError } from '../../shared/errors.ts';

/** A JSON object of a request. */
export type Fields = Readonly<Record<string, unknown>>;

/** As OpenAI does, null counts as left out. */
export function isAbsent(value: unknown): value is null | undefined {
  return value === undefined || value === null;
}

export function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** @throws InvalidInputError where there is something else */
export function fieldsAt(value: unknown, path: string): Fields {
  if (!isFields(value)) throw InvalidInputError.at(path, 'must be an object');
  return value;
}

/** @throws InvalidInputError where there is something else */
export function listAt(value: unknown, path: string): readonly unknown[] {
  if (!Array.isArray(value)) throw InvalidInputError.at(path, 'must be an array');
  return value;
}

/** @throws InvalidInputError where there is something else */
export function textAt(value: unknown, path: string): string {
  if (typeof value !== 'string') throw InvalidInputError.at(path, 'must be a string');
  return value;
}

/** Undefined where it is left out. @throws InvalidInputError where there is something else */
export function optionalText(value: unknown, path: string): string | undefined {
  return isAbsent(value) ? undefined : textAt(value, path);
}

/** Undefined where it is left out. @throws InvalidInputError where there is something else */
export function optionalFlag(value: unknown, path: string): boolean | undefined {
  if (isAbsent(value)) return undefined;
  if (typeof value !== 'boolean') throw InvalidInputError.at(path, 'must be true or false');
  return value;
}

/** Undefined where it is left out. @throws InvalidInputError where it is no number of the range */
export function optionalNumber(
  value: unknown,
  path: string,
  range: { least: number; most: number },
): number | undefined {
  if (isAbsent(value)) return undefined;
  if (typeof value !== 'number' || value < range.least || value > range.most) {
    throw InvalidInputError.at(path, `must be a number from ${range.least} to ${range.most}`);
  }
  return value;
}

/** Undefined where it is left out. @throws InvalidInputError where it is no whole number, or less than `least` */
export function optionalInteger(value: unknown, path: string, least: number): number | undefined {
  if (isAbsent(value)) return undefined;
  if (!Number.isSafeInteger(value) || (value as number) < least) {
    throw InvalidInputError.at(path, `must be a whole number${least === -Infinity ? '' : `, ${least} or more`}`);
  }
  return value as number;
}

/** Refuses what has no meaning here: what is not understood is never dropped. */
export function refuseOthers(others: Fields, path: string): void {
  for (const name in others) {
    if (isAbsent(others[name])) continue;
    throw InvalidInputError.at(path === '' ? name : `${path}.${name}`, 'is not supported here');
  }
}
