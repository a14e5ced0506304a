import { InvalidInputError } from '../../shared/errors.ts';
import { newId } from '../../shared/ids.ts';
import { storableText } from '../../shared/text.ts';
import type { Upload } from '../../shared/upload.ts';
import type { NewAttachment } from './message-store.ts';

const ATTACHMENTS_MAX = 4;
const ATTACHMENT_MAX_BYTES = 5 * 1024 * 1024;
const FILE_NAME_MAX_CHARACTERS = 255;

/** What a picture begins with, by its type: what a client calls it proves nothing. */
const PICTURES: readonly (readonly [mimeType: string, isSuch: (head: Buffer) => boolean])[] = [
  ['image/png', (head) => head.subarray(0, 8).equals(Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]))],
  ['image/jpeg', (head) => head.subarray(0, 3).equals(Buffer.from([0xff, 0xd8, 0xff]))],
  ['image/gif', (head) => head.toString('latin1', 0, 4) === 'GIF8'],
  ['image/webp', (head) => head.toString('latin1', 0, 4) === 'RIFF' && head.toString('latin1', 8, 12) === 'WEBP'],
];

/**
 * Reads the pictures of a message.
 * @throws InvalidInputError: too many, too large, or no picture of these types
 */
export async function readAttachments(uploads: readonly Upload[]): Promise<NewAttachment[]> {
  if (uploads.length > ATTACHMENTS_MAX) {
    throw InvalidInputError.at('attachments', `may hold ${ATTACHMENTS_MAX} pictures`);
  }
  const attachments: NewAttachment[] = [];
  for (const [index, upload] of uploads.entries()) attachments.push(await readAttachment(upload, index));
  return attachments;
}

async function readAttachment(upload: Upload, index: number): Promise<NewAttachment> {
  const path = `attachments.${index}`;
  const pieces: Buffer[] = [];
  let bytes = 0;
  for await (const piece of upload.open()) {
    bytes += (piece as Buffer).length;
    if (bytes > ATTACHMENT_MAX_BYTES) {
      throw InvalidInputError.at(path, `may have ${ATTACHMENT_MAX_BYTES / 1024 / 1024} MB`);
    }
    pieces.push(piece as Buffer);
  }
  const content = Buffer.concat(pieces);
  const mimeType = PICTURES.find(([, isSuch]) => isSuch(content))?.[0];
  if (mimeType === undefined) throw InvalidInputError.at(path, 'must be a PNG, JPEG, GIF or WebP picture');
  const fileName = storableText(upload.fileName.slice(0, FILE_NAME_MAX_CHARACTERS));
  return { id: newId('Attachment'), fileName, mimeType, bytes, content };
}
