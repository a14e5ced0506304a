import { PassThrough, Readable } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { type FileFormat, PICTURES, SOUNDS } from '../../../src/domain/media/file-format.ts';
import { readFile } from '../../../src/domain/media/read-file.ts';
import type { Upload } from '../../../src/shared/upload.ts';
import { PNG, wav } from '../../api/media/media-client.ts';

function upload(content: Readable): Upload {
  return { fileName: 'a', mimeType: 'text/plain', begun: async () => undefined, open: () => content };
}

const read = (content: Buffer, formats: readonly FileFormat[], maxBytes = 1_000_000) =>
  readFile(upload(Readable.from([content])), { path: 'file', formats, maxBytes });

test('a file that drips is given up, so that whoever waits for its place has it', async () => {
  const dripping = new PassThrough();
  dripping.write(PNG);
  const rules = { path: 'file', formats: PICTURES, maxBytes: 1_000_000, withinMs: 20 };
  await expect(readFile(upload(dripping), rules)).rejects.toMatchObject({
    ...{ code: 'BAD_INPUT', message: expect.stringContaining('took more than 0.02 s to come') },
  });
  expect(dripping.destroyed).toBe(true);
});

test('a file byte by byte is the same file', async () => {
  const pieces = Readable.from([...PNG].map((byte) => Buffer.from([byte])));
  const { content, format } = await readFile(upload(pieces), { path: 'file', formats: PICTURES, maxBytes: 1_000 });
  expect([content, format.name]).toEqual([PNG, 'PNG']);
});

test('a file of as many bytes as it may have is taken, and of one more is not', async () => {
  expect((await read(PNG, PICTURES, PNG.length)).content).toEqual(PNG);
  await expect(read(PNG, PICTURES, PNG.length - 1)).rejects.toMatchObject({ code: 'BAD_INPUT' });
});

test('an empty file is told to be empty', async () => {
  await expect(read(Buffer.alloc(0), SOUNDS)).rejects.toThrow(/is empty: it must be WAV, MP3/);
});

const film = (brand: string) => Buffer.from(`\0\0\0\x20ftyp${brand}\0\0\0\0`, 'latin1');

describe('what a file is, is told by what it begins with:', () => {
  test.each<[string, Buffer, readonly FileFormat[], string | null]>([
    ['a picture of a telephone is no film', film('heic'), SOUNDS, null],
    ['nor is a sequence of them', film('hevc'), SOUNDS, null],
    ['nor is an AVIF', film('avif'), SOUNDS, null],
    ['a sound of a telephone', film('M4A '), SOUNDS, 'audio/mp4'],
    ['a film', film('isom'), SOUNDS, 'audio/mp4'],
    ['a text with a byte order mark is no MP3', Buffer.from('\xff\xfeh\0i\0', 'latin1'), SOUNDS, null],
    ['nor is a JPEG', Buffer.from([0xff, 0xd8, 0xff, 0xe0]), SOUNDS, null],
    ['an MP3', Buffer.from([0xff, 0xfb, 0x90, 0x00]), SOUNDS, 'audio/mpeg'],
    ['a Matroska film that is no WebM', Buffer.from('\x1aE\xdf\xa3\x8bB\x82\x88matroska', 'latin1'), SOUNDS, null],
    ['a WAV is no picture', wav(1), PICTURES, null],
    ['a text that begins as a GIF does', Buffer.from('GIF8 is a text'), PICTURES, null],
    ['a page with a picture behind it', Buffer.concat([Buffer.from('<html>'), PNG]), PICTURES, null],
    ['a picture with a page behind it', Buffer.concat([PNG, Buffer.from('<html>')]), PICTURES, 'image/png'],
  ])('%s', async (_what, content, formats, mimeType) => {
    const found = await read(content, formats).then(
      ({ format }) => format.mimeType,
      ({ code }: { code: string }) => code,
    );
    expect(found).toBe(mimeType ?? 'BAD_INPUT');
  });
});
