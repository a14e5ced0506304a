import { randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { type ClientRequest, request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { basename } from 'node:path';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { CliError } from './cli-error.ts';
import { dataOf, type GraphAnswer, type GraphClient, UnreachableError } from './graph-client.ts';

export interface UploadRequest {
  query: string;
  /** With null where the file goes. */
  variables: object;
  /** Where that is, such as `variables.input.file`. */
  place: string;
  path: string;
  signal: AbortSignal;
  onProgress: (sentBytes: number, totalBytes: number) => void;
}

/**
 * Executes an operation with a file, which is read as it is sent.
 * https://github.com/jaydenseric/graphql-multipart-request-spec
 * @throws CliError, UnreachableError
 */
export async function upload<Data>(client: GraphClient, asked: UploadRequest): Promise<Data> {
  const { query, variables, place, path, signal } = asked;
  const fileBytes = await sizeOf(path);
  const boundary = `signalbox-${randomUUID()}`;
  const field = (name: string, content: string) =>
    `--${boundary}\r\ncontent-disposition: form-data; name="${name}"\r\n\r\n${content}\r\n`;
  const fileName = encodeURIComponent(basename(path).toWellFormed()).replaceAll("'", '%27');
  const head = Buffer.from(
    field('operations', JSON.stringify({ query, variables })) +
      field('map', JSON.stringify({ 0: [place] })) +
      `--${boundary}\r\ncontent-disposition: form-data; name="0"; filename*=UTF-8''${fileName}\r\n` +
      'content-type: application/octet-stream\r\n\r\n',
  );
  const tail = Buffer.from(`\r\n--${boundary}--\r\n`);
  const body = async function* () {
    let sentBytes = 0;
    yield head;
    for await (const chunk of createReadStream(path, { end: Math.max(0, fileBytes - 1) })) {
      yield chunk as Buffer;
      sentBytes += (chunk as Buffer).length;
      asked.onProgress(sentBytes, fileBytes);
    }
    if (sentBytes !== fileBytes) throw new CliError(`${path} was changed while it was read`);
    yield tail;
  };
  const request = open(client, { boundary, bytes: head.length + fileBytes + tail.length, signal });
  const { status, answer } = await send(request, Readable.from(body(), { objectMode: false }), client, signal);
  if (answer === null) throw new UnreachableError(`${client.endpoint} answered ${status}, and not as Signalbox does`);
  return dataOf(answer as GraphAnswer<Data>);
}

async function sizeOf(path: string): Promise<number> {
  const found = await stat(path).catch((error: Error) => {
    throw new CliError(`the file cannot be read: ${error.message}`);
  });
  if (!found.isFile()) throw new CliError(`${path} is no file`);
  return found.size;
}

function open(
  client: GraphClient,
  { boundary, bytes, signal }: { boundary: string; bytes: number; signal: AbortSignal },
): ClientRequest {
  const headers = {
    ...client.headers,
    accept: 'application/json',
    'content-type': `multipart/form-data; boundary=${boundary}`,
    // Told beforehand: what is too much is refused before it was sent.
    'content-length': bytes,
  };
  const start = client.endpoint.startsWith('https:') ? httpsRequest : httpRequest;
  return start(client.endpoint, { method: 'POST', headers, signal });
}

interface Answered {
  status: number | undefined;
  /** Null where it is no JSON. */
  answer: unknown;
}

/** The answer may come while the file is still being sent: then the rest of it is not wanted. */
async function send(
  request: ClientRequest,
  body: Readable,
  client: GraphClient,
  signal: AbortSignal,
): Promise<Answered> {
  const answered = new Promise<Answered>((resolve, reject) => {
    request.once('response', (response) => {
      const { statusCode: status } = response;
      text(response).then((content) => resolve({ status, answer: parse(content) }), reject);
    });
  });
  const failed = pipeline(body, request).then(
    () => new Promise<never>((_resolve, reject) => request.once('error', reject)),
  );
  try {
    return await Promise.race([answered, failed]);
  } catch (error) {
    if (signal.aborted || error instanceof CliError) throw error;
    throw new UnreachableError(`${client.endpoint} broke off: ${(error as Error).message}`);
  } finally {
    answered.catch(() => undefined);
    failed.catch(() => undefined);
    // Read no further; and where it was not sent whole, the connection goes with it.
    body.destroy();
  }
}

function parse(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return null;
  }
}
