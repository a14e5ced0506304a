import { LRUCache } from 'lru-cache';
import { type Dispatcher, errors } from 'undici';
import type { PostResponse } from './contract.ts';
import { decodedBody } from './decoded-body.ts';
import { ProviderError } from './errors.ts';

/** Of one answer that is read whole; a longer one is refused. */
export const MAX_BODY_BYTES = 64 * 1024 * 1024;
/** Before a text of some servers; no part of it, as `fetch` has it too. */
const BYTE_ORDER_MARK = '\ufeff';
/** Of an answer that nobody has read yet; then the provider has to wait. */
const UNREAD_BYTES = 256 * 1024;
/** Addresses that are kept in their parts: providers ask few, again and again. */
const MAX_KNOWN_URLS = 500;

interface PostInit {
  headers: object;
  body: string | Uint8Array;
  signal: AbortSignal;
}

/**
 * A POST on undici's dispatch: a Node stream between the socket and whoever reads it costs more than all the rest of a
 * small answer.
 */
export function postOn(
  dispatcher: Dispatcher,
  url: string,
  { headers, body, signal }: PostInit,
): Promise<PostResponse> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const request = {
      ...partsOf(url),
      method: 'POST',
      headers: headers as Record<string, string>,
      body,
    } as const;
    dispatcher.dispatch(request, new Answer(signal, resolve, reject));
  });
}

const knownUrls = new LRUCache<string, { origin: string; path: string }>({ max: MAX_KNOWN_URLS });

function partsOf(url: string): { origin: string; path: string } {
  const known = knownUrls.get(url);
  if (known !== undefined) return known;
  const { origin, pathname, search } = new URL(url);
  const parts = { origin, path: pathname + search };
  // A long one holds something that is asked for once.
  if (url.length < 500) knownUrls.set(url, parts);
  return parts;
}

/** One answer: undici writes into it, and the provider reads from it. */
class Answer implements Dispatcher.DispatchHandler, PostResponse {
  status = 0;
  headers: Record<string, string> = {};
  readonly #signal: AbortSignal;
  readonly #resolve: (answer: PostResponse) => void;
  readonly #reject: (error: unknown) => void;
  #controller: Dispatcher.DispatchController | null = null;
  #unread: Uint8Array[] = [];
  #unreadBytes = 0;
  #isOver = false;
  #error: Error | null = null;
  #wake: (() => void) | null = null;

  constructor(signal: AbortSignal, resolve: (answer: PostResponse) => void, reject: (error: unknown) => void) {
    this.#signal = signal;
    this.#resolve = resolve;
    this.#reject = reject;
    signal.addEventListener('abort', this.#leave, { once: true });
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    // The caller has left while there was no connection yet.
    if (this.#isOver) controller.abort(this.#signal.reason as Error);
  }

  onResponseStart(_controller: unknown, status: number, headers: Record<string, string | string[] | undefined>): void {
    if (status < 200) return;
    this.status = status;
    for (const [name, value] of Object.entries(headers)) {
      if (value !== undefined) this.headers[name] = Array.isArray(value) ? value.join(', ') : value;
    }
    this.#resolve(this);
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Uint8Array): void {
    this.#unread.push(chunk);
    this.#unreadBytes += chunk.length;
    if (this.#unreadBytes > UNREAD_BYTES) controller.pause();
    this.#wake?.();
  }

  onResponseEnd(): void {
    this.#end(null);
  }

  onResponseError(_controller: unknown, error: Error): void {
    this.#end(networkError(error, this.#signal));
  }

  async text(): Promise<string> {
    const chunks: Uint8Array[] = [];
    let size = 0;
    const decoded = this.#encoding === undefined ? null : this.#decoded(this.#encoding);
    const take = async () => (decoded === null ? this.#next() : ((await decoded.next()).value ?? null));
    for (let next = await take(); next !== null; next = await take()) {
      size += next.length;
      if (size > MAX_BODY_BYTES) {
        this.#abandon();
        await decoded?.return();
        throw new ProviderError('malformed', `the provider's answer has more than ${MAX_BODY_BYTES} bytes`);
      }
      chunks.push(next);
    }
    const text = Buffer.concat(chunks).toString('utf8');
    return text.startsWith(BYTE_ORDER_MARK) ? text.slice(1) : text;
  }

  chunks(): AsyncGenerator<Uint8Array, void> {
    return this.#encoding === undefined ? this.#received() : this.#decoded(this.#encoding);
  }

  /** The decoder reads ahead: whoever leaves must not wait for what it is waiting for. */
  async *#decoded(encoding: string): AsyncGenerator<Uint8Array, void> {
    try {
      yield* decodedBody(this.#received(), encoding);
    } finally {
      if (!this.#isOver) this.#abandon();
    }
  }

  get #encoding(): string | undefined {
    return this.headers['content-encoding'];
  }

  async *#received(): AsyncGenerator<Uint8Array, void> {
    try {
      for (let next = await this.#next(); next !== null; next = await this.#next()) yield next;
    } finally {
      if (!this.#isOver) this.#abandon();
    }
  }

  /** Null: that was all. What came before a failure is given before it. */
  async #next(): Promise<Uint8Array | null> {
    while (this.#unread.length === 0 && !this.#isOver) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      this.#wake = null;
    }
    const chunk = this.#unread.shift();
    if (chunk === undefined) {
      if (this.#error !== null) throw this.#error;
      return null;
    }
    this.#unreadBytes -= chunk.length;
    if (this.#unreadBytes <= UNREAD_BYTES) this.#controller?.resume();
    return chunk;
  }

  readonly #leave = () => {
    this.#unread = [];
    this.#controller?.abort(this.#signal.reason as Error);
    this.#end(this.#signal.reason as Error);
  };

  /** Nobody reads on. */
  #abandon(): void {
    this.#controller?.abort(new ProviderError('cancelled', 'the answer is not read to its end'));
    this.#end(null);
  }

  #end(error: Error | null): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#error = error;
    this.#signal.removeEventListener('abort', this.#leave);
    if (error !== null) this.#reject(error);
    this.#wake?.();
  }
}

/** What a broken connection is called; a caller's own abort stays what it is. */
function networkError(error: unknown, signal: AbortSignal): Error {
  if (signal.aborted) return signal.reason as Error;
  if (error instanceof ProviderError) return error;
  if (error instanceof errors.ConnectTimeoutError) {
    return new ProviderError('timeout', 'no connection to the provider in time', { cause: error });
  }
  const { code } = error as { code?: string };
  return new ProviderError('network', `the connection to the provider broke${code === undefined ? '' : ` (${code})`}`, {
    cause: error,
  });
}
