import { pipeline, type Readable, Transform, type TransformCallback } from 'node:stream';
import type { FileStore } from '../../db/file-store.ts';
import { Utf8Census } from './encoding.ts';
import { type FileHead, type FilePlan, HEAD_BYTES, planFile } from './file-head.ts';

/** What a client says of its file. */
export type FileRequest = Pick<FileHead, 'format' | 'mapping' | 'kind'>;

export interface StoredUpload extends FilePlan {
  bytes: number;
}

/**
 * Stores a file as it comes in, and plans its reading meanwhile: one that cannot be read is refused by its first
 * megabyte, before the rest has come.
 * @throws InvalidInputError, and then nothing is stored
 */
export async function storeUpload(
  files: FileStore,
  fileKey: string,
  content: Readable,
  request: FileRequest,
  signal?: AbortSignal,
): Promise<StoredUpload> {
  const inspector = new UploadInspector(request);
  // An error of either ends both, and fails the writing.
  pipeline(content, inspector, () => undefined);
  const bytes = await files.write(fileKey, inspector, signal);
  return { ...inspector.plan(), bytes };
}

/** Lets a file through and looks at it. */
class UploadInspector extends Transform {
  readonly #request: FileRequest;
  readonly #census = new Utf8Census();
  #head: Buffer[] = [];
  #headBytes = 0;
  #plan: { made: FilePlan; encoding: FileHead['encoding'] } | null = null;

  constructor(request: FileRequest) {
    super();
    this.#request = request;
  }

  plan(): FilePlan {
    if (this.#plan === null) throw new Error('the file was not read to its end');
    const { made } = this.#plan;
    const { invalid } = this.#census;
    if (made.dialect.encoding !== 'utf-8' || invalid === 0) return made;
    const note = `${invalid} bytes are not UTF-8, as the rest of the file is, and were read as the replacement character.`;
    return { ...made, notes: [...made.notes, note] };
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    this.#census.push(chunk);
    if (this.#headBytes >= HEAD_BYTES) {
      done(null, chunk);
      return;
    }
    this.#head.push(chunk);
    this.#headBytes += chunk.length;
    const looked = this.#headBytes < HEAD_BYTES ? Promise.resolve() : this.#look(false);
    looked.then(
      () => done(null, chunk),
      (error: Error) => done(error),
    );
  }

  override _flush(done: TransformCallback): void {
    this.#look(this.#headBytes < HEAD_BYTES).then(
      () => done(),
      (error: Error) => done(error),
    );
  }

  /** Again at the end, where that changes what the file is taken for. */
  async #look(isWhole: boolean): Promise<void> {
    const encoding = this.#census.encoding();
    if (this.#plan?.encoding === encoding) return;
    const bytes = Buffer.concat(this.#head);
    this.#head = [bytes];
    this.#plan = { made: await planFile({ ...this.#request, bytes, isWhole, encoding }), encoding };
  }
}
