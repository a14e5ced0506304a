import { createHash, randomUUID } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { buildUseLiteGraph } from './onnx-graph.ts';
import { bytesField } from './protobuf.ts';
import { readWeights } from './weights.ts';

/** Changes whenever the built file would: an older file is then left alone and a new one written beside it. */
const GRAPH_VERSION = 1;
/** Name of the file in the plugin's cache folder. */
export const GRAPH_FILE_NAME = `use-lite-768.v${GRAPH_VERSION}.onnx`;

/** `ModelProto.doc_string`: free text, so a file that ends in its own checksum is still a plain ONNX file. */
const DOC_STRING_FIELD = 6;

function checksumField(content: Uint8Array): Buffer {
  return bytesField(DOC_STRING_FIELD, `sha256:${createHash('sha256').update(content).digest('hex')}`);
}

const CHECKSUM_LENGTH = checksumField(new Uint8Array()).byteLength;

function isWhole(file: Buffer): boolean {
  if (file.byteLength <= CHECKSUM_LENGTH) return false;
  const end = file.byteLength - CHECKSUM_LENGTH;
  return checksumField(file.subarray(0, end)).equals(file.subarray(end));
}

function readIfThere(path: string): Buffer | undefined {
  try {
    return readFileSync(path);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}

/**
 * The ONNX file out of `cacheDir`, made from the installed weights where it is missing or damaged. Safe to call from
 * several threads and processes at once: each writes its own temporary file and renames it into place.
 */
export function readGraphFile(cacheDir: string): Buffer {
  const path = join(cacheDir, GRAPH_FILE_NAME);
  const cached = readIfThere(path);
  if (cached && isWhole(cached)) return cached;
  const graph = buildUseLiteGraph(readWeights());
  const content = Buffer.concat([graph, checksumField(graph)]);
  const temporary = `${path}.${randomUUID()}.tmp`;
  mkdirSync(cacheDir, { recursive: true });
  try {
    writeFileSync(temporary, content);
    renameSync(temporary, path);
  } finally {
    rmSync(temporary, { force: true });
  }
  return content;
}
