import type { RefusalReason } from '../plugin-errors.ts';
import type { RemoteMethod, WireError } from './wire.ts';

/** What a plugin's thread is started with. */
export interface ThreadData {
  /** A `file:` url, or a package's name. */
  specifier: string;
  /** A file, there or not, in whose folder the name is looked up. */
  base: string;
  allowPrivate: boolean;
}

/** What the server tells a plugin's thread. Providers and calls are numbered by the server. */
export type ToThread =
  | { kind: 'open'; provider: number; config: unknown; cacheDir: string }
  | { kind: 'close'; id: number; provider: number }
  /** Asks for what is wrong with the plugin, as far as that shows without its vendor. */
  | { kind: 'verify'; id: number }
  | { kind: 'call'; id: number; provider: number; method: RemoteMethod; request: unknown; requestId: string }
  /** `credit` parts may be sent before the server asks for more. */
  | { kind: 'stream'; id: number; provider: number; request: unknown; requestId: string; credit: number }
  | { kind: 'credit'; id: number; parts: number }
  | { kind: 'abort'; id: number }
  | { kind: 'end' };

/** What a plugin's thread tells the server. */
export type FromThread =
  | { kind: 'loaded'; manifest: unknown }
  | { kind: 'refused'; reason: RefusalReason; message: string }
  | { kind: 'result'; id: number; value: unknown }
  | { kind: 'part'; id: number; part: unknown }
  | { kind: 'done'; id: number }
  | { kind: 'error'; id: number; error: WireError }
  /** The abort has reached the call. */
  | { kind: 'aborted'; id: number }
  | { kind: 'log'; provider: number; level: 'debug' | 'info' | 'warn' | 'error'; fields: object; message: string };

/** Vectors in one piece of memory, which moves to the other thread without being copied. */
export interface PackedVectors {
  values: Float32Array;
  lengths: number[];
}

/**
 * The plugin may keep vectors and hand them out again: they are gathered in new memory, and that is what moves.
 * @throws TypeError where they are none
 */
export function packVectors(vectors: readonly Float32Array[]): PackedVectors {
  const lengths = vectors.map((vector) => vector.length);
  const values = new Float32Array(lengths.reduce((sum, length) => sum + length, 0));
  let offset = 0;
  for (const vector of vectors) {
    values.set(vector, offset);
    offset += vector.length;
  }
  return { values, lengths };
}

export function unpackVectors({ values, lengths }: PackedVectors): Float32Array[] {
  let offset = 0;
  return lengths.map((length) => {
    offset += length;
    return values.subarray(offset - length, offset);
  });
}
