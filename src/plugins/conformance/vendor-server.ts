import { once } from 'node:events';
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** An answer as a whole. */
export interface WireAnswer {
  /** 200 unless told. */
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** A string, bytes, or what is sent as JSON. */
  readonly body: string | Uint8Array | object;
}

/** What the server does with one request. */
export type Script =
  | ({ readonly do: 'answer' } & WireAnswer)
  /** Sends the chunks, each by itself; what happens then is `after`. */
  | ({ readonly do: 'stream'; readonly chunks: readonly (string | Uint8Array)[] } & StreamScript)
  /** Breaks the connection before any answer. */
  | { readonly do: 'reset' }
  /** Takes the request and never answers. */
  | { readonly do: 'silence' };

interface StreamScript {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** Before the first chunk, with the headers already sent. */
  readonly firstDelayMs?: number;
  /** Between two chunks. */
  readonly delayMs?: number;
  /** `end` unless told; `cut` breaks the connection; `stall` sends nothing more and keeps it open. */
  readonly after?: 'end' | 'cut' | 'stall';
}

/** A request as it came. */
export interface RecordedRequest {
  readonly method: string;
  /** With its query. */
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Uint8Array;
  /** The body's JSON; undefined where it is none. */
  readonly json: unknown;
  /** Settles when the connection of the request is closed before the answer was sent to its end. */
  readonly abandoned: Promise<void>;
}

/** Decides what is done with a request. Requests are told in the order of their arrival, from 0. */
export type Scripting = (request: RecordedRequest, index: number) => Script;

/** A vendor on this machine, over real sockets: plays scripts and keeps what it was asked. */
export class VendorServer {
  readonly requests: RecordedRequest[] = [];
  readonly #server: Server;
  #scripting: Scripting = () => ({ do: 'answer', status: 500, body: 'the server has no script' });

  private constructor() {
    this.#server = createServer((request, response) => {
      this.#serve(request, response).catch(() => response.destroy());
    });
  }

  static async start(): Promise<VendorServer> {
    const started = new VendorServer();
    started.#server.listen(0, '127.0.0.1');
    await once(started.#server, 'listening');
    return started;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** What is done with requests from now on: always the same, or as a function says. Forgets earlier requests. */
  play(scripting: Script | Scripting): void {
    this.requests.length = 0;
    this.#scripting = typeof scripting === 'function' ? scripting : () => scripting;
  }

  /** The request that came `index`th, once it has come. @throws after `timeoutMs` */
  async request(index = 0, timeoutMs = 5_000): Promise<RecordedRequest> {
    const deadline = performance.now() + timeoutMs;
    while (this.requests.length <= index) {
      if (performance.now() > deadline) throw new Error(`no request ${index} came within ${timeoutMs} ms`);
      await sleep(5);
    }
    return this.requests[index] as RecordedRequest;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }

  async #serve(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const abandoned = new Promise<void>((resolve) => {
      response.on('close', () => {
        if (!response.writableFinished) resolve();
      });
    });
    const body = await readBody(incoming);
    const request: RecordedRequest = {
      method: incoming.method ?? '',
      path: incoming.url ?? '',
      headers: incoming.headers,
      body,
      json: jsonOf(body),
      abandoned,
    };
    const index = this.requests.push(request) - 1;
    await perform(this.#scripting(request, index), response);
  }
}

async function perform(script: Script, response: ServerResponse): Promise<void> {
  if (script.do === 'silence') return;
  if (script.do === 'reset') {
    response.socket?.resetAndDestroy();
    return;
  }
  if (script.do === 'answer') {
    const { status = 200, body, headers } = script;
    const raw = typeof body === 'string' || body instanceof Uint8Array;
    response.writeHead(status, { 'content-type': raw ? 'text/plain' : 'application/json', ...headers });
    response.end(raw ? body : JSON.stringify(body));
    return;
  }
  await performStream(script, response);
}

async function performStream(script: Extract<Script, { do: 'stream' }>, response: ServerResponse): Promise<void> {
  response.writeHead(script.status ?? 200, { 'content-type': 'text/event-stream', ...script.headers });
  response.flushHeaders();
  // Chunks that are written in one turn would arrive as one.
  await sleep(script.firstDelayMs ?? 1);
  for (const chunk of script.chunks) {
    if (response.destroyed) return;
    response.write(chunk);
    await sleep(script.delayMs ?? 1);
  }
  if (script.after === 'cut') response.socket?.destroy();
  else if (script.after !== 'stall') response.end();
}

async function readBody(incoming: IncomingMessage): Promise<Uint8Array> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

function jsonOf(body: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(body).toString('utf8'));
  } catch {
    return undefined;
  }
}
