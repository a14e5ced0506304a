import type { Options, Sql } from 'postgres';
import type { Logger } from '../observability/logger.ts';
import { EmbeddedPostgres } from './embedded.ts';
import type { EventBus } from './event-bus.ts';
import { InProcessEventBus } from './in-process-event-bus.ts';
import { migrate } from './migrate.ts';
import { postgres } from './postgres-driver.ts';
import { PostgresEventBus } from './postgres-event-bus.ts';
import { makeUsagePartitions } from './usage-partitions.ts';
import {
  callFunction,
  openTransaction,
  readInScope,
  type SystemCall,
  type SystemScope,
  type WorkspaceReads,
  type WorkspaceScope,
  type WorkspaceSnapshot,
  type WorkspaceStatement,
  writeInScope,
} from './workspace-scope.ts';

/** How many rows a dead connection may keep waiting before a query fails with a clear error. */
const CONNECT_TIMEOUT_SECONDS = 5;
/** Longest pause between two tries to connect. Requests wait for them one after the other, to be told or be served. */
const MAX_BACKOFF_SECONDS = 0.1;

/**
 * Of a server, in milliseconds: no statement of ours takes that long, apart from the making of an index, which lifts the
 * limit for itself. Both end what a hanging server or process would otherwise hold for ever.
 */
const SERVER_LIMITS = { statement_timeout: 60_000, idle_in_transaction_session_timeout: 60_000 };

/** Tells of a frozen connection too, which no limit of the server's can; longer than bulk work keeps a whole pool. */
const SERVER_WAIT_MS = 30_000;

const LOCK_NOT_AVAILABLE = '55P03';

/** The database, embedded or a server: the same SQL through the same driver. */
export class Database {
  readonly kind: 'embedded' | 'postgres';
  /** Outside a scope this connection may see no tenant's rows: for migrations, pg-boss and health alone. */
  readonly sql: Sql;
  /** Tells of what was committed; rung by `scope.ring`. */
  readonly bus: EventBus;
  readonly #embedded: EmbeddedPostgres | null;
  readonly #waitMs: number | null;

  /**
   * @param waitMs how long work may wait for its transaction to begin; null: without an end
   * @param bus what fits the database where left out
   */
  constructor(sql: Sql, embedded: EmbeddedPostgres | null, waitMs: number | null = null, bus?: EventBus) {
    this.sql = sql;
    this.bus = bus ?? (embedded === null ? new PostgresEventBus(sql) : new InProcessEventBus());
    this.#waitMs = waitMs;
    this.#embedded = embedded;
    this.kind = embedded === null ? 'postgres' : 'embedded';
  }

  /** Runs `work` in a transaction that sees and writes the rows of one workspace; the database holds it to that. */
  withWorkspace<Result>(workspaceId: string, work: (scope: WorkspaceScope) => Promise<Result>): Promise<Result> {
    return openTransaction(
      this.#place,
      { role: 'signalbox_app', workspaceId },
      this.#waitMs,
      work as (scope: object) => Promise<Result>,
    );
  }

  /**
   * Reads the rows of one workspace, a statement a round trip. Each sees what is committed when it begins; for several that
   * have to see the same there is `withSnapshot`.
   */
  readWorkspace<Result>(workspaceId: string, work: (reads: WorkspaceReads) => Promise<Result>): Promise<Result> {
    return readInScope(this.#place, workspaceId, this.#waitMs, work);
  }

  /**
   * Writes rows of one workspace in a single statement, in one round trip: for what is written so often that the three of a
   * transaction would be felt.
   */
  writeWorkspace<Result>(
    workspaceId: string,
    work: (statement: WorkspaceStatement) => Promise<Result>,
  ): Promise<Result> {
    return writeInScope(this.#place, workspaceId, this.#waitMs, work);
  }

  /** Runs `work` in a transaction that reads the rows of one workspace, all of them as they were at one moment. */
  withSnapshot<Result>(workspaceId: string, work: (snapshot: WorkspaceSnapshot) => Promise<Result>): Promise<Result> {
    return openTransaction(
      this.#place,
      { role: 'signalbox_app', workspaceId, isolation: 'isolation level repeatable read read only' },
      this.#waitMs,
      work as (scope: object) => Promise<Result>,
    );
  }

  /** Runs `work` in a transaction across workspaces, with the few rights that such work has. */
  withSystem<Result>(work: (scope: SystemScope) => Promise<Result>): Promise<Result> {
    return openTransaction(
      this.#place,
      { role: 'signalbox_system', workspaceId: '' },
      this.#waitMs,
      work as (scope: object) => Promise<Result>,
    );
  }

  get #place() {
    return { sql: this.sql, embedded: this.#embedded, bus: this.bus };
  }

  /** Runs a function across workspaces that is a transaction of its own: for what a call waits for, in one round trip. */
  callSystem<Answer>(call: SystemCall<Answer>): Promise<Answer> {
    return callFunction(this.sql, this.#embedded, call, this.#waitMs);
  }

  /** @throws where the database does not answer */
  async ping(): Promise<void> {
    this.#embedded?.assertRunning();
    await this.sql`select 1`;
  }

  async close(): Promise<void> {
    await this.bus.close();
    await this.sql.end({ timeout: 5 });
    await this.#embedded?.close();
  }
}

export interface DatabaseOptions {
  databaseUrl: string | undefined;
  poolSize: number;
  /** Folder of the embedded database's files. */
  dataDir: string;
  inMemory?: boolean;
  preparedFolder?: Uint8Array;
  /** Told once where the embedded database has ended by itself. */
  onStopped?: (error: Error) => void;
  /** Of a server: how long work may wait for its transaction to begin. */
  waitMs?: number;
  /** Carries the rings between the servers of a Postgres in place of its own NOTIFY. */
  redisUrl?: string;
  /** Hears of an event bus that is broken. */
  logger?: Logger;
}

/** Connects, or starts the embedded database, and migrates. */
export async function openDatabase(options: DatabaseOptions): Promise<Database> {
  if (options.databaseUrl !== undefined) {
    await migrateOnce(connect({ max: 1 }, options.databaseUrl));
    const pool = connect({ max: options.poolSize, idle_timeout: 300 }, options.databaseUrl, SERVER_LIMITS);
    return new Database(pool, null, options.waitMs ?? SERVER_WAIT_MS, await openBus(pool, options));
  }
  const embedded = await EmbeddedPostgres.start(options.dataDir, options);
  // One connection: the socket's multiplexer breaks clients whose extended-protocol messages interleave.
  const target = { path: embedded.socket, host: embedded.socket, user: 'postgres', database: 'postgres', max: 1 };
  try {
    await migrateOnce(connect(target));
  } catch (error) {
    await embedded.close();
    throw error;
  }
  // Bulk work that is ahead on its one connection may take its time.
  return new Database(connect(target), embedded, null, new InProcessEventBus(options.logger));
}

async function openBus(sql: Sql, { redisUrl, logger }: DatabaseOptions): Promise<EventBus> {
  if (redisUrl === undefined) return new PostgresEventBus(sql, logger);
  // By whatever name and through whatever address a server reaches the database, it is the same for all of them.
  const [identity] = await sql<{ deployment: string }[]>`
    select system_identifier || '-' || (select oid from pg_database where datname = current_database()) as deployment
    from pg_control_system()`;
  // Its client is loaded where it is wanted alone.
  const { RedisEventBus } = await import('./redis-event-bus.ts');
  return new RedisEventBus({ url: redisUrl, deployment: identity?.deployment ?? '', logger });
}

/** On a connection of its own: it holds a lock of its session. */
async function migrateOnce(sql: Sql): Promise<void> {
  try {
    await migrate(sql);
    // Where the table is in use for too long, the maintenance makes them later.
    await makeUsagePartitions(sql).catch((error: unknown) => {
      if (!(error instanceof postgres.PostgresError && error.code === LOCK_NOT_AVAILABLE)) throw error;
    });
  } finally {
    await sql.end({ timeout: 5 });
  }
}

function connect(options: Options<Record<string, never>> & { path?: string }, url?: string, limits = {}): Sql {
  const shared = {
    transform: { column: { from: postgres.toCamel }, undefined: null },
    ...options,
    connect_timeout: CONNECT_TIMEOUT_SECONDS,
    backoff: (failures: number) => Math.min(2 ** failures / 100, MAX_BACKOFF_SECONDS) * (0.5 + Math.random() / 2),
    fetch_types: true,
    onnotice: () => undefined,
    connection: { application_name: 'signalbox', ...limits },
  };
  return (url === undefined ? postgres(shared as never) : postgres(url, shared as never)) as unknown as Sql;
}
