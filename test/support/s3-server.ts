import { createHash, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { isSigned } from './s3-signature.ts';

/** As S3 has it: every part but the last. */
const MIN_PART_BYTES = 5 * 1024 * 1024;

/** An S3-compatible service with one bucket, which keeps what it is given in memory. */
export interface S3Server {
  endpoint: string;
  bucket: string;
  accessKeyId: string;
  secretAccessKey: string;
  /** What is stored, by key. */
  files: ReadonlyMap<string, Buffer>;
  /** Multipart uploads that were begun, and neither completed nor aborted. */
  unfinishedUploads(): number;
  /** Requests that came, such as `PUT /bucket/key`, refused ones too. */
  requests: readonly string[];
  /** Answers the next request of this method with a failure, or cuts or stalls its answer after so many bytes. */
  failNext(method: string, failure: Failure): void;
  close(): Promise<void>;
}

/** An answer with a status in place of the right one, or one that is cut or stalls. */
interface Failure {
  status?: number;
  cutAfterBytes?: number;
  /** Nothing comes after these bytes, and the connection stays. */
  stallAfterBytes?: number;
}

interface State {
  bucket: string;
  key: { id: string; secret: string };
  pageSize: number;
  files: Map<string, Buffer>;
  uploads: Map<string, Map<number, Buffer>>;
  requests: string[];
  failures: { method: string; failure: Failure }[];
}

interface Asked {
  request: IncomingMessage;
  /** Empty: the bucket itself is asked. */
  key: string;
  params: URLSearchParams;
  body: Buffer;
}

interface Reply {
  status: number;
  headers?: Record<string, string>;
  body?: string | Buffer;
}

/** @param pageSize of a listing */
export async function startS3Server({ pageSize = 1_000 } = {}): Promise<S3Server> {
  const state: State = {
    bucket: 'files',
    key: { id: 'TESTKEY', secret: `secret-${randomUUID()}` },
    pageSize,
    files: new Map(),
    uploads: new Map(),
    requests: [],
    failures: [],
  };
  const server = createServer((request, response) => {
    answer(state, request, response).catch((error: unknown) => response.destroy(error as Error));
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    bucket: state.bucket,
    accessKeyId: state.key.id,
    secretAccessKey: state.key.secret,
    files: state.files,
    unfinishedUploads: () => state.uploads.size,
    requests: state.requests,
    failNext: (method, failure) => state.failures.push({ method, failure }),
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function answer(state: State, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const body = await buffer(request);
  const { pathname, searchParams: params } = new URL(request.url ?? '/', 'http://host');
  state.requests.push(`${request.method} ${pathname}`);
  const planned = state.failures.findIndex(({ method }) => method === request.method);
  const failure: Failure = planned < 0 ? {} : (state.failures.splice(planned, 1)[0]?.failure ?? {});
  const [, bucket, ...segments] = pathname.split('/');
  const asked = { request, key: decodeURIComponent(segments.join('/')), params, body };
  const reply = refusalOf(state, asked, bucket, failure) ?? replyTo(state, asked);
  const content = Buffer.from(reply.body ?? '');
  response.writeHead(reply.status, { ...reply.headers, 'content-length': content.length });
  if (failure.cutAfterBytes !== undefined)
    response.write(content.subarray(0, failure.cutAfterBytes), () => response.destroy());
  else if (failure.stallAfterBytes !== undefined) response.write(content.subarray(0, failure.stallAfterBytes));
  else response.end(content);
}

function refusalOf(state: State, { request, body }: Asked, bucket = '', { status }: Failure): Reply | null {
  if (!isSigned(request, body, state.key)) return refuse(403, 'SignatureDoesNotMatch');
  if (status !== undefined) return refuse(status, 'InternalError');
  return bucket === state.bucket ? null : refuse(404, 'NoSuchBucket');
}

function replyTo(state: State, asked: Asked): Reply {
  const { request, key, params } = asked;
  switch (request.method) {
    case 'GET':
      return key === '' ? list(state, asked) : get(state, asked);
    case 'PUT':
      return params.has('partNumber') ? putPart(state, asked) : put(state, asked);
    case 'POST':
      return params.has('uploads') ? beginUpload(state) : completeUpload(state, asked);
    case 'DELETE':
      return params.has('uploadId') ? abortUpload(state, asked) : remove(state, asked);
    default:
      return refuse(405, 'MethodNotAllowed');
  }
}

function get({ files }: State, { request, key }: Asked): Reply {
  const file = files.get(key);
  if (file === undefined) return refuse(404, 'NoSuchKey');
  const wanted = request.headers['if-match'];
  if (wanted !== undefined && wanted !== etagOf(file)) return refuse(412, 'PreconditionFailed');
  const [, from] = /^bytes=(\d+)-$/.exec(request.headers.range ?? '') ?? [];
  if (from !== undefined && Number(from) >= file.length) return refuse(416, 'InvalidRange');
  const content = file.subarray(Number(from ?? 0));
  return { status: from === undefined ? 200 : 206, headers: { etag: etagOf(file) }, body: content };
}

function put({ files }: State, { key, body }: Asked): Reply {
  files.set(key, body);
  return { status: 200, headers: { etag: etagOf(body) } };
}

function remove({ files }: State, { key }: Asked): Reply {
  files.delete(key);
  return { status: 204 };
}

function list({ files, pageSize }: State, { params }: Asked): Reply {
  const keys = [...files.keys()].filter((key) => key.startsWith(params.get('prefix') ?? '')).sort();
  const after = params.get('continuation-token') ?? '';
  const rest = keys.filter((key) => key > after);
  const page = rest.slice(0, pageSize);
  const next = rest.length > pageSize ? `<NextContinuationToken>${page.at(-1)}</NextContinuationToken>` : '';
  const contents = page.map((key) => `<Contents><Key>${key}</Key></Contents>`).join('');
  return xml(200, `<ListBucketResult><IsTruncated>${next !== ''}</IsTruncated>${next}${contents}</ListBucketResult>`);
}

function beginUpload({ uploads }: State): Reply {
  const uploadId = randomUUID();
  uploads.set(uploadId, new Map());
  return xml(200, `<InitiateMultipartUploadResult><UploadId>${uploadId}</UploadId></InitiateMultipartUploadResult>`);
}

function putPart({ uploads }: State, { params, body }: Asked): Reply {
  const parts = uploads.get(params.get('uploadId') ?? '');
  if (parts === undefined) return refuse(404, 'NoSuchUpload');
  parts.set(Number(params.get('partNumber')), body);
  return { status: 200, headers: { etag: etagOf(body) } };
}

function completeUpload({ uploads, files }: State, { key, params, body }: Asked): Reply {
  const uploadId = params.get('uploadId') ?? '';
  const stored = uploads.get(uploadId);
  if (stored === undefined) return refuse(404, 'NoSuchUpload');
  const named = [...body.toString().matchAll(/<PartNumber>(\d+)<\/PartNumber>/g)].map(([, number]) => Number(number));
  const parts = named.map((number) => stored.get(number));
  if (parts.some((part) => part === undefined)) return refuse(400, 'InvalidPart');
  const found = parts as Buffer[];
  if (found.slice(0, -1).some((part) => part.length < MIN_PART_BYTES)) return refuse(400, 'EntityTooSmall');
  uploads.delete(uploadId);
  const file = Buffer.concat(found);
  files.set(key, file);
  return xml(200, `<CompleteMultipartUploadResult><ETag>${etagOf(file)}</ETag></CompleteMultipartUploadResult>`);
}

function abortUpload({ uploads }: State, { params }: Asked): Reply {
  if (!uploads.delete(params.get('uploadId') ?? '')) return refuse(404, 'NoSuchUpload');
  return { status: 204 };
}

function refuse(status: number, code: string): Reply {
  return xml(status, `<Error><Code>${code}</Code><Message>refused</Message></Error>`);
}

function xml(status: number, body: string): Reply {
  return { status, headers: { 'content-type': 'application/xml' }, body: `<?xml version="1.0"?>${body}` };
}

const etagOf = (content: Buffer) => `"${createHash('md5').update(content).digest('hex')}"`;
