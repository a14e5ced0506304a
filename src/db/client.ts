import type { Options, Sql } from 'postgres';
import { EmbeddedPostgres } from './embedded.ts';
import { migrate } from './migrate.ts';
import { postgres } from './postgres-driver.ts';
import { openTransaction, type SystemScope, type WorkspaceScope } from './workspace-scope.ts';

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

/** Columns as they are called: drizzle looks for created_at of the last migration, and where there is none runs no more. */
const AS_NAMED = { transform: { undefined: null } } as const;

/** The database, embedded or a server: the same SQL through the same driver. */
export class Database {
  readonly kind: 'embedded' | 'postgres';
  /** Outside a scope this connection may see no tenant's rows: for migrations, pg-boss and health alone. */
  readonly sql: Sql;
  readonly #embedded: EmbeddedPostgres | null;
  readonly #waitMs: number | null;

  /** @param waitMs how long work may wait for its transaction to begin; null: without an end */
  constructor(sql: Sql, embedded: EmbeddedPostgres | null, waitMs: number | null = null) {
    this.sql = sql;
    this.#waitMs = waitMs;
    this.#embedded = embedded;
    this.kind = embedded === null ? 'postgres' : 'embedded';
  }

  /** Runs `work` in a transaction that sees and writes the rows of one workspace; the database holds it to that. */
  withWorkspace<Result>(workspaceId: string, work: (scope: WorkspaceScope) => Promise<Result>): Promise<Result> {
    return openTransaction(
      this.sql,
      this.#embedded,
      { role: 'signalbox_app', workspaceId },
      this.#waitMs,
      work as (scope: object) => Promise<Result>,
    );
  }

  /** Runs `work` in a transaction across workspaces, with the few rights that such work has. */
  withSystem<Result>(work: (scope: SystemScope) => Promise<Result>): Promise<Result> {
    return openTransaction(
      this.sql,
      this.#embedded,
      { role: 'signalbox_system', workspaceId: '' },
      this.#waitMs,
      work as (scope: object) => Promise<Result>,
    );
  }

  /** @throws where the database does not answer */
  async ping(): Promise<void> {
    this.#embedded?.assertRunning();
    await this.sql`select 1`;
  }

  async close(): Promise<void> {
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
}

/** Connects, or starts the embedded database, and migrates. */
export async function openDatabase(options: DatabaseOptions): Promise<Database> {
  if (options.databaseUrl !== undefined) {
    await migrateOnce(connect({ ...AS_NAMED, max: 1 }, options.databaseUrl));
    const pool = connect({ max: options.poolSize, idle_timeout: 300 }, options.databaseUrl, SERVER_LIMITS);
    return new Database(pool, null, options.waitMs ?? SERVER_WAIT_MS);
  }
  const embedded = await EmbeddedPostgres.start(options.dataDir, options);
  // One connection: the socket's multiplexer breaks clients whose extended-protocol messages interleave.
  const target = { path: embedded.socket, host: embedded.socket, user: 'postgres', database: 'postgres', max: 1 };
  try {
    await migrateOnce(connect({ ...target, ...AS_NAMED }));
  } catch (error) {
    await embedded.close();
    throw error;
  }
  // Bulk work that is ahead on its one connection may take its time.
  return new Database(connect(target), embedded);
}

/** On a connection of its own: it holds a lock of its session, and drizzle changes how its client reads dates. */
async function migrateOnce(sql: Sql): Promise<void> {
  try {
    await migrate(sql);
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
