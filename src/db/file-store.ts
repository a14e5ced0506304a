import type { Readable } from 'node:stream';

/**
 * Where large files are kept: a folder beside the data, or an S3-compatible bucket. A key is a path of segments
 * (`<workspace id>/imports/<id>/source`), each of letters, digits, `.`, `_` and `-`.
 */
export interface FileStore {
  /**
   * Writes a file as its content comes, never holding it as a whole; there is none, or the old one, until all of it is
   * stored. A stream that fails fails the writing, and nothing is left of it.
   * @returns how many bytes it has
   */
  write(key: string, content: Readable, signal?: AbortSignal): Promise<number>;
  /**
   * @param fromByte where to begin; 0 by default
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
