import type { Readable } from 'node:stream';
import { InvalidInputError } from '../../shared/errors.ts';
import type { Upload } from '../../shared/upload.ts';
import { type FileFormat, HEAD_BYTES, namesOf } from './file-format.ts';

/** As long as 25 MB take at 1.2 Mbit/s: who drips holds a slot that others wait for. */
const READ_MS = 180_000;

/** What a file may be. */
export interface FileRules {
  /** Of the input's field, for errors. */
  path: string;
  formats: readonly FileFormat[];
  /** It is held in memory. */
  maxBytes: number;
  /** How long it may take to come; 3 minutes where left out. */
  withinMs?: number;
}

export interface ReadFile {
  content: Buffer;
  format: FileFormat;
}

/**
 * Reads a file that has to be sent on as a whole. What is too large, or no such file, is not read to its end.
 * @throws InvalidInputError that says what is allowed
 */
export async function readFile(upload: Upload, { withinMs = READ_MS, ...rules }: FileRules): Promise<ReadFile> {
  const content = upload.open();
  const late = () => content.destroy(InvalidInputError.at(rules.path, `took more than ${withinMs / 1_000} s to come`));
  const timer = setTimeout(late, withinMs);
  try {
    return await readAll(content, rules);
  } finally {
    clearTimeout(timer);
  }
}

async function readAll(content: Readable, { path, formats, maxBytes }: FileRules): Promise<ReadFile> {
  const pieces: Buffer[] = [];
  let bytes = 0;
  let format: FileFormat | null = null;
  for await (const piece of content) {
    bytes += (piece as Buffer).length;
    if (bytes > maxBytes) throw InvalidInputError.at(path, `may have ${maxBytes / 1024 / 1024} MB`);
    pieces.push(piece as Buffer);
    if (format === null && bytes >= HEAD_BYTES) format = formatOf(pieces, path, formats);
  }
  return { format: format ?? formatOf(pieces, path, formats), content: Buffer.concat(pieces) };
}

function formatOf(pieces: readonly Buffer[], path: string, formats: readonly FileFormat[]): FileFormat {
  const head = Buffer.concat(pieces).subarray(0, HEAD_BYTES);
  if (head.length === 0) throw InvalidInputError.at(path, `is empty: it must be ${namesOf(formats)}`);
  const format = formats.find(({ isSuch }) => isSuch(head));
  if (format === undefined) throw InvalidInputError.at(path, `must be ${namesOf(formats)}, by what it holds`);
  return format;
}
