import type { ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import type { ExecutionResult } from 'graphql';
import { isAsyncIterable, type Plugin } from 'graphql-yoga';
import { textOfResult } from './result-text.ts';

/** Bytes that wait for a client in the stream, beside those in its connection, before its events do; the log keeps those. */
const WAITING_BYTES = 16 * 1024;
const PING_INTERVAL_MS = 12_000;
/** How long a client that was given up has to read why. */
const GOODBYE_MS = 30_000;
const HEADERS = {
  'Content-Type': 'text/event-stream',
  Connection: 'keep-alive',
  'Cache-Control': 'no-cache',
  'Content-Encoding': 'none',
};
const PING = ':\n\n';
const BEGIN = 'event: next\ndata: ';
const END = '\n\n';
const COMPLETE = 'event: complete\ndata:\n\n';
const TOO_SLOW = {
  errors: [
    {
      message: 'nothing was read here for too long: subscribe again, and go on from the last seq you have',
      extensions: { code: 'UNAVAILABLE' },
    },
  ],
};

type Results = AsyncGenerator<ExecutionResult, void>;

/**
 * Subscriptions over SSE, as graphql-sse's distinct connections mode has them: each result from the text that all who are
 * told the same one share, and no faster than the client reads.
 */
export function useEventStream(patienceMs: number, onGiveUp: () => void): Plugin {
  return {
    onResultProcess({ result, resultProcessor, serverContext, setResultProcessor, acceptableMediaTypes }) {
      if (resultProcessor === undefined || !isAsyncIterable(result)) return;
      if (!acceptableMediaTypes.includes('text/event-stream')) return;
      const { res: response } = serverContext as { res?: ServerResponse };
      setResultProcessor((results, { Response }) => {
        const events = new EventStream(results as unknown as Results, { patienceMs, onGiveUp, response });
        return new Response(events as unknown as BodyInit, { headers: HEADERS });
      }, 'text/event-stream');
    },
  };
}

interface StreamOptions {
  /** How long a client may read nothing before it is given up. */
  patienceMs: number;
  onGiveUp: () => void;
  /** What the stream goes to; left out where that is no server of Node. */
  response: ServerResponse | undefined;
}

/** The results of a subscription as the bytes of an event stream. */
class EventStream extends Readable {
  readonly #results: Results;
  readonly #options: StreamOptions;
  readonly #pings: NodeJS.Timeout;
  #isPumping = false;
  #isOver = false;
  #patience: NodeJS.Timeout | null = null;

  constructor(results: Results, options: StreamOptions) {
    super({ highWaterMark: WAITING_BYTES });
    this.#results = results;
    this.#options = options;
    // Some browsers tell of no answer before its first bytes.
    this.push(PING);
    this.#pings = setInterval(() => {
      if (this.#patience === null && !this.#isOver) this.#put(PING);
    }, PING_INTERVAL_MS);
    this.#pings.unref();
  }

  override _read(): void {
    this.#read();
    void this.#pump();
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.#read();
    clearInterval(this.#pings);
    this.#isOver = true;
    this.#results.return().then(
      () => callback(error),
      () => callback(error),
    );
  }

  /** Goes on until the client has enough to read. */
  async #pump(): Promise<void> {
    if (this.#isPumping || this.#isOver) return;
    this.#isPumping = true;
    try {
      while (!this.#isOver) {
        const { value, done } = await this.#results.next();
        if (this.#isOver) return;
        if (done === true) return this.#end(COMPLETE);
        const text = value.errors === undefined ? textOfResult(value) : JSON.stringify(shown(value));
        const parts = typeof text === 'string' ? [`${BEGIN}${text}${END}`] : [BEGIN, text, END];
        let hasRoom = true;
        for (const part of parts) hasRoom = this.#put(part);
        if (!hasRoom) return;
      }
    } catch (error) {
      this.destroy(error as Error);
    } finally {
      this.#isPumping = false;
    }
  }

  /** @returns whether there is room for more; else the client has so long to make some */
  #put(part: string | Buffer): boolean {
    if (this.push(part)) return true;
    this.#patience ??= setTimeout(() => this.#tooSlow(), this.#options.patienceMs);
    return false;
  }

  /** The client has read something. */
  #read(): void {
    if (this.#patience !== null) clearTimeout(this.#patience);
    this.#patience = null;
  }

  #tooSlow(): void {
    this.#results.return().catch(() => undefined);
    this.#end(`${BEGIN}${JSON.stringify(TOO_SLOW)}${END}${COMPLETE}`);
  }

  #end(text: string): void {
    if (this.#isOver) return;
    this.#isOver = true;
    clearInterval(this.#pings);
    this.push(text);
    this.push(null);
    this.#letRead();
  }

  /** What is written has to be read some time: a client that does not is disconnected. */
  #letRead(): void {
    const { patienceMs, onGiveUp, response } = this.#options;
    const isSlow = this.#patience !== null;
    this.#read();
    if (response === undefined) return;
    if (isSlow) onGiveUp();
    const patience = isSlow ? undefined : setTimeout(onGiveUp, patienceMs).unref();
    const goodbye = setTimeout(() => response.destroy(), patienceMs + GOODBYE_MS).unref();
    const read = () => {
      clearTimeout(patience);
      clearTimeout(goodbye);
    };
    response.once('finish', read);
    response.once('close', read);
  }
}

/** Without what errors say to HTTP. */
function shown(result: ExecutionResult): object {
  const errors = result.errors?.map((error) => {
    const { extensions, ...others } = error.toJSON();
    const { http: _status, ...told } = extensions ?? {};
    return { ...others, extensions: told };
  });
  return { ...result, errors };
}
