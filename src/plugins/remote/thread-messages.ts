import { isJsonObject } from '../../shared/json.ts';
import type { PluginLogger } from '../contract.ts';
import type { RemoteMethod } from './wire.ts';

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
  | { kind: 'open'; provider: number; config: unknown; cacheDir: string; connectMs: number }
  | { kind: 'close'; id: number; provider: number }
  /** Asks for what is wrong with the plugin, as far as that shows without its vendor. */
  | { kind: 'verify'; id: number }
  | { kind: 'call'; id: number; provider: number; method: RemoteMethod; request: unknown; requestId: string }
  /** `credit` parts may be sent before the server asks for more. */
  | { kind: 'stream'; id: number; provider: number; request: unknown; requestId: string; credit: number }
  | { kind: 'credit'; id: number; parts: number }
  | { kind: 'abort'; id: number }
  | { kind: 'end' };

/** What a plugin's thread tells the server; `error` is a `WireError`, unless the plugin has sent it itself. */
export type FromThread =
  | { kind: 'loaded'; manifest: unknown }
  | { kind: 'refused'; message: string }
  | { kind: 'result'; id: number; value: unknown }
  | { kind: 'part'; id: number; part: unknown }
  | { kind: 'done'; id: number }
  | { kind: 'error'; id: number; error: unknown }
  /** The abort has reached the call. */
  | { kind: 'aborted'; id: number }
  /** `fields` is JSON: an object may hold another a million times over. */
  | { kind: 'log'; provider: number; level: keyof PluginLogger; fields: string; message: string };

const LOG_MAX_CHARACTERS = 256_000;
const LEVELS: Readonly<Record<keyof PluginLogger, true>> = { debug: true, info: true, warn: true, error: true };

/** Whether a message of a thread is one of these: a plugin can reach the port too, and send anything. */
export function isFromThread(message: unknown): message is FromThread {
  if (!isJsonObject(message)) return false;
  const { kind, id } = message as Record<string, unknown>;
  switch (kind) {
    case 'loaded':
      return true;
    case 'refused':
      return typeof message.message === 'string';
    case 'log':
      return isLog(message);
    case 'result':
    case 'part':
    case 'done':
    case 'error':
    case 'aborted':
      return typeof id === 'number';
    default:
      return false;
  }
}

function isLog({ provider, level, fields, message }: Record<string, unknown>): boolean {
  const isLevel = typeof level === 'string' && Object.hasOwn(LEVELS, level);
  const texts = [fields, message];
  const areShort = texts.every((text) => typeof text === 'string' && text.length <= LOG_MAX_CHARACTERS);
  return typeof provider === 'number' && isLevel && areShort;
}

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

/** @throws TypeError where they are none */
export function unpackVectors(given: unknown): Float32Array[] {
  const { values, lengths } = (isJsonObject(given) ? given : {}) as Record<string, unknown>;
  const isPacked = values instanceof Float32Array && Array.isArray(lengths);
  if (!isPacked || !lengths.every((length) => Number.isSafeInteger(length) && length >= 0)) {
    throw new TypeError('no vectors');
  }
  let offset = 0;
  return lengths.map((length: number) => {
    offset += length;
    return values.subarray(offset - length, offset);
  });
}
