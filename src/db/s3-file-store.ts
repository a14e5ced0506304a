import { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import {
  DeleteObjectCommand,
  GetObjectCommand,
  type GetObjectCommandOutput,
  paginateListObjectsV2,
  S3Client,
  S3ServiceException,
} from '@aws-sdk/client-s3';
import { Upload } from '@aws-sdk/lib-storage';
import type { S3Config } from '../config.ts';
import { FileMissingError, type FileStore, segmentsOfKey, segmentsOfPrefix } from './file-store.ts';

/** A file of 64 GiB has then 8,192 parts of the 10,000 that S3 takes. */
const PART_BYTES = 8 * 1024 * 1024;
/** What one writing holds in memory: this many parts, and one that is being filled. */
const PARTS_AT_ONCE = 2;
const CONNECTION_TIMEOUT_MS = 5_000;
/** How long the service may take to begin its answer. */
const ANSWER_TIMEOUT_MS = 60_000;
/** How long nothing may come of an answer that has begun; then it is taken up again. A slow reader's is so as well. */
const SILENCE_TIMEOUT_MS = 60_000;
/** How often in a row a reading that broke off without a byte is taken up again. */
const READING_TRIES = 4;

/** Files in an S3-compatible bucket. */
export class S3FileStore implements FileStore {
  readonly #client: S3Client;
  readonly #bucket: string;

  constructor(
    { bucket, region, endpoint, credentials, forcePathStyle }: S3Config,
    { silenceTimeoutMs = SILENCE_TIMEOUT_MS }: { silenceTimeoutMs?: number } = {},
  ) {
    this.#bucket = bucket;
    this.#client = new S3Client({
      ...{ region, endpoint, credentials, forcePathStyle },
      // What the SDK adds since 2025 unasked, and most services that are not AWS refuse.
      requestChecksumCalculation: 'WHEN_REQUIRED',
      responseChecksumValidation: 'WHEN_REQUIRED',
      requestHandler: {
        connectionTimeout: CONNECTION_TIMEOUT_MS,
        requestTimeout: ANSWER_TIMEOUT_MS,
        socketTimeout: silenceTimeoutMs,
        throwOnRequestTimeout: true,
      },
    });
  }

  async write(key: string, content: Readable, signal?: AbortSignal): Promise<number> {
    segmentsOfKey(key);
    signal?.throwIfAborted();
    const counted = new ByteCounter();
    const upload = new Upload({
      client: this.#client,
      params: { Bucket: this.#bucket, Key: key, Body: counted },
      partSize: PART_BYTES,
      queueSize: PARTS_AT_ONCE,
    });
    // It is aborted by its content: `upload.abort()` does not wait until the parts that were stored are gone.
    const fed = pipeline(content, counted, { signal });
    const [stored, read] = await Promise.allSettled([upload.done().finally(() => counted.destroy()), fed]);
    if (stored.status === 'rejected') throw stored.reason;
    if (read.status === 'rejected') throw read.reason;
    return counted.bytes;
  }

  async read(key: string, fromByte = 0): Promise<Readable> {
    segmentsOfKey(key);
    const first = await this.#get(key, fromByte);
    return first === null
      ? Readable.from([])
      : Readable.from(this.#follow(key, first, fromByte), { objectMode: false });
  }

  async delete(key: string): Promise<void> {
    segmentsOfKey(key);
    await this.#client.send(new DeleteObjectCommand({ Bucket: this.#bucket, Key: key }));
  }

  async deleteBelow(prefix: string): Promise<void> {
    segmentsOfPrefix(prefix);
    const pages = paginateListObjectsV2({ client: this.#client }, { Bucket: this.#bucket, Prefix: prefix });
    for await (const { Contents = [] } of pages) {
      // One by one: what deletes many at once wants a checksum, and which one depends on the service.
      for (const { Key } of Contents) {
        await this.#client.send(new DeleteObjectCommand({ Bucket: this.#bucket, Key }));
      }
    }
  }

  async close(): Promise<void> {
    this.#client.destroy();
  }

  /** Whoever reads slowly may lose the connection meanwhile: the reading goes on where it was. */
  async *#follow(key: string, first: GetObjectCommandOutput, fromByte: number): AsyncGenerator<Uint8Array> {
    let position = fromByte;
    let answer: GetObjectCommandOutput | null = first;
    for (let tries = 1; answer !== null; tries++) {
      try {
        for await (const chunk of answer.Body as Readable) {
          position += (chunk as Uint8Array).length;
          tries = 1;
          yield chunk as Uint8Array;
        }
        return;
      } catch (error) {
        if (tries >= READING_TRIES) throw error;
      }
      answer = await this.#get(key, position, first.ETag);
    }
  }

  /**
   * @param version that it has to be still
   * @returns null where the file ends before `fromByte`
   * @throws FileMissingError
   */
  async #get(key: string, fromByte: number, version?: string): Promise<GetObjectCommandOutput | null> {
    const Range = fromByte === 0 ? undefined : `bytes=${fromByte}-`;
    try {
      return await this.#client.send(new GetObjectCommand({ Bucket: this.#bucket, Key: key, Range, IfMatch: version }));
    } catch (error) {
      if (!(error instanceof S3ServiceException)) throw error;
      if (error.name === 'NoSuchKey') throw new FileMissingError(key);
      if (error.$metadata.httpStatusCode === 416) return null;
      throw error;
    }
  }
}

class ByteCounter extends Transform {
  bytes = 0;

  override _transform(chunk: Buffer, _encoding: string, done: (error: null, chunk: Buffer) => void): void {
    this.bytes += chunk.length;
    done(null, chunk);
  }
}
