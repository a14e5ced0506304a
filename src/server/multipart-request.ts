import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Readable } from 'node:stream';
import { Busboy, type BusboyInstance } from '@fastify/busboy';
import { GraphQLError } from 'graphql';
import type { GraphQLParams } from 'graphql-yoga';
import { InvalidInputError } from '../shared/errors.ts';
import { MultipartFile } from './multipart-file.ts';
import { type FileMap, placeFile, readMap, readOperations, refusal } from './multipart-operations.ts';

export interface MultipartLimits {
  /** Of one file. */
  fileBytes: number;
  files: number;
  /** Of `operations`, and of `map`. */
  fieldBytes: number;
  /** How long the client may take until its first file begins. */
  operationsMs: number;
  /** How long nothing may come while something is wanted. */
  silenceMs: number;
  /** How long, and how much, is still read of a request that was answered: a client that is still sending sees no answer. */
  lingerMs: number;
  lingerBytes: number;
}

export const MULTIPART_LIMITS: Omit<MultipartLimits, 'fileBytes'> = {
  files: 20,
  fieldBytes: 1024 * 1024,
  operationsMs: 120_000,
  silenceMs: 30_000,
  lingerMs: 10_000,
  lingerBytes: 64 * 1024 * 1024,
};

/** What multipart adds around the files; more than this is a file that is too large. */
const OVERHEAD_BYTES = 64 * 1024;

const BROKEN_OFF = 'the client broke off in the middle of its request';

/**
 * Reads a request as https://github.com/jaydenseric/graphql-multipart-request-spec writes it: `operations`, `map`, then
 * the files. It answers as soon as the first file begins; from then on the files stream to whoever opens them, at their
 * pace, and nothing of them is kept. When `response` is over, so are they.
 * @throws GraphQLError where there is nothing to execute
 */
export function readMultipart(
  request: IncomingMessage,
  response: ServerResponse,
  limits: MultipartLimits,
): Promise<GraphQLParams> {
  return new MultipartRequest(request, limits).read(response);
}

class MultipartRequest {
  readonly #request: IncomingMessage;
  readonly #limits: MultipartLimits;
  readonly #parser: BusboyInstance;
  readonly #ready = Promise.withResolvers<GraphQLParams>();
  readonly #silence: NodeJS.Timeout;
  readonly #files = new Map<string, MultipartFile>();
  #operations: GraphQLParams | null = null;
  #map: FileMap | null = null;
  #started = false;
  /** In the order in which they came; of those that are read to their end too. */
  readonly #arrived: MultipartFile[] = [];
  /** Files that somebody waits for. */
  readonly #wanted = new Set<MultipartFile>();
  #over = false;

  constructor(request: IncomingMessage, limits: MultipartLimits) {
    this.#request = request;
    this.#limits = limits;
    this.#parser = parserOf(request, limits);
    this.#silence = setInterval(() => this.#judgeSilence(), limits.silenceMs);
  }

  async read(response: ServerResponse): Promise<GraphQLParams> {
    const parser = this.#parser;
    parser.on('field', (name, value, _nameTruncated, truncated) =>
      this.#attempt(() => this.#field(name, value, truncated)),
    );
    parser.on('file', (name, part, fileName, _encoding, mimeType) =>
      this.#attempt(() => this.#part(name, part, fileName, mimeType)),
    );
    parser.on('finish', () => this.#attempt(() => this.#end()));
    parser.on('error', (error) =>
      this.#fail(refusal(`the multipart body cannot be read: ${(error as Error).message}`)),
    );
    this.#request.on('data', () => this.#silence.refresh());
    this.#request.once('end', () => clearInterval(this.#silence));
    this.#request.once('close', () => {
      if (!this.#request.complete) this.#fail(new Error(BROKEN_OFF));
    });
    this.#request.once('error', (error) => this.#fail(error));
    response.once('close', () => this.#close(response.writableFinished));
    this.#request.pipe(parser);
    const deadline = setTimeout(
      () => this.#fail(refusal('`operations`, `map` and the first file took too long to come', 408)),
      this.#limits.operationsMs,
    );
    return this.#ready.promise.finally(() => clearTimeout(deadline));
  }

  #field(name: string, value: string, truncated: boolean): void {
    if (name !== 'operations' && name !== 'map') return;
    if (truncated) throw refusal(`\`${name}\` may have ${this.#limits.fieldBytes} bytes`, 413);
    if (name === 'operations') {
      if (this.#operations !== null) throw refusal('`operations` came twice');
      this.#operations = readOperations(value);
    } else {
      if (this.#operations === null) throw refusal('`operations` must come before `map`, and both before the files');
      if (this.#map !== null) throw refusal('`map` came twice');
      this.#map = readMap(value, this.#limits.files);
    }
  }

  #part(name: string, part: Readable, fileName: string | undefined, mimeType: string): void {
    part.on('error', (error) => this.#fail(error));
    if (this.#over) return void part.resume();
    if (!this.#started) this.#start();
    const file = this.#files.get(name);
    if (file === undefined || file.hasBegun) return void part.resume();
    this.#arrived.push(file);
    this.#wanted.delete(file);
    file.begin(part, fileName, mimeType);
    if (this.#wanted.size > 0 && !file.isOpened) file.passOver();
  }

  /** @throws GraphQLError */
  #start(): void {
    const { operations, map } = { operations: this.#operations, map: this.#map };
    if (operations === null || map === null) throw refusal('`operations` and `map` must come before the files');
    this.#refuseTooLarge(map.size);
    for (const [name, paths] of map) {
      const events = { onWanted: (file: MultipartFile) => this.#want(file), onTooLarge: () => this.#stopReading() };
      const file = new MultipartFile(issuePath(paths[0] ?? []), this.#limits.fileBytes, events);
      for (const path of paths) placeFile(operations, path, file);
      this.#files.set(name, file);
    }
    this.#started = true;
    this.#ready.resolve(operations);
  }

  /** A client that says how much it will send need not send it to be told that it is too much. */
  #refuseTooLarge(files: number): void {
    const { fileBytes, fieldBytes } = this.#limits;
    const declared = Number(this.#request.headers['content-length'] ?? 0);
    if (declared <= files * fileBytes + 2 * fieldBytes + OVERHEAD_BYTES) return;
    throw refusal(`a file may have ${fileBytes} bytes (SIGNALBOX_UPLOAD_MAX_BYTES)`, 413);
  }

  /** Nothing that nobody has opened may hold up what somebody waits for, whether it would by its size or not. */
  #want(file: MultipartFile): void {
    if (!file.hasBegun && !file.isOver) this.#wanted.add(file);
    const before = file.hasBegun ? this.#arrived.slice(0, this.#arrived.indexOf(file)) : this.#arrived;
    for (const other of before) if (!other.isOpened) other.passOver();
  }

  #end(): void {
    if (!this.#started) {
      if (this.#map !== null && this.#map.size > 0) {
        throw refusal(`\`map\` names files that the request does not have: ${[...this.#map.keys()].join(', ')}`);
      }
      this.#start();
    }
    for (const file of this.#files.values()) file.failAsMissing();
  }

  #judgeSilence(): void {
    const isHeldUpByUs = this.#parser.writableNeedDrain || this.#request.readableLength > 0;
    if (!isHeldUpByUs) this.#fail(refusal(`nothing came for ${this.#limits.silenceMs} ms`, 408));
  }

  /** What is thrown where the parser calls us would end the process. */
  #attempt(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.#fail(error as Error);
    }
  }

  #fail(error: Error): void {
    this.#ready.reject(error);
    this.#stopReading();
    const reason =
      error instanceof GraphQLError ? new InvalidInputError([{ path: [], message: error.message }]) : error;
    for (const file of this.#files.values()) if (!file.isOver) file.fail(reason);
  }

  #stopReading(): void {
    this.#over = true;
    clearInterval(this.#silence);
    this.#request.unpipe(this.#parser).pause();
    const others = [...this.#files.values()].filter((file) => !file.hasBegun);
    for (const file of others) file.fail(new Error('the request was not read to its end'));
  }

  #close(wasAnswered: boolean): void {
    this.#fail(new Error(wasAnswered ? 'the request was answered before the file was read' : BROKEN_OFF));
  }
}

/** For a request that is answered: what the client still sends is let go by for a while, then the connection is closed. */
export function linger(
  request: IncomingMessage,
  { lingerMs, lingerBytes }: Pick<MultipartLimits, 'lingerMs' | 'lingerBytes'>,
): void {
  if (request.complete || request.destroyed) return;
  let bytes = 0;
  const timer = setTimeout(() => request.destroy(), lingerMs);
  request.once('close', () => clearTimeout(timer));
  request.once('end', () => clearTimeout(timer));
  request.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > lingerBytes) request.destroy();
  });
  request.resume();
}

/** @throws GraphQLError where the header names no boundary */
function parserOf({ headers }: IncomingMessage, { files, fieldBytes }: MultipartLimits): BusboyInstance {
  try {
    return new Busboy({
      headers: { ...headers, 'content-type': headers['content-type'] ?? '' },
      // Whatever some clients say of them: these two are text, and everything else is a file.
      isPartAFile: (name) => name !== 'operations' && name !== 'map',
      // One more than is taken, so that what is too much can be told.
      limits: {
        fieldSize: fieldBytes,
        fields: 4,
        files: files + 1,
        parts: files + 5,
        headerPairs: 50,
        headerSize: 16_384,
      },
    });
  } catch (error) {
    throw refusal(`the header content-type cannot be used: ${(error as Error).message}`);
  }
}

/** As the issues of inputs have it: `variables.input.file` is ['file']. */
function issuePath(path: string[]): string[] {
  const [, ...rest] = path;
  return rest[0] === 'input' && rest.length > 1 ? rest.slice(1) : rest;
}
