import { InvalidInputError } from '../../../shared/errors.ts';

/** @throws InvalidInputError where it is no whole number from `least` to `most` */
export function checkCount(name: string, count: number, most: number, least = 1): void {
  if (Number.isInteger(count) && count >= least && count <= most) return;
  throw InvalidInputError.at(name, `must be ${least} to ${most.toLocaleString('en-US')}, and is ${count}`);
}
