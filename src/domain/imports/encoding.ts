import { isAscii } from 'node:buffer';
import { Transform, type TransformCallback } from 'node:stream';
import type { FileEncoding } from './dialect.ts';

/** Enough to see the zeros of UTF-16. */
const SAMPLE_BYTES = 4_096;

/** The encoding that a file says by its byte order mark, or by its zeros; null: one that leaves ASCII as it is. */
export function markedEncoding(
  head: Buffer,
): { encoding: FileEncoding; markBytes: number } | 'utf-32' | 'binary' | null {
  const startsWith = (...bytes: number[]) => bytes.every((byte, i) => head[i] === byte);
  if (startsWith(0xff, 0xfe, 0, 0) || startsWith(0, 0, 0xfe, 0xff)) return 'utf-32';
  if (startsWith(0xff, 0xfe)) return { encoding: 'utf-16le', markBytes: 2 };
  if (startsWith(0xfe, 0xff)) return { encoding: 'utf-16be', markBytes: 2 };
  if (startsWith(0xef, 0xbb, 0xbf)) return { encoding: 'utf-8', markBytes: 3 };
  const sample = head.subarray(0, SAMPLE_BYTES);
  const zeros = [0, 0];
  for (let i = 0; i < sample.length; i++) if (sample[i] === 0) zeros[i % 2] = (zeros[i % 2] ?? 0) + 1;
  const [even = 0, odd = 0] = zeros;
  if (even === 0 && odd === 0) return null;
  // Most characters of a table are ASCII, if only its delimiters and line ends: their upper halves are zero.
  const enough = sample.length / 8;
  if (even === 0 && odd > enough) return { encoding: 'utf-16le', markBytes: 0 };
  if (odd === 0 && even > enough) return { encoding: 'utf-16be', markBytes: 0 };
  return 'binary';
}

/** Counts, of a file that comes in pieces, what is UTF-8 beyond ASCII and what cannot be. */
export class Utf8Census {
  /** Characters of several bytes. */
  characters = 0;
  /** Bytes that are none of UTF-8. */
  invalid = 0;
  #missing = 0;

  push(chunk: Uint8Array): void {
    if (this.#missing === 0 && isAscii(chunk)) return;
    for (const byte of chunk) {
      if (this.#missing > 0) {
        if ((byte & 0xc0) === 0x80) {
          this.#missing -= 1;
          if (this.#missing === 0) this.characters += 1;
          continue;
        }
        this.invalid += 1;
        this.#missing = 0;
      }
      if (byte < 0x80) continue;
      this.#missing = continuationBytes(byte);
      if (this.#missing === 0) this.invalid += 1;
    }
  }

  /** What a file is that has no mark: with more broken bytes than characters it was never UTF-8. */
  encoding(): 'utf-8' | 'windows-1252' {
    return this.invalid > this.characters ? 'windows-1252' : 'utf-8';
  }
}

/** That follow a first byte; 0: it is none. */
function continuationBytes(first: number): number {
  if (first >= 0xc2 && first <= 0xdf) return 1;
  if (first >= 0xe0 && first <= 0xef) return 2;
  return first >= 0xf0 && first <= 0xf4 ? 3 : 0;
}

/** Makes UTF-8 of another encoding, without the first bytes of what it makes. */
export class Utf8Transcoder extends Transform {
  readonly #decoder: TextDecoder;
  #toSkip: number;

  constructor(encoding: FileEncoding, skipBytes: number) {
    super();
    this.#decoder = new TextDecoder(encoding, { ignoreBOM: true });
    this.#toSkip = skipBytes;
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    done(null, this.#rest(this.#decoder.decode(chunk, { stream: true })));
  }

  override _flush(done: TransformCallback): void {
    done(null, this.#rest(this.#decoder.decode()));
  }

  #rest(text: string): Buffer {
    const bytes = Buffer.from(text);
    const skipped = Math.min(this.#toSkip, bytes.length);
    this.#toSkip -= skipped;
    return bytes.subarray(skipped);
  }
}
