import { mp4Seconds, webmSeconds } from './container-length.ts';
import { mp3Seconds } from './mp3-length.ts';

/** A length is the sum of many frames, none of which is exact. */
const MICROSECONDS = 1e6;
/** Of a WAV: there are few, and a file may be made of empty ones. */
const CHUNKS_LOOKED_AT = 1_000;

/**
 * Seconds of sound in a file that says so itself: by its header, its frames (MP3) or its last page (Ogg). Null: it has to be
 * asked for elsewhere.
 */
export function soundSeconds(sound: Uint8Array): number | null {
  const seconds = lengthOf(Buffer.from(sound.buffer, sound.byteOffset, sound.byteLength));
  if (seconds === null || !Number.isFinite(seconds) || seconds <= 0) return null;
  return Math.round(seconds * MICROSECONDS) / MICROSECONDS;
}

const OPUS_RATE = 48_000;

function lengthOf(content: Buffer): number | null {
  const mark = content.toString('latin1', 0, 4);
  try {
    if (mark === 'RIFF') return waveSeconds(content);
    if (mark === 'fLaC') return flacSeconds(content);
    if (mark === 'OggS') return oggSeconds(content);
    if (mark === '\x1aE\xdf\xa3') return webmSeconds(content);
    return content.toString('latin1', 4, 8) === 'ftyp' ? mp4Seconds(content) : mp3Seconds(content);
  } catch (error) {
    // It ends amid what it announces.
    if (error instanceof RangeError) return null;
    throw error;
  }
}

/** Bytes of samples by bytes a second; a recorder that streams leaves the first 0 or all ones. */
function waveSeconds(content: Buffer): number | null {
  let bytesPerSecond = 0;
  let at = 12;
  for (let chunk = 0; chunk < CHUNKS_LOOKED_AT && at + 8 <= content.length; chunk++) {
    const name = content.toString('latin1', at, at + 4);
    const bytes = content.readUInt32LE(at + 4);
    if (name === 'fmt ') bytesPerSecond = content.readUInt32LE(at + 16);
    if (name === 'data') {
      const there = content.length - at - 8;
      return Math.min(bytes === 0 ? there : bytes, there) / bytesPerSecond;
    }
    // Chunks begin at even places.
    at += 8 + bytes + (bytes % 2);
  }
  return null;
}

/** STREAMINFO is the first block: 20 bits of rate, then 3 and 5 that say how, then 36 bits of samples. */
function flacSeconds(content: Buffer): number {
  const rate = content.readUIntBE(18, 3) >> 4;
  const samples = (content.readUInt8(21) & 0x0f) * 2 ** 32 + content.readUInt32BE(22);
  return samples / rate;
}

/** The last page's place in samples, by the rate that the first one says. */
function oggSeconds(content: Buffer): number | null {
  const last = content.lastIndexOf('OggS');
  const samples = Number(content.readBigInt64LE(last + 6));
  const isOpus = content.subarray(0, 64).includes('OpusHead');
  const vorbisAt = content.subarray(0, 64).indexOf('\x01vorbis', 0, 'latin1');
  if (isOpus) return samples / OPUS_RATE;
  return vorbisAt < 0 ? null : samples / content.readUInt32LE(vorbisAt + 12);
}
