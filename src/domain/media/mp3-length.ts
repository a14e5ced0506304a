/** Layer III: kbit/s by the index in a frame's head; 0 where a frame does not say. MPEG-1, then MPEG-2 and 2.5. */
const KBITS_OF_1 = [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320];
const KBITS_OF_2 = [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160];
/** Samples a second of MPEG-1, by the index; MPEG-2 has half of it, and 2.5 a quarter. */
const RATES = [44_100, 48_000, 32_000];
/** A tag before the sound may be padded, and a recorder may have begun amid a frame. */
const SEARCHED_BYTES = 4_096;

interface Frame {
  bytes: number;
  seconds: number;
}

/** Whether such a file's sound begins here: a frame's head with a rate that there is. */
export function isMp3Frame(content: Buffer): boolean {
  return frameAt(content, 0) !== null;
}

/** Seconds of all frames of an MP3, one after the other, whatever each one's rate; null where there are none. */
export function mp3Seconds(content: Buffer): number | null {
  let at = firstFrame(content, tagBytes(content));
  let seconds = 0;
  for (let frame = frameAt(content, at); frame !== null; frame = frameAt(content, at)) {
    seconds += frame.seconds;
    at += frame.bytes;
  }
  return seconds === 0 ? null : seconds;
}

/** ID3v2: 10 bytes that say how many follow, in 7 bits each. */
function tagBytes(content: Buffer): number {
  if (content.toString('latin1', 0, 3) !== 'ID3' || content.length < 10) return 0;
  const [first = 0, second = 0, third = 0, fourth = 0] = content.subarray(6, 10);
  return 10 + ((first & 0x7f) << 21) + ((second & 0x7f) << 14) + ((third & 0x7f) << 7) + (fourth & 0x7f);
}

/** Two in a row: what looks like a head may be a part of something else. */
function firstFrame(content: Buffer, from: number): number {
  for (let at = from; at < from + SEARCHED_BYTES; at++) {
    const frame = frameAt(content, at);
    if (frame !== null && frameAt(content, at + frame.bytes) !== null) return at;
  }
  return from;
}

/** ISO 11172-3, 2.4.1.3: eleven bits of sync, a version that there is, layer III, bit rate, sampling rate, padding. */
function frameAt(content: Buffer, at: number): Frame | null {
  if (at + 4 > content.length || content[at] !== 0xff) return null;
  const second = content[at + 1] ?? 0;
  const third = content[at + 2] ?? 0;
  const version = (second >> 3) & 0b11;
  if ((second & 0xe0) !== 0xe0 || version === 0b01 || ((second >> 1) & 0b11) !== 0b01) return null;
  const isFirst = version === 0b11;
  const kbits = (isFirst ? KBITS_OF_1 : KBITS_OF_2)[third >> 4] ?? 0;
  const rate = (RATES[(third >> 2) & 0b11] ?? 0) / (isFirst ? 1 : version === 0b10 ? 2 : 4);
  if (kbits === 0 || rate === 0) return null;
  const samples = isFirst ? 1_152 : 576;
  return { bytes: Math.floor(((samples / 8) * kbits * 1_000) / rate) + ((third >> 1) & 1), seconds: samples / rate };
}
