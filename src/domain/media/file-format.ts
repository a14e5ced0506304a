import { isMp3Frame } from './mp3-length.ts';

/** A kind of file that is taken. */
export interface FileFormat {
  /** As people say it. */
  name: string;
  mimeType: string;
  /** By what such a file begins with: what a client calls it proves nothing. */
  isSuch(head: Buffer): boolean;
}

/** So much of a file tells its format. */
export const HEAD_BYTES = 64;

/** Pictures that models see. */
export const PICTURES: readonly FileFormat[] = [
  {
    name: 'PNG',
    mimeType: 'image/png',
    isSuch: (head) => begins(head, 0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a),
  },
  { name: 'JPEG', mimeType: 'image/jpeg', isSuch: (head) => begins(head, 0xff, 0xd8, 0xff) },
  { name: 'GIF', mimeType: 'image/gif', isSuch: (head) => /^GIF8[79]a/.test(textAt(head, 0, 6)) },
  { name: 'WebP', mimeType: 'image/webp', isSuch: (head) => isRiff(head, 'WEBP') },
];

/** Of HEIF, AVIF and Canon's raw format, which begin as a film does (ISO 23008-12). */
const PICTURE_BRANDS = /^(hei[cmsx]|hev[cmsx]|mi[af]1|msf1|avi[fs]|crx )/;

/** Sound that models write down, also where it comes with a film. */
export const SOUNDS: readonly FileFormat[] = [
  { name: 'WAV', mimeType: 'audio/wav', isSuch: (head) => isRiff(head, 'WAVE') },
  { name: 'MP3', mimeType: 'audio/mpeg', isSuch: (head) => textAt(head, 0, 3) === 'ID3' || isMp3Frame(head) },
  {
    name: 'MP4 or M4A',
    mimeType: 'audio/mp4',
    isSuch: (head) => textAt(head, 4, 4) === 'ftyp' && !PICTURE_BRANDS.test(textAt(head, 8, 4)),
  },
  { name: 'FLAC', mimeType: 'audio/flac', isSuch: (head) => textAt(head, 0, 4) === 'fLaC' },
  { name: 'Ogg', mimeType: 'audio/ogg', isSuch: (head) => textAt(head, 0, 4) === 'OggS' },
  {
    name: 'WebM',
    mimeType: 'audio/webm',
    isSuch: (head) => begins(head, 0x1a, 0x45, 0xdf, 0xa3) && head.includes('webm'),
  },
];

/** `PNG, JPEG or GIF` */
export function namesOf(formats: readonly FileFormat[]): string {
  const names = formats.map(({ name }) => name);
  return `${names.slice(0, -1).join(', ')} or ${names.at(-1)}`;
}

function begins(head: Buffer, ...bytes: number[]): boolean {
  return head.subarray(0, bytes.length).equals(Buffer.from(bytes));
}

function textAt(head: Buffer, start: number, length: number): string {
  return head.toString('latin1', start, start + length);
}

function isRiff(head: Buffer, form: string): boolean {
  return textAt(head, 0, 4) === 'RIFF' && textAt(head, 8, 4) === form;
}
