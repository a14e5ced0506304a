import { connect, type Socket } from 'node:net';

/** What a round of requests gave. */
export interface LoadResult {
  requestsPerSecond: number;
  p50Ms: number;
  p99Ms: number;
}

export interface LoadTarget {
  port: number;
  /** `/graphql` where it is left out. */
  path?: string;
  headers: Record<string, string>;
  /** Where it holds `VARIED`, the number in it is another one in every request. */
  body: string;
}

/** Where in a body the digits stand that are another number in every request. */
export const VARIED = 'number 000000000000';

const HEAD_END = Buffer.from('\r\n\r\n');
const LAST_CHUNK = Buffer.from('0\r\n\r\n');

/**
 * Sends one POST again and again on keep-alive connections, each as soon as the one before is answered. It
 * writes to the sockets itself, so that the client costs less than any server that it measures.
 * @throws where an answer has a status other than 200
 */
export async function load(target: LoadTarget, connections: number, durationMs: number): Promise<LoadResult> {
  const request = requestOf(target);
  const latenciesMs: number[] = [];
  const startedAt = performance.now();
  const deadline = startedAt + durationMs;
  await Promise.all(Array.from({ length: connections }, () => drive(target.port, request, deadline, latenciesMs)));
  const elapsedMs = performance.now() - startedAt;
  latenciesMs.sort((a, b) => a - b);
  const at = (share: number) => latenciesMs[Math.floor(latenciesMs.length * share)] ?? Number.NaN;
  return { requestsPerSecond: (latenciesMs.length / elapsedMs) * 1_000, p50Ms: at(0.5), p99Ms: at(0.99) };
}

let sent = 0;

/** The same bytes with the next number in them, where they have one. */
function nextRequest(request: Buffer, digitsAt: number): Buffer {
  if (digitsAt < 0) return request;
  const next = Buffer.from(request);
  next.write(String(sent++).padStart(12, '0'), digitsAt, 'latin1');
  return next;
}

function requestOf({ path = '/graphql', headers, body }: LoadTarget): Buffer {
  const lines = Object.entries({
    host: '127.0.0.1',
    accept: 'application/json',
    'content-type': 'application/json',
    'content-length': String(Buffer.byteLength(body)),
    ...headers,
  }).map(([name, value]) => `${name}: ${value}\r\n`);
  return Buffer.from(`POST ${path} HTTP/1.1\r\n${lines.join('')}\r\n${body}`);
}

function drive(port: number, request: Buffer, deadline: number, latenciesMs: number[]): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket: Socket = connect({ port, host: '127.0.0.1', noDelay: true });
    let sentAt = 0;
    let received: Buffer = Buffer.alloc(0);
    const varied = request.indexOf(VARIED);
    const digitsAt = varied < 0 ? -1 : varied + VARIED.length - 12;
    const send = () => {
      const bytes = nextRequest(request, digitsAt);
      sentAt = performance.now();
      socket.write(bytes);
    };
    socket.on('connect', send);
    socket.on('error', reject);
    socket.on('close', () => reject(new Error(`the server on port ${port} has closed a connection`)));
    socket.on('data', (bytes) => {
      received = received.length === 0 ? bytes : Buffer.concat([received, bytes]);
      if (!isWhole(received)) return;
      if (!received.subarray(0, 12).equals(Buffer.from('HTTP/1.1 200'))) {
        socket.destroy();
        reject(new Error(`an answer that is not 200: ${received.toString().slice(0, 600)}`));
        return;
      }
      const now = performance.now();
      latenciesMs.push(now - sentAt);
      received = Buffer.alloc(0);
      if (now < deadline) return send();
      socket.removeAllListeners('close').end();
      resolve();
    });
  });
}

/** Whether the bytes hold all of an answer, which says its length or comes in chunks. */
function isWhole(received: Buffer): boolean {
  const headEnd = received.indexOf(HEAD_END);
  if (headEnd < 0) return false;
  const head = received.toString('latin1', 0, headEnd).toLowerCase();
  const length = /content-length: *(\d+)/.exec(head)?.[1];
  if (length !== undefined) return received.length >= headEnd + HEAD_END.length + Number(length);
  return received.subarray(-LAST_CHUNK.length).equals(LAST_CHUNK);
}
