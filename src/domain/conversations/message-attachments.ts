import { InvalidInputError } from '../../shared/errors.ts';
import { newId } from '../../shared/ids.ts';
import { storableText } from '../../shared/text.ts';
import type { Upload } from '../../shared/upload.ts';
import { PICTURES } from '../media/file-format.ts';
import { readFile } from '../media/read-file.ts';
import type { NewAttachment } from './message-store.ts';

const ATTACHMENTS_MAX = 4;
/** As much as every vendor takes. */
const PICTURE_MAX_BYTES = 5 * 1024 * 1024;
const FILE_NAME_MAX_CHARACTERS = 255;

/** @throws InvalidInputError: too many */
export function checkAttachments(uploads: readonly Upload[]): void {
  if (uploads.length > ATTACHMENTS_MAX) {
    throw InvalidInputError.at('attachments', `may hold ${ATTACHMENTS_MAX} pictures`);
  }
}

/**
 * Reads the pictures of a message.
 * @throws InvalidInputError: too large, or no picture of a known type
 */
export async function readAttachments(uploads: readonly Upload[]): Promise<NewAttachment[]> {
  const attachments: NewAttachment[] = [];
  for (const [index, upload] of uploads.entries()) attachments.push(await readPicture(upload, `attachments.${index}`));
  return attachments;
}

/** @throws InvalidInputError as `readAttachments`, at the path */
export async function readPicture(upload: Upload, path: string): Promise<NewAttachment> {
  const { content, format } = await readFile(upload, { path, formats: PICTURES, maxBytes: PICTURE_MAX_BYTES });
  const fileName = storableText(upload.fileName.slice(0, FILE_NAME_MAX_CHARACTERS));
  return { id: newId('Attachment'), fileName, mimeType: format.mimeType, bytes: content.length, content };
}
