import { type Dispatcher, errors } from 'undici';
import type { PostResponse } from './contract.ts';
import { ProviderError } from './errors.ts';

/** Of one answer that is read whole; a longer one is refused. */
export const MAX_BODY_BYTES = 64 * 1024 * 1024;
/** Of an answer that nobody has read yet; then the provider has to wait. */
const UNREAD_BYTES = 256 * 1024;

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
    const { origin, pathname, search } = new URL(url);
    const request = {
      origin,
      path: pathname + search,
      method: 'POST',
      headers: headers as Record<string, string>,
      body,
    } as const;
    dispatcher.dispatch(request, new Answer(signal, resolve, reject));
  });
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
    for (let next = await this.#next(); next !== null; next = await this.#next()) {
      size += next.length;
      if (size > MAX_BODY_BYTES) {
        this.#abandon();
        throw new ProviderError('malformed', `the provider's answer has more than ${MAX_BODY_BYTES} bytes`);
      }
      chunks.push(next);
    }
    return Buffer.concat(chunks).toString('utf8');
  }

  async *chunks(): AsyncGenerator<Uint8Array, void> {
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
