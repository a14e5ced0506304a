import { randomFillSync } from 'node:crypto';

/**
 * Prefix of each kind of id. An id is `<prefix>_<26 characters of Crockford base32>` (TypeID: a UUIDv7), so that ids
 * sort by the time they were made and `node(id)` knows the type.
 */
export const ID_PREFIXES = {
  Workspace: 'ws',
  ApiKey: 'key',
  Collection: 'col',
  Document: 'doc',
  Taxonomy: 'tax',
  Theme: 'thm',
  Classification: 'cls',
  Job: 'job',
  Integration: 'int',
  Attempt: 'att',
  Request: 'req',
  Reservation: 'rsv',
  Alert: 'alr',
  Import: 'imp',
  Conversation: 'conv',
  Message: 'msg',
  Generation: 'gen',
  Attachment: 'atc',
  Agent: 'agt',
  AgentRun: 'run',
  Insight: 'ins',
  Signal: 'sig',
} as const;

export type IdKind = keyof typeof ID_PREFIXES;

const KIND_OF_PREFIX = new Map<string, IdKind>(
  Object.entries(ID_PREFIXES).map(([kind, prefix]) => [prefix, kind as IdKind]),
);

const ID_SHAPE = /^([a-z]{2,5})_[0-7][0-9a-hjkmnp-tv-z]{25}$/;

/** Crockford's base 32, two digits at a time. */
const DIGITS = '0123456789abcdefghjkmnpqrstvwxyz';
const PAIRS = Array.from({ length: 1_024 }, (_, value) => `${DIGITS[value >> 5]}${DIGITS[value & 31]}`);
const TWENTY_BITS = 0xf_ff_ff;
const LAST_COUNT = 0x7f_ff_ff_ff;

/** Random bytes are asked for many ids at once: asking costs more than the bytes. */
const RANDOM_BYTES_OF_ID = 12;
const randomBytes = Buffer.alloc(RANDOM_BYTES_OF_ID * 256);
let randomAt = randomBytes.length;

let clockMs = 0;
let clockDigits = '';
let count = 0;

/**
 * A TypeID: the prefix of the kind and a UUID of version 7 (RFC 9562, method 1: a counter of 31 bits after the time). Ids
 * that one process makes rise. Each request makes several, and typeid-js takes 15 times as long.
 */
export function newId(kind: IdKind): string {
  if (randomAt === randomBytes.length) {
    randomFillSync(randomBytes);
    randomAt = 0;
  }
  const first = randomBytes.readUInt32LE(randomAt);
  const second = randomBytes.readUInt32LE(randomAt + 4);
  const third = randomBytes.readUInt32LE(randomAt + 8);
  randomAt += RANDOM_BYTES_OF_ID;
  advanceClock(first);
  const version = (7 << 16) | ((count >>> 19) << 4) | (0b10 << 2) | ((count >>> 17) & 0b11);
  const rest = ((count & 0x1_ff_ff) << 3) | (third >>> 29);
  return `${ID_PREFIXES[kind]}_${clockDigits}${digits(version)}${digits(rest)}${digits(second)}${digits(third)}`;
}

/** The counter begins at random each millisecond, in the lower half of what it can count. */
function advanceClock(random: number): void {
  const nowMs = Date.now();
  if (nowMs > clockMs) setClock(nowMs, random >>> 2);
  else if (count < LAST_COUNT) count += 1;
  else setClock(clockMs + 1, random >>> 2);
}

function setClock(atMs: number, firstCount: number): void {
  clockMs = atMs;
  count = firstCount;
  clockDigits = digitsOfTime(atMs);
}

function digitsOfTime(atMs: number): string {
  const high = Math.trunc(atMs / 2 ** 20);
  return `${PAIRS[Math.trunc(high / 2 ** 20)]}${digits(high % 2 ** 20)}${digits(atMs % 2 ** 20)}`;
}

/** What sorts behind all ids of a kind that were made before a moment, and before all that are made from then on. */
export function idBoundary(kind: IdKind, atMs: number): string {
  return `${ID_PREFIXES[kind]}_${digitsOfTime(atMs)}`;
}

/** Four of them, of the lowest twenty bits. */
function digits(value: number): string {
  const bits = value & TWENTY_BITS;
  return `${PAIRS[bits >> 10]}${PAIRS[bits & 1_023]}`;
}

/** The kind of thing an id names, or null where it is no id of ours. */
export function kindOfId(id: string): IdKind | null {
  const prefix = ID_SHAPE.exec(id)?.[1];
  return (prefix !== undefined && KIND_OF_PREFIX.get(prefix)) || null;
}
