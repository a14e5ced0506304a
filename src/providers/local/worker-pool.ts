import { Worker } from 'node:worker_threads';
import { ProviderError } from '../../plugins/errors.ts';
import type { EncodedTexts } from './sentence-encoder.ts';
import type { EncoderSource, WorkerAnswer, WorkerRequest } from './worker-messages.ts';

/** Texts that go through a session at once: beyond this, a larger batch is no faster and holds the thread for longer. */
const BATCH_SIZE = 32;
/** Longest text of a batch times its texts: keeps the memory and the time of a batch of long texts in bounds. */
const BATCH_CHARACTERS = 20_480;
/** A call is split over the workers only into parts at least this large: smaller ones lose more than they gain. */
const SMALLEST_SPLIT = 8;

/** A call of so many texts takes no thread for long. */
const SHORT_CALL = SMALLEST_SPLIT;

/** Texts of one call that go to a worker together, as positions in the call. */
interface Batch {
  readonly positions: readonly number[];
}

interface Call {
  readonly texts: readonly string[];
  readonly waiting: Batch[];
  unanswered: number;
  readonly vectors: Float32Array[];
  readonly tokenCounts: number[];
  readonly settle: (error?: ProviderError) => void;
}

interface Slot {
  readonly worker: Worker;
  work: { readonly call: Call; readonly batch: Batch } | undefined;
}

/**
 * Cuts a call into batches of texts of like length, longest first, so that little of a batch is padding and the last
 * batches to finish are short ones. Length in characters stands in for length in tokens.
 */
function splitByLength(texts: readonly string[], workers: number): Batch[] {
  const positions = texts.map((_, position) => position);
  positions.sort((left, right) => (texts[right]?.length ?? 0) - (texts[left]?.length ?? 0));
  const fullBatches = Math.ceil(texts.length / BATCH_SIZE);
  const sameForEveryWorker = Math.ceil(fullBatches / workers) * workers;
  const count = Math.max(fullBatches, Math.min(sameForEveryWorker, Math.floor(texts.length / SMALLEST_SPLIT)));
  const evenSize = Math.ceil(texts.length / count);
  const batches: Batch[] = [];
  for (let start = 0; start < positions.length; ) {
    const longest = Math.max(1, texts[positions[start] ?? 0]?.length ?? 0);
    const size = Math.max(1, Math.min(evenSize, Math.floor(BATCH_CHARACTERS / longest)));
    batches.push({ positions: positions.slice(start, start + size) });
    start += size;
  }
  return batches;
}

/** Calls that have batches waiting. Short ones and long ones take turns, and so do the calls of either kind. */
class CallLine {
  readonly #short: Call[] = [];
  readonly #long: Call[] = [];
  #wasShort = false;

  add(call: Call): void {
    (call.texts.length <= SHORT_CALL ? this.#short : this.#long).push(call);
  }

  /** The next batch, of a call that stays in line while it has more. */
  take(): { call: Call; batch: Batch } | null {
    const line = this.#lineAtTurn();
    const call = line?.shift();
    const batch = call?.waiting.shift();
    if (call === undefined || batch === undefined) return null;
    if (call.waiting.length > 0) this.add(call);
    this.#wasShort = line === this.#short;
    return { call, batch };
  }

  get isEmpty(): boolean {
    return this.#lineAtTurn() === null;
  }

  #lineAtTurn(): Call[] | null {
    const lines = this.#wasShort ? [this.#long, this.#short] : [this.#short, this.#long];
    for (const line of lines) {
      // Of calls that failed or were cancelled nothing waits any more.
      while (line[0]?.waiting.length === 0) line.shift();
      if (line.length > 0) return line;
    }
    return null;
  }
}

/**
 * Threads that hold one model each. A thread is started when there is work that no idle thread can take, and is replaced
 * after it died. Calls take turns, batch by batch, so that a single query does not wait behind bulk loads, however many.
 */
export class EmbeddingWorkerPool {
  readonly #source: EncoderSource;
  readonly #size: number;
  readonly #workerModule: URL;
  readonly #slots = new Set<Slot>();
  readonly #calls = new CallLine();
  readonly #active = new Set<Call>();
  #closed = false;

  /** `workerModule` answers `WorkerRequest`s; the default runs the models. */
  constructor(source: EncoderSource, size: number, workerModule = new URL('./embedding-worker.ts', import.meta.url)) {
    this.#source = source;
    this.#size = size;
    this.#workerModule = workerModule;
  }

  /**
   * Encodes texts, in their order. Rejects with a `ProviderError`: `cancelled` as soon as `signal` is aborted (a batch
   * that a thread has begun is finished and dropped), `unavailable` where the model cannot be loaded or the thread died.
   */
  run(texts: readonly string[], signal: AbortSignal): Promise<EncodedTexts> {
    if (this.#closed) return Promise.reject(closedError());
    if (signal.aborted) return Promise.reject(cancelledError(signal));
    const { promise, resolve, reject } = Promise.withResolvers<EncodedTexts>();
    const batches = splitByLength(texts, this.#size);
    const call: Call = {
      texts,
      waiting: batches,
      unanswered: batches.length,
      vectors: new Array(texts.length),
      tokenCounts: new Array(texts.length),
      settle: (error) => {
        signal.removeEventListener('abort', onAbort);
        this.#active.delete(call);
        call.waiting.length = 0;
        if (error) reject(error);
        else resolve({ vectors: call.vectors as Float32Array<ArrayBuffer>[], tokenCounts: call.tokenCounts });
      },
    };
    const onAbort = (): void => call.settle(cancelledError(signal));
    signal.addEventListener('abort', onAbort, { once: true });
    this.#active.add(call);
    this.#calls.add(call);
    this.#dispatch();
    return promise;
  }

  /**
   * Rejects the calls under way at once, then lets each thread finish the batch it is in and ends it. A thread is never
   * terminated: onnxruntime aborts the whole process when that happens inside its native code.
   */
  async close(): Promise<void> {
    this.#closed = true;
    for (const call of [...this.#active]) call.settle(closedError());
    await Promise.all([...this.#slots].map((slot) => endWorker(slot.worker)));
  }

  #dispatch(): void {
    while (!this.#closed && !this.#calls.isEmpty) {
      const slot = this.#idleSlot();
      const next = slot === undefined ? null : this.#calls.take();
      if (slot === undefined || next === null) return;
      const { call, batch } = next;
      slot.work = next;
      slot.worker.ref();
      const request: WorkerRequest = { texts: batch.positions.map((position) => call.texts[position] ?? '') };
      slot.worker.postMessage(request);
    }
  }

  #idleSlot(): Slot | undefined {
    for (const slot of this.#slots) if (!slot.work) return slot;
    return this.#slots.size < this.#size ? this.#startWorker() : undefined;
  }

  #startWorker(): Slot {
    const worker = new Worker(this.#workerModule, {
      workerData: this.#source,
      // Flags of the main thread, such as --input-type or --inspect-brk, are not meant for this one.
      execArgv: [],
      name: `embedding:${this.#source.kind}`,
    });
    const slot: Slot = { worker, work: undefined };
    let cause: unknown;
    worker.on('message', (answer: WorkerAnswer) => this.#receive(slot, answer));
    worker.on('error', (error) => {
      cause = error;
    });
    worker.on('exit', (code) => {
      this.#slots.delete(slot);
      slot.work?.call.settle(
        new ProviderError('unavailable', `The embedding worker ended with code ${code}. Try again.`, { cause }),
      );
      this.#dispatch();
    });
    // Only a worker with work keeps the process alive.
    worker.unref();
    this.#slots.add(slot);
    return slot;
  }

  #receive(slot: Slot, answer: WorkerAnswer): void {
    const work = slot.work;
    slot.work = undefined;
    if (!this.#closed) slot.worker.unref();
    if (work && this.#active.has(work.call)) {
      if ('failure' in answer) work.call.settle(remoteError(answer.failure));
      else store(work.call, work.batch, answer.encoded);
    }
    this.#dispatch();
  }
}

async function endWorker(worker: Worker): Promise<void> {
  const exited = new Promise((resolve) => worker.once('exit', resolve));
  worker.ref();
  const request: WorkerRequest = 'end';
  worker.postMessage(request);
  await exited;
}

function store(call: Call, batch: Batch, encoded: EncodedTexts): void {
  for (const [index, position] of batch.positions.entries()) {
    const vector = encoded.vectors[index];
    if (vector) call.vectors[position] = vector;
    call.tokenCounts[position] = encoded.tokenCounts[index] ?? 0;
  }
  call.unanswered -= 1;
  if (call.unanswered === 0) call.settle();
}

function remoteError(failure: Extract<WorkerAnswer, { failure: unknown }>['failure']): ProviderError {
  const cause = new Error(failure.message);
  if (failure.stack) cause.stack = failure.stack;
  return new ProviderError(failure.kind, failure.message, { cause });
}

function closedError(): ProviderError {
  return new ProviderError('unavailable', 'The local provider was closed.');
}

function cancelledError(signal: AbortSignal): ProviderError {
  return new ProviderError('cancelled', 'The call was cancelled.', { cause: signal.reason });
}
