import type { OutgoingHttpHeaders, ServerResponse } from 'node:http';

/** Silence after which a comment is sent, so that no proxy takes the connection for dead. */
const PING_MS = 15_000;
/** Silence before the first event; a failure until then still has a status of its own. */
const FIRST_PING_MS = 45_000;
/** How long a client may leave what was written unread. */
const STALL_MS = 60_000;

/** Times in milliseconds that a test may shorten. */
export interface EventStreamTimes {
  pingMs: number;
  firstPingMs: number;
  stallMs: number;
}

const TIMES: EventStreamTimes = { pingMs: PING_MS, firstPingMs: FIRST_PING_MS, stallMs: STALL_MS };

const HEADERS = { 'content-type': 'text/event-stream; charset=utf-8', 'cache-control': 'no-cache, no-transform' };

/** Server-sent events to one client. The headers leave with the first of them. */
export class EventStream {
  readonly #response: ServerResponse;
  readonly #headers: () => OutgoingHttpHeaders;
  readonly #times: EventStreamTimes;
  #ping: NodeJS.Timeout;
  /** Runs while the client has not taken what was written. */
  #stall: NodeJS.Timeout | undefined;

  /** @param headers asked for when the first event is written */
  constructor(response: ServerResponse, headers: () => OutgoingHttpHeaders, times: EventStreamTimes = TIMES) {
    this.#response = response;
    this.#headers = headers;
    this.#times = times;
    this.#ping = setTimeout(() => this.#sendPing(), times.firstPingMs);
    response.once('close', () => this.abandon());
  }

  /** Whether the client has the headers: a failure then can only be told by an event. */
  get opened(): boolean {
    return this.#response.headersSent;
  }

  /** Writes events. @returns a promise to wait for, where the client is slow; it is dropped where it stops reading */
  write(events: string): Promise<void> | undefined {
    this.#open();
    if (this.#response.destroyed || this.#response.write(events)) return undefined;
    return this.#drained();
  }

  /** Writes the last events of what is whole. */
  end(events: string): void {
    this.#open();
    clearTimeout(this.#ping);
    this.#dropWhenStalled();
    this.#response.end(events);
  }

  /** Writes the last event of what is not whole, and breaks the connection off. */
  fail(event: string): void {
    this.#open();
    clearTimeout(this.#ping);
    this.#dropWhenStalled();
    this.#response.write(event, () => this.#response.destroy());
  }

  /** The answer is to be another one than a stream, or nobody is there to read it. */
  abandon(): void {
    clearTimeout(this.#ping);
    clearTimeout(this.#stall);
  }

  #open(): void {
    if (this.#response.headersSent) {
      this.#ping.refresh();
      return;
    }
    this.#response.writeHead(200, { ...HEADERS, ...this.#headers() });
    clearTimeout(this.#ping);
    if (!this.#response.destroyed) this.#ping = setTimeout(() => this.#sendPing(), this.#times.pingMs);
  }

  #sendPing(): void {
    if (this.#response.writableNeedDrain) this.#ping.refresh();
    else this.write(': ping\n\n');
  }

  #drained(): Promise<void> {
    const response = this.#response;
    this.#dropWhenStalled();
    return new Promise((resolve) => {
      const go = () => {
        clearTimeout(this.#stall);
        response.off('drain', go).off('close', go);
        resolve();
      };
      response.on('drain', go).on('close', go);
    });
  }

  #dropWhenStalled(): void {
    clearTimeout(this.#stall);
    this.#stall = setTimeout(() => this.#response.destroy(), this.#times.stallMs);
  }
}
