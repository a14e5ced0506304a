/** Boxes or elements that are looked at: those before the length are few, and a file may be made of empty ones. */
const LOOKED_AT = 1_000;
/** Of WebM, as Matroska numbers them. */
const [SEGMENT, INFO, TIMESTAMP_SCALE, DURATION] = [0x18538067, 0x1549a966, 0x2ad7b1, 0x4489];
const DEFAULT_TIMESTAMP_SCALE = 1_000_000;

interface Part {
  name: number;
  /** Of what it holds. */
  start: number;
  end: number;
}

/** Seconds of an MP4, by the head of its film (ISO 14496-12, 8.2.2); one that was streamed may have 0 or none there. */
export function mp4Seconds(content: Buffer): number | null {
  const film = find(content, { start: 0, end: content.length }, boxAt, fourLetters('moov'));
  const head = film === null ? null : find(content, film, boxAt, fourLetters('mvhd'));
  if (head === null) return null;
  const isLong = content.readUInt8(head.start) === 1;
  const at = head.start + (isLong ? 20 : 12);
  const length = isLong ? Number(content.readBigUInt64BE(at + 4)) : content.readUInt32BE(at + 4);
  return length / content.readUInt32BE(at);
}

/** Seconds of a WebM, by its header; a browser that records leaves them out. */
export function webmSeconds(content: Buffer): number | null {
  const segment = find(content, { start: 0, end: content.length }, elementAt, SEGMENT);
  const info = segment === null ? null : find(content, segment, elementAt, INFO);
  const duration = info === null ? null : find(content, info, elementAt, DURATION);
  if (info === null || duration === null) return null;
  const scale = find(content, info, elementAt, TIMESTAMP_SCALE);
  const nanoseconds = scale === null ? DEFAULT_TIMESTAMP_SCALE : content.readUIntBE(scale.start, size(scale));
  const ticks = size(duration) === 4 ? content.readFloatBE(duration.start) : content.readDoubleBE(duration.start);
  return (ticks * nanoseconds) / 1e9;
}

function find(
  content: Buffer,
  { start, end }: Pick<Part, 'start' | 'end'>,
  partAt: (content: Buffer, at: number) => Part,
  name: number,
): Part | null {
  let at = start;
  for (let looked = 0; looked < LOOKED_AT && at + 2 <= Math.min(end, content.length); looked++) {
    const part = partAt(content, at);
    if (part.name === name) return part;
    if (part.end <= at) return null;
    at = part.end;
  }
  return null;
}

/** Its size with its head, then its name; 1: the size is behind the name, 0: all the rest. */
function boxAt(content: Buffer, at: number): Part {
  const short = content.readUInt32BE(at);
  const name = content.readUInt32BE(at + 4);
  if (short === 1) return { name, start: at + 16, end: at + Number(content.readBigUInt64BE(at + 8)) };
  return { name, start: at + 8, end: short === 0 ? content.length : at + short };
}

/** A number as long as its leading zeros say, once with them and once without; all ones: all the rest. */
function elementAt(content: Buffer, at: number): Part {
  const nameBytes = Math.min(numberBytes(content, at), 4);
  const sizeAt = at + nameBytes;
  const sizeBytes = numberBytes(content, sizeAt);
  const first = content.readUInt8(sizeAt) & (0xff >> sizeBytes);
  const rest = content.subarray(sizeAt + 1, sizeAt + sizeBytes);
  const bytes = rest.reduce((sum, byte) => sum * 256 + byte, first);
  const start = sizeAt + sizeBytes;
  const isOpen = bytes >= 2 ** (7 * sizeBytes) - 1;
  return { name: content.readUIntBE(at, nameBytes), start, end: isOpen ? content.length : start + bytes };
}

function numberBytes(content: Buffer, at: number): number {
  return Math.min(Math.clz32(content.readUInt8(at)) - 23, 8);
}

function fourLetters(name: string): number {
  return Buffer.from(name, 'latin1').readUInt32BE();
}

function size({ start, end }: Part): number {
  return end - start;
}
