import { rmSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { lockDataFolder, socketPath } from './data-folder-lock.ts';

/** How long a statement that is running may hold up the closing. */
const CLOSE_TIMEOUT_MS = 10_000;

/** What the worker is started with. `dataDir: null` keeps everything in memory. */
export interface EmbeddedWorkerData {
  dataDir: string | null;
  socket: string;
  /** An uncompressed dump of a data folder to start from, instead of running initdb. */
  preparedFolder: Uint8Array | null;
}

export type EmbeddedMessage =
  | { kind: 'query'; id: number; sql: string; params: unknown[]; binaryTypes: number[] }
  | { kind: 'dump'; id: number }
  | { kind: 'close'; id: number };

export type EmbeddedReply =
  | { kind: 'ready' }
  | { kind: 'done'; id: number; dump?: Uint8Array }
  | { kind: 'failed'; id: number; error: string };

/** The embedded database has ended before its process: only a restart brings it back. */
export class DatabaseStoppedError extends Error {
  override readonly name = 'DatabaseStoppedError';
  readonly code = 'DATABASE_STOPPED';

  constructor(cause?: unknown) {
    super('the embedded database has stopped', { cause });
  }
}

type OnStopped = (error: DatabaseStoppedError) => void;

type WithoutId<Message> = Message extends unknown ? Omit<Message, 'id'> : never;

/**
 * PGlite (Postgres 18 and pgvector in WASM) in a worker thread, behind a Unix socket that postgres.js connects to.
 * There is one session: the connection of that socket. A query sent by `query()` runs in the same session, so inside
 * the transaction that is open on the socket.
 */
export class EmbeddedPostgres {
  readonly #worker: Worker;
  readonly #release: () => Promise<void>;
  readonly #onStopped: OnStopped;
  readonly #waiting = new Map<number, { resolve: (reply: EmbeddedReply) => void; reject: (error: Error) => void }>();
  #lastId = 0;
  #stopped: DatabaseStoppedError | null = null;
  #closing: Promise<void> | null = null;
  /** Path of the socket; postgres.js takes it as `path`. */
  readonly socket: string;

  private constructor(worker: Worker, socket: string, release: () => Promise<void>, onStopped: OnStopped) {
    this.#worker = worker;
    this.socket = socket;
    this.#release = release;
    this.#onStopped = onStopped;
    worker.on('message', (reply: EmbeddedReply) => this.#settle(reply));
    worker.on('error', (error) => this.#failAll(new DatabaseStoppedError(error)));
    worker.on('exit', () => this.#failAll(new DatabaseStoppedError()));
  }

  /**
   * @param dataDir folder of the database's files and sockets
   * @param options.inMemory keep the data in memory; `dataDir` then holds the sockets alone
   * @param options.onStopped told once where the database ends without having been closed
   * @throws DataFolderInUseError where another process has the folder
   */
  static async start(
    dataDir: string,
    options: { inMemory?: boolean; preparedFolder?: Uint8Array; onStopped?: OnStopped } = {},
  ): Promise<EmbeddedPostgres> {
    const release = await lockDataFolder(dataDir);
    const socket = socketPath(dataDir, 'postgres.sock');
    // The lock is ours, so a socket that is still there belongs to a process that died.
    if (process.platform !== 'win32') rmSync(socket, { force: true });
    const workerData: EmbeddedWorkerData = {
      dataDir: options.inMemory ? null : `${dataDir}/postgres`,
      socket,
      preparedFolder: options.preparedFolder ?? null,
    };
    const worker = new Worker(new URL('./embedded-worker.ts', import.meta.url), { workerData });
    try {
      await untilReady(worker);
    } catch (error) {
      await release();
      throw error;
    }
    return new EmbeddedPostgres(worker, socket, release, options.onStopped ?? (() => undefined));
  }

  /**
   * Nobody listens on the socket of a stopped database: what waits for a connection would wait in vain.
   * @throws DatabaseStoppedError
   */
  assertRunning(): void {
    if (this.#stopped !== null) throw this.#stopped;
  }

  /**
   * Runs a statement whose parameters may be bytes in Postgres' binary format.
   * @param binaryTypes oids of the types whose parameters are such bytes
   */
  async query(sql: string, params: unknown[], binaryTypes: number[]): Promise<void> {
    await this.#ask({ kind: 'query', sql, params, binaryTypes });
  }

  /** An uncompressed tar of the data folder, for `preparedFolder`. */
  async dump(): Promise<Uint8Array> {
    const reply = await this.#ask({ kind: 'dump' });
    if (reply.kind !== 'done' || reply.dump === undefined) throw new Error('the embedded database gave no dump');
    return reply.dump;
  }

  /** Idempotent. */
  close(): Promise<void> {
    this.#closing ??= this.#stop();
    return this.#closing;
  }

  async #stop(): Promise<void> {
    try {
      // A statement that runs for minutes is cut off, as by a crash: the next start replays the log.
      const closed = this.#stopped === null ? this.#ask({ kind: 'close' }) : null;
      await Promise.race([closed, sleep(CLOSE_TIMEOUT_MS, null, { ref: false })]);
    } finally {
      await this.#worker.terminate();
      await this.#release();
    }
  }

  #ask(message: WithoutId<EmbeddedMessage>): Promise<EmbeddedReply> {
    // A worker that is gone answers nothing: to ask it would be to wait for ever.
    if (this.#stopped !== null) return Promise.reject(this.#stopped);
    const id = ++this.#lastId;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#worker.postMessage({ ...message, id });
    });
  }

  #settle(reply: EmbeddedReply): void {
    if (reply.kind === 'ready') return;
    const waiting = this.#waiting.get(reply.id);
    this.#waiting.delete(reply.id);
    if (reply.kind === 'failed') waiting?.reject(new Error(reply.error));
    else waiting?.resolve(reply);
  }

  #failAll(error: DatabaseStoppedError): void {
    const unexpected = this.#stopped === null && this.#closing === null;
    this.#stopped ??= error;
    for (const waiting of this.#waiting.values()) waiting.reject(error);
    this.#waiting.clear();
    if (unexpected) this.#onStopped(error);
  }
}

function untilReady(worker: Worker): Promise<void> {
  return new Promise((resolve, reject) => {
    const failed = (error: unknown) => reject(error);
    const exited = (code: number) => reject(new Error(`the embedded database did not start (exit code ${code})`));
    worker.once('error', failed);
    worker.once('exit', exited);
    worker.once('message', () => {
      worker.off('error', failed);
      worker.off('exit', exited);
      resolve();
    });
  });
}
