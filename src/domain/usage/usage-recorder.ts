import { setImmediate as endOfTurn, setTimeout as sleep } from 'node:timers/promises';
import type { Database } from '../../db/client.ts';
import type { Logger } from '../../observability/logger.ts';
import { newId } from '../../shared/ids.ts';
import { recordUsage } from './attempt-store.ts';
import { UsageLostError } from './errors.ts';
import type { UsageEvent } from './usage-event.ts';
import type { RecordedEvent } from './usage-rows.ts';

export interface UsageRecorderOptions {
  database: Database;
  logger: Logger;
  /** How long an event may wait for others to be written with. */
  batchIntervalMs?: number;
  /** Events of one transaction. */
  batchSize?: number;
  /** Events kept while the database is away; beyond that the oldest are rejected. */
  maxPending?: number;
}

export interface UsageRecorderCounts {
  /** Waiting to be written. */
  pending: number;
  /** Given up, since the start: too many were waiting, or the database refuses the values. */
  rejected: number;
}

const FIRST_RETRY_MS = 100;
const LAST_RETRY_MS = 10_000;
/** A call that waits to be written waits for all that its statement writes; of more than these half goes first. */
const SETTLED_AT_ONCE = 40;
/** Failures in a row, with less than two seconds between them, after which a call gives up that waits to be written. */
const SETTLE_ATTEMPTS = 5;

/** Writes usage events in batches, each exactly once, and holds on to them while the database is away. */
export class UsageRecorder {
  readonly #database: Database;
  readonly #logger: Logger;
  readonly #batchIntervalMs: number;
  readonly #batchSize: number;
  readonly #maxPending: number;
  readonly #queue: RecordedEvent[] = [];
  /** Events ever recorded, and those of them that are written or given up. */
  #recorded = 0;
  #settled = 0;
  #rejected = 0;
  #writing: Promise<void> | null = null;
  #timer: NodeJS.Timeout | null = null;
  #failures = 0;
  #tellWritten: (workspaceIds: ReadonlySet<string>) => void = () => undefined;

  constructor(options: UsageRecorderOptions) {
    this.#database = options.database;
    this.#logger = options.logger;
    this.#batchIntervalMs = options.batchIntervalMs ?? 250;
    this.#batchSize = options.batchSize ?? 500;
    this.#maxPending = options.maxPending ?? 100_000;
  }

  get counts(): UsageRecorderCounts {
    return { pending: this.#recorded - this.#settled, rejected: this.#rejected };
  }

  /** Has one listener told after each batch whose usage is in it; it neither waits nor throws. */
  onWritten(listener: (workspaceIds: ReadonlySet<string>) => void): void {
    this.#tellWritten = listener;
  }

  /**
   * Takes an event in; it is written within a moment. Never waits and never throws.
   * @param onOver told once, when it is written or given up: whether its reservation was kept
   */
  record(event: UsageEvent, onOver?: (isKept: boolean) => void): void {
    this.#queue.push({ ...event, id: newId('Attempt'), onOver });
    this.#recorded += 1;
    this.#rejectBeyondBound();
    if (this.#queue.length === this.#batchSize && this.#failures === 0) this.#schedule(0);
    else if (this.#timer === null) this.#schedule(this.#batchIntervalMs);
  }

  /**
   * Resolves when everything recorded before the call is written; at once where nothing waits.
   * @throws what the database answers; the events are kept and tried again
   */
  async flush(): Promise<void> {
    const target = this.#recorded;
    while (this.#settled < target) await this.#writeBatch();
  }

  /**
   * Resolves when everything recorded before the call is written, for a call whose answer depends on it: what has failed
   * is tried again a few times.
   * @throws what the database answers in the end; the events are kept and tried again
   */
  async settle(): Promise<void> {
    const target = this.#recorded;
    // What ends in the same turn of the event loop is written together, as long as it is not too much.
    if (this.#queue.length < SETTLED_AT_ONCE) await endOfTurn();
    for (let failures = 0; this.#settled < target; ) {
      try {
        await this.#writeBatch(Math.max(SETTLED_AT_ONCE, Math.ceil(this.#queue.length / 2)));
      } catch (error) {
        failures += 1;
        if (failures === SETTLE_ATTEMPTS) throw error;
        await sleep(retryDelay(failures));
      }
    }
  }

  /**
   * Writes everything, for a clean stop: tries again while the database is away.
   * @throws UsageLostError where some is left at the deadline
   */
  async drain({ timeoutMs = 10_000 }: { timeoutMs?: number } = {}): Promise<void> {
    const stop = new AbortController();
    const expiry = sleep(timeoutMs, false, { signal: stop.signal });
    let lastError: unknown = new Error(`the database has not answered for ${timeoutMs} ms`);
    const attempts = async () => {
      for (let attempt = 1; this.counts.pending > 0 && !stop.signal.aborted; attempt++) {
        try {
          await this.flush();
        } catch (error) {
          lastError = error;
          await sleep(retryDelay(attempt), undefined, { ref: false });
        }
      }
      return true;
    };
    const finished = await Promise.race([attempts(), expiry]);
    stop.abort();
    if (!finished) throw this.#lost(lastError);
  }

  #lost(cause: unknown): UsageLostError {
    this.#cancelTimer();
    const lost = new UsageLostError(this.counts.pending, cause);
    this.#logger.error({ err: cause, events: lost.events }, lost.message);
    return lost;
  }

  #schedule(delayMs: number): void {
    this.#cancelTimer();
    this.#timer = setTimeout(() => {
      this.#timer = null;
      void this.#writeInBackground();
    }, delayMs);
    // A clean stop drains; a waiting timer alone must not keep the process.
    this.#timer.unref();
  }

  #cancelTimer(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }

  async #writeInBackground(): Promise<void> {
    try {
      await this.flush();
      if (this.#queue.length > 0) this.#schedule(this.#batchIntervalMs);
    } catch (error) {
      const retryMs = retryDelay(this.#failures);
      this.#logger.warn({ err: error, pending: this.counts.pending, retryMs }, 'usage could not be written yet');
      this.#schedule(retryMs);
    }
  }

  /** One batch at a time, whoever asks. */
  #writeBatch(most = this.#batchSize): Promise<void> {
    this.#writing ??= this.#writeOldest(Math.min(most, this.#batchSize)).finally(() => {
      this.#writing = null;
    });
    return this.#writing;
  }

  async #writeOldest(count: number): Promise<void> {
    const batch = this.#queue.splice(0, count);
    try {
      await this.#write(batch);
      this.#failures = 0;
    } catch (error) {
      // With the same ids: what a lost answer to the commit has hidden is not written twice.
      this.#failures += 1;
      const unsettled = this.counts.pending - this.#queue.length;
      this.#queue.unshift(...batch.slice(batch.length - unsettled));
      this.#rejectBeyondBound();
      throw error;
    }
  }

  async #write(batch: readonly RecordedEvent[]): Promise<void> {
    try {
      const kept = await recordUsage(this.#database, batch);
      this.#settled += batch.length;
      for (const event of batch) event.onOver?.(kept.has(event));
      this.#tellWritten(new Set(batch.map(({ workspaceId }) => workspaceId)));
    } catch (error) {
      if (!isRefusedValue(error)) throw error;
      if (batch.length === 1) {
        this.#reject(batch, 'the database refuses a usage event', { err: error, event: batch[0] });
        return;
      }
      // One event that the database refuses must not hold up the others of its batch.
      const middle = Math.ceil(batch.length / 2);
      await this.#write(batch.slice(0, middle));
      await this.#write(batch.slice(middle));
    }
  }

  #rejectBeyondBound(): void {
    if (this.#queue.length <= this.#maxPending) return;
    const oldest = this.#queue.splice(0, Math.max(this.#batchSize, this.#queue.length - this.#maxPending));
    this.#reject(oldest, 'too many usage events wait for the database: the oldest are not counted', {
      from: new Date(oldest[0]?.at ?? 0).toISOString(),
    });
  }

  #reject(rejected: readonly RecordedEvent[], message: string, details: Record<string, unknown>): void {
    const events = rejected.length;
    this.#rejected += events;
    this.#settled += events;
    this.#logger.error({ ...details, events, rejectedSinceStart: this.#rejected }, message);
    for (const { onOver } of rejected) onOver?.(false);
  }
}

function retryDelay(failures: number): number {
  return Math.min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(failures - 1, 10));
}

/** SQLSTATE classes: data exception, integrity constraint violation. */
function isRefusedValue(error: unknown): boolean {
  const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : null;
  return typeof code === 'string' && /^2[23][0-9A-Z]{3}$/.test(code);
}
