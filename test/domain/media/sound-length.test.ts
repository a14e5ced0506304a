import { describe, expect, test } from 'vitest';
import { soundSeconds } from '../../../src/domain/media/sound-length.ts';
import { mp3, wav } from '../../api/media/media-client.ts';

/** A box of an MP4. */
function box(name: string, ...parts: Buffer[]): Buffer {
  const head = Buffer.alloc(8);
  head.writeUInt32BE(8 + parts.reduce((sum, { length }) => sum + length, 0), 0);
  head.write(name, 4, 'latin1');
  return Buffer.concat([head, ...parts]);
}

/** The head of a film of 90,000 ticks a second. */
function movieHeader(seconds: number, version: 0 | 1): Buffer {
  const content = Buffer.alloc(version === 1 ? 32 : 20);
  content.writeUInt8(version, 0);
  content.writeUInt32BE(90_000, version === 1 ? 20 : 12);
  if (version === 1) content.writeBigUInt64BE(BigInt(seconds * 90_000), 24);
  else content.writeUInt32BE(seconds * 90_000, 16);
  return box('mvhd', content);
}

const mp4 = (head: Buffer) =>
  Buffer.concat([box('ftyp', Buffer.from('M4A ')), box('mdat', Buffer.alloc(5_000)), box('moov', head)]);

/** An element of a WebM whose size takes one byte. */
const element = (id: string, content: Buffer) =>
  Buffer.concat([Buffer.from(id, 'hex'), Buffer.from([0x80 | content.length]), content]);

function webm(ticks: number, size: 4 | 8): Buffer {
  const duration = Buffer.alloc(size);
  if (size === 4) duration.writeFloatBE(ticks);
  else duration.writeDoubleBE(ticks);
  const scale = element('2ad7b1', Buffer.from([0x0f, 0x42, 0x40]));
  const info = element('1549a966', Buffer.concat([scale, element('4489', duration)]));
  const header = element('1a45dfa3', element('4282', Buffer.from('webm')));
  // Of a size that is not known, as browsers write it.
  return Buffer.concat([header, Buffer.from('1853806701ffffffffffffff', 'hex'), info]);
}

function flac(rate: number, samples: number): Buffer {
  const content = Buffer.alloc(42);
  content.write('fLaC');
  content.writeUInt8(34, 7);
  content.writeUIntBE(rate << 4, 18, 3);
  content.writeUInt32BE(samples, 22);
  return content;
}

function opus(samples: number): Buffer {
  const [first, last] = [Buffer.alloc(60), Buffer.alloc(40)];
  first.write('OggS');
  first.write('OpusHead', 28);
  last.write('OggS');
  last.writeBigInt64LE(BigInt(samples), 6);
  return Buffer.concat([first, last]);
}

const ID3 = Buffer.concat([Buffer.from([0x49, 0x44, 0x33, 4, 0, 0, 0, 0, 0x02, 0x00]), Buffer.alloc(256, 0xff)]);

describe('a file says how long it is:', () => {
  test.each<[string, Buffer, number]>([
    ['WAV', wav(3), 3],
    ['FLAC', flac(44_100, 441_000), 10],
    ['Ogg with Opus', opus(96_000), 2],
    ['MP3', mp3(1_000), 24],
    ['MP3 behind a tag', Buffer.concat([ID3, mp3(500)]), 12],
    ['MP3 before a tag', Buffer.concat([mp3(500), Buffer.from('TAG and more')]), 12],
    ['MP4, whatever comes first', mp4(movieHeader(61, 0)), 61],
    ['MP4 with long numbers', mp4(movieHeader(90_000, 1)), 90_000],
    ['WebM', webm(12_500, 8), 12.5],
    ['WebM with short numbers', webm(12_500, 4), 12.5],
  ])('%s', (_kind, content, seconds) => {
    expect(soundSeconds(content)).toBeCloseTo(seconds, 6);
    expect(soundSeconds(new Uint8Array(content)), 'whatever array it is in').toBeCloseTo(seconds, 6);
  });
});

describe('a file that does not say how long it is has no length, and keeps nobody busy:', () => {
  test.each<[string, Buffer]>([
    ['a WebM that a browser recorded', Buffer.from('1a45dfa3874282847765626d1853806701ffffffffffffff', 'hex')],
    ['an MP4 in pieces', mp4(movieHeader(0, 0))],
    ['a WAV that ends amid its format', wav(1).subarray(0, 20)],
    ['a WAV of empty chunks', Buffer.concat([wav(1).subarray(0, 12), Buffer.alloc(25 * 1024 * 1024 - 12)])],
    ['an MP4 of empty boxes', Buffer.concat([box('ftyp', Buffer.from('M4A ')), Buffer.alloc(25 * 1024 * 1024)])],
    ['an MP4 whose box has less than its head', Buffer.concat([box('ftyp'), Buffer.from('00000003free', 'latin1')])],
    ['a WebM of empty elements', Buffer.concat([Buffer.from('1a45dfa380', 'hex'), Buffer.alloc(1_000, 0x80)])],
    ['an Ogg without an end', Buffer.from('OggS')],
    ['one frame of an MP3 amid something else', Buffer.concat([mp3(1).subarray(0, 10), Buffer.from('and no more')])],
    ['nothing', Buffer.alloc(0)],
  ])('%s', (_kind, content) => {
    const seconds = soundSeconds(content);
    // A frame that begins is sound, however little.
    expect(seconds === null || seconds < 0.03).toBe(true);
  });

  test('wherever it is cut', () => {
    for (const whole of [wav(1), flac(8_000, 8_000), opus(960), mp3(3), mp4(movieHeader(5, 1)), webm(500, 8)]) {
      for (let bytes = 0; bytes < Math.min(whole.length, 300); bytes++) {
        expect(() => soundSeconds(whole.subarray(0, bytes))).not.toThrow();
        expect(() => soundSeconds(whole.subarray(whole.length - bytes))).not.toThrow();
      }
    }
  });
});
