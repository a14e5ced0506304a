import type { Readable } from 'node:stream';

/**
 * Where large files are kept: a folder beside the data, or an S3-compatible bucket. A key is a path of segments
 * (`<workspace id>/imports/<id>/source`), each of letters, digits, `.`, `_` and `-`, not beginning with `.`; it has up to
 * 500 characters. Another key is a programmer's mistake, and a `TypeError`.
 */
export interface FileStore {
  /**
   * Writes a file as its content comes, never holding it as a whole; there is none, or the old one, until all of it is
   * stored. A stream that fails fails the writing, and nothing is left of it.
   * @returns how many bytes it has
   */
  write(key: string, content: Readable, signal?: AbortSignal): Promise<number>;
  /**
   * @param fromByte where to begin; 0 by default. At or behind the end there is nothing to read, which is no error
   * @throws FileMissingError
   */
  read(key: string, fromByte?: number): Promise<Readable>;
  /** One that is not there is no error. */
  delete(key: string): Promise<void>;
  /** Every file whose key begins with `prefix`, which ends in `/`. */
  deleteBelow(prefix: string): Promise<void>;
  close(): Promise<void>;
}

export class FileMissingError extends Error {
  override readonly name = 'FileMissingError';

  constructor(key: string) {
    super(`there is no file ${key}`);
  }
}

const MAX_KEY_CHARACTERS = 500;
const MAX_SEGMENT_CHARACTERS = 200;
const SEGMENT = /^[A-Za-z0-9_-][A-Za-z0-9._-]*$/;

/**
 * The segments of a key: none of them leads out of a folder.
 * @throws TypeError
 */
export function segmentsOfKey(key: string): string[] {
  const segments = key.split('/');
  const isSound = segments.every((segment) => segment.length <= MAX_SEGMENT_CHARACTERS && SEGMENT.test(segment));
  if (!isSound || key.length > MAX_KEY_CHARACTERS) throw new TypeError(`${JSON.stringify(key)} is no key of a file`);
  return segments;
}

/**
 * The same for a prefix, which ends in `/`.
 * @throws TypeError
 */
export function segmentsOfPrefix(prefix: string): string[] {
  if (!prefix.endsWith('/')) throw new TypeError(`${JSON.stringify(prefix)} is no prefix of files: it must end in /`);
  return segmentsOfKey(prefix.slice(0, -1));
}
