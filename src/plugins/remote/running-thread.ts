import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { isJsonObject } from '../../shared/json.ts';
import type { CallContext } from '../contract.ts';
import { ProviderError } from '../errors.ts';
import { PluginRefusedError } from '../plugin-errors.ts';
import { readLines } from './output-lines.ts';
import { type FromThread, isFromThread, type ThreadData, type ToThread, unpackVectors } from './thread-messages.ts';
import { decodeError, MESSAGE_MAX_CHARACTERS, malformed, type RemoteMethod } from './wire.ts';

const LOAD_TIMEOUT_MS = 10_000;
/** An abort that is not acknowledged within this time has met a thread that hangs. */
const ABORT_TIMEOUT_MS = 5_000;
const END_TIMEOUT_MS = 2_000;
/** Parts that a thread may be ahead of who reads them. */
const STREAM_WINDOW = 16;
const LIMITS = { maxOldGenerationSizeMb: 512, maxYoungGenerationSizeMb: 64 };

/** What comes for one call; `failed` is said by this side: the call was aborted, or the thread is gone. */
type Receive = (message: Extract<FromThread, { id: number }> | { kind: 'failed'; error: unknown }) => void;

/** One call under way. */
interface RunningCall {
  id: number;
  /** Nothing more is wanted of it. */
  settle(): void;
}

/** Where a thread's words go. */
export interface ThreadListener {
  log(message: Extract<FromThread, { kind: 'log' }>): void;
  /** One line that the plugin has written to its standard output or error. */
  output(line: string): void;
}

/** One life of a plugin's thread: it begins with the loading of the plugin and ends once. */
export class RunningThread {
  readonly #worker: Worker;
  readonly #calls = new Map<number, Receive>();
  readonly #unacknowledged = new Map<number, NodeJS.Timeout>();
  /** Numbers of the providers that this thread knows. */
  readonly #opened = new Set<number>();
  #lastId = 0;
  #reason: string | null = null;
  #isAlive = true;
  #hasAnswered = false;
  /** Resolves when the thread is gone. */
  readonly ended: Promise<void>;

  private constructor(data: ThreadData, listener: ThreadListener) {
    const worker = new Worker(new URL('./thread-entry.ts', import.meta.url), {
      workerData: data,
      name: 'plugin',
      // The server's settings, its secrets among them, are none of a plugin's business.
      env: {},
      argv: [],
      execArgv: [],
      stdout: true,
      stderr: true,
      resourceLimits: LIMITS,
    });
    this.#worker = worker;
    worker.unref();
    worker.on('message', (message: unknown) => this.#receive(message, listener));
    worker.on('error', (error) => {
      this.#reason ??= (error as Error).message;
    });
    this.ended = new Promise((resolve) => {
      worker.once('exit', (code) => {
        this.#finish(`exit code ${code}`);
        resolve();
      });
    });
    readLines(worker.stdout, (line) => listener.output(line));
    readLines(worker.stderr, (line) => listener.output(line));
  }

  /**
   * Starts a thread and waits until it has loaded the plugin.
   * @throws PluginRefusedError
   */
  static async start(
    data: ThreadData,
    listener: ThreadListener,
  ): Promise<{ thread: RunningThread; manifest: unknown }> {
    const thread = new RunningThread(data, listener);
    const expiry = new AbortController();
    const tooLate = sleep(LOAD_TIMEOUT_MS, undefined, { signal: expiry.signal, ref: false }).catch(() => undefined);
    const loaded = new Promise<unknown>((resolve) => thread.#worker.once('message', resolve));
    const given = await Promise.race([loaded, thread.ended, tooLate]);
    expiry.abort();
    const first = isFromThread(given) ? given : null;
    if (first?.kind === 'loaded') return { thread, manifest: first.manifest };
    const inTime = thread.#isAlive ? `it did not load within ${LOAD_TIMEOUT_MS / 1_000} seconds` : thread.#reason;
    const why = first?.kind === 'refused' ? first.message.slice(0, MESSAGE_MAX_CHARACTERS) : inTime;
    await thread.terminate('it was refused');
    throw new PluginRefusedError('MODULE_FAILED', `the module cannot be loaded: ${why}`);
  }

  get isAlive(): boolean {
    return this.#isAlive;
  }

  /** It has been of use: its end is no reason to be slow with the next one. */
  get hasAnswered(): boolean {
    return this.#hasAnswered;
  }

  get isIdle(): boolean {
    return this.#calls.size === 0;
  }

  /** Makes a provider known, once. */
  open(provider: number, how: { config: unknown; cacheDir: string; connectMs: number }): void {
    if (this.#opened.has(provider)) return;
    this.#opened.add(provider);
    const { config, cacheDir, connectMs } = how;
    this.#post({ kind: 'open', provider, config, cacheDir, connectMs });
  }

  /** Waits for the plugin's own closing, up to two seconds. */
  async close(provider: number): Promise<void> {
    if (!this.#isAlive || !this.#opened.delete(provider)) return;
    const { promise: closed, resolve } = Promise.withResolvers<void>();
    const call = this.#begin(null, () => resolve());
    this.#post({ kind: 'close', id: call.id, provider });
    await Promise.race([closed, sleep(END_TIMEOUT_MS, undefined, { ref: false })]);
    call.settle();
  }

  async ask(provider: number, method: RemoteMethod, request: unknown, call: CallContext): Promise<unknown> {
    const { signal, requestId } = call;
    const value = await this.#request(signal, (id) => ({ kind: 'call', id, provider, method, request, requestId }));
    if (method !== 'embed') return value;
    const { vectors, ...rest } = isJsonObject(value) ? (value as Record<string, unknown>) : {};
    try {
      return { ...rest, vectors: unpackVectors(vectors) };
    } catch (error) {
      throw malformed('to embed has no vectors', error);
    }
  }

  /** What is wrong with the plugin, as far as that shows without its vendor. */
  verify(): Promise<unknown> {
    return this.#request(AbortSignal.timeout(LOAD_TIMEOUT_MS), (id) => ({ kind: 'verify', id }));
  }

  async *stream(provider: number, request: unknown, call: CallContext): AsyncGenerator<unknown> {
    const inbox = new Inbox();
    const running = this.#begin(call.signal, (message) => {
      if (message.kind === 'part') inbox.put(message.part);
      else if (message.kind === 'error') inbox.fail(failureIn(message.error));
      else if (message.kind === 'failed') inbox.failNow(message.error);
      else inbox.end();
    });
    const { id } = running;
    try {
      this.#post({ kind: 'stream', id, provider, request, requestId: call.requestId, credit: STREAM_WINDOW });
      for (let read = 1; await inbox.hasMore(); read++) {
        yield inbox.take();
        if (read % (STREAM_WINDOW / 2) === 0) this.#post({ kind: 'credit', id, parts: STREAM_WINDOW / 2 });
      }
    } finally {
      running.settle();
      if (!inbox.isEnded) this.#abort(id);
    }
  }

  /** Lets the plugin close its providers, for two seconds at the most. */
  async end(): Promise<void> {
    this.#reason ??= 'the plugin was closed';
    this.#post({ kind: 'end' });
    await Promise.race([this.ended, sleep(END_TIMEOUT_MS, undefined, { ref: false })]);
    await this.terminate('the plugin was closed');
  }

  async terminate(reason: string): Promise<void> {
    this.#reason ??= reason;
    await this.#worker.terminate();
    await this.ended;
  }

  async #request(signal: AbortSignal, message: (id: number) => ToThread): Promise<unknown> {
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    const running = this.#begin(signal, (answer) => {
      if (answer.kind === 'result') resolve(answer.value);
      else if (answer.kind === 'error') reject(failureIn(answer.error));
      else if (answer.kind === 'failed') reject(answer.error);
    });
    try {
      this.#post(message(running.id));
      return await promise;
    } finally {
      running.settle();
    }
  }

  /** @throws where nothing may be sent any more: an abort that is ahead of its call would be missed */
  #begin(signal: AbortSignal | null, receive: Receive): RunningCall {
    signal?.throwIfAborted();
    if (!this.#isAlive) throw this.#goneError();
    const id = ++this.#lastId;
    const onAbort = () => {
      this.#calls.delete(id);
      this.#abort(id);
      receive({ kind: 'failed', error: signal?.reason });
    };
    this.#calls.set(id, receive);
    signal?.addEventListener('abort', onAbort, { once: true });
    const settle = () => {
      this.#calls.delete(id);
      signal?.removeEventListener('abort', onAbort);
    };
    return { id, settle };
  }

  #abort(id: number): void {
    if (!this.#isAlive || this.#unacknowledged.has(id)) return;
    this.#post({ kind: 'abort', id });
    const seconds = ABORT_TIMEOUT_MS / 1_000;
    const hangs = () => void this.terminate(`it has not heard the abort of a call for ${seconds} seconds`);
    this.#unacknowledged.set(id, setTimeout(hangs, ABORT_TIMEOUT_MS).unref());
  }

  #post(message: ToThread): void {
    if (this.#isAlive) this.#worker.postMessage(message);
  }

  #receive(message: unknown, listener: ThreadListener): void {
    if (!isFromThread(message)) void this.terminate('it has sent what is no message of this server’s');
    else if (message.kind === 'log') listener.log(message);
    else if (message.kind === 'aborted') {
      clearTimeout(this.#unacknowledged.get(message.id));
      this.#unacknowledged.delete(message.id);
    } else if ('id' in message) {
      this.#hasAnswered = true;
      this.#calls.get(message.id)?.(message);
    }
  }

  #finish(how: string): void {
    this.#isAlive = false;
    this.#reason ??= how;
    for (const timer of this.#unacknowledged.values()) clearTimeout(timer);
    this.#unacknowledged.clear();
    for (const receive of [...this.#calls.values()]) receive({ kind: 'failed', error: this.#goneError() });
    this.#calls.clear();
  }

  #goneError(): ProviderError {
    return new ProviderError('unavailable', `the plugin's thread has ended: ${this.#reason}`);
  }
}

function failureIn(error: unknown): ProviderError {
  return decodeError(error) ?? malformed('is a failure that says nothing');
}

/** The parts of one stream between the thread and who reads them. */
class Inbox {
  readonly #parts: unknown[] = [];
  #failure: { error: unknown } | null = null;
  #wake = () => {};
  isEnded = false;

  put(part: unknown): void {
    this.#parts.push(part);
    this.#wake();
  }

  end(): void {
    this.isEnded = true;
    this.#wake();
  }

  /** After the parts that came before. */
  fail(error: unknown): void {
    this.#failure ??= { error };
    this.end();
  }

  failNow(error: unknown): void {
    this.#parts.length = 0;
    this.fail(error);
  }

  /** @throws what the stream ended with, where that was a failure */
  async hasMore(): Promise<boolean> {
    while (this.#parts.length === 0 && !this.isEnded) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    if (this.#parts.length > 0) return true;
    if (this.#failure !== null) throw this.#failure.error;
    return false;
  }

  take(): unknown {
    return this.#parts.shift();
  }
}
