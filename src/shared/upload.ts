import type { Readable } from 'node:stream';

/**
 * A file of a multipart request, while it is still coming in: the value of the scalar `File`. The files of one request
 * come one after the other, and none is kept: reading one passes over those before it that nobody has opened.
 */
export interface Upload {
  /**
   * As the client named it, without folders; for showing, never for a path. Known once the file has begun: from the
   * start for the first of a request, which most have alone; for others see `begun`.
   */
  fileName: string;
  /** As the client said, lower case and without parameters. Known when `fileName` is. */
  mimeType: string;
  /**
   * Waits until the file has begun. Those before it have to be read, or are passed over.
   * @throws InvalidInputError where the request ends without it
   */
  begun(): Promise<void>;
  /**
   * The content, once. It fails with an InvalidInputError where the file is larger than the server takes or is not in
   * the request, and with a plain error where the client broke off. A resolver that does not read it leaves nothing behind.
   * @throws InvalidInputError where it was opened before
   */
  open(): Readable;
}

/** JSON has no functions: what has one came as a file. */
export function isUpload(value: unknown): value is Upload {
  return typeof (value as Partial<Upload> | null)?.open === 'function';
}
