import type { Readable } from 'node:stream';

/** A file of a multipart request, while it is still coming in: the value of the scalar `File`. */
export interface Upload {
  /** As the client named it; for showing, never for a path. */
  fileName: string;
  /** As the client said, lower case and without parameters. */
  mimeType: string;
  /**
   * The content, once. It fails with an InvalidInputError where the file is larger than the server takes, and with a
   * plain error where the client broke off. A resolver that does not read it leaves nothing behind.
   */
  open(): Readable;
}
