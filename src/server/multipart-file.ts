import { type Readable, Transform, type TransformCallback } from 'node:stream';
import { InvalidInputError } from '../shared/errors.ts';
import type { Upload } from '../shared/upload.ts';

const MAX_NAME_CHARACTERS = 255;
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what it is about.
const CONTROL_CHARACTERS = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g;

/** What a file tells the request that it is in. */
export interface FileEvents {
  /** Somebody reads it or waits for it: what came before and was not opened goes by. */
  onWanted(file: MultipartFile): void;
  /** It has more bytes than it may have: nothing behind it can be had. */
  onTooLarge(): void;
}

/** A file that `map` names, from there until it was read. */
export class MultipartFile implements Upload {
  fileName = '';
  mimeType = 'application/octet-stream';
  readonly #path: string[];
  readonly #events: FileEvents;
  readonly #content: SizeLimit;
  #part: Readable | null = null;
  #opened = false;
  #begun = Promise.withResolvers<void>();

  /** @param path of the variable that holds it, such as ['input', 'file'] */
  constructor(path: string[], maxBytes: number, events: FileEvents) {
    this.#path = path;
    this.#events = events;
    this.#content = new SizeLimit(maxBytes, () => this.#tooLarge(maxBytes));
    // A file that nobody reads may fail without anybody's being told.
    this.#content.on('error', () => undefined);
    this.#begun.promise.catch(() => undefined);
  }

  get hasBegun(): boolean {
    return this.#part !== null;
  }

  get isOpened(): boolean {
    return this.#opened;
  }

  /** Read to its end, or not to be read any more. */
  get isOver(): boolean {
    return this.#content.destroyed || this.#content.readableEnded;
  }

  begun(): Promise<void> {
    this.#events.onWanted(this);
    return this.#begun.promise;
  }

  open(): Readable {
    if (this.#opened) throw this.#problem('the file is used twice: send it once for each use');
    this.#opened = true;
    if (this.#part !== null) this.#flow(this.#part);
    this.#events.onWanted(this);
    return this.#content;
  }

  /** Its part of the request is here. */
  begin(part: Readable, fileName: string | undefined, mimeType: string): void {
    this.fileName = (fileName ?? '').replace(CONTROL_CHARACTERS, '').slice(0, MAX_NAME_CHARACTERS).toWellFormed();
    this.mimeType = mimeType;
    this.#part = part;
    part.once('error', (error) => this.fail(error));
    this.#begun.resolve();
    if (this.#content.destroyed) discard(part);
    else if (this.#opened) this.#flow(part);
  }

  /** Lets it go by, so that what is behind it can come. */
  passOver(): void {
    this.fail(
      this.#problem('another file of the request was read before it: send files in the order in which they are used'),
    );
    if (this.#part !== null) discard(this.#part);
  }

  fail(error: Error): void {
    this.#begun.reject(error);
    this.#content.destroy(error);
  }

  failAsMissing(): void {
    if (!this.hasBegun) this.fail(this.#problem('`map` names this file, and the request ends without it'));
  }

  #flow(part: Readable): void {
    part.pipe(this.#content);
    // Whoever stops reading wants no more of it; the request goes on.
    this.#content.once('close', () => {
      if (!part.readableEnded && !this.#content.isFull) discard(part);
    });
  }

  #tooLarge(maxBytes: number): Error {
    this.#events.onTooLarge();
    return this.#problem(`a file may have ${maxBytes} bytes (SIGNALBOX_UPLOAD_MAX_BYTES)`);
  }

  #problem(message: string): InvalidInputError {
    return new InvalidInputError([{ path: this.#path, message }]);
  }
}

function discard(part: Readable): void {
  part.unpipe();
  part.resume();
}

/** Passes on so many bytes and fails at the next. */
class SizeLimit extends Transform {
  isFull = false;
  readonly #tooMany: () => Error;
  #left: number;

  constructor(maxBytes: number, tooMany: () => Error) {
    super();
    this.#left = maxBytes;
    this.#tooMany = tooMany;
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    this.#left -= chunk.length;
    this.isFull = this.#left < 0;
    if (this.isFull) done(this.#tooMany());
    else done(null, chunk);
  }
}
