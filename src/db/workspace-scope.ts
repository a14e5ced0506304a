import type { Sql, TransactionSql } from 'postgres';
import type { EmbeddedPostgres } from './embedded.ts';

declare const scopeKind: unique symbol;

interface Scope {
  /** Runs SQL inside the transaction of this scope. */
  readonly sql: TransactionSql;
  /** The embedded database, where binary parameters go to it directly; null on a server. */
  readonly embedded: EmbeddedPostgres | null;
}

/**
 * A transaction that row-level security holds to one workspace. Every store function takes one first, so that SQL
 * without a workspace does not compile. Only `Database.withWorkspace` makes one.
 */
export interface WorkspaceScope extends Scope {
  readonly workspaceId: string;
  readonly [scopeKind]: 'workspace';
}

/** A transaction across workspaces, with few rights. Only `Database.withSystem` makes one. */
export interface SystemScope extends Scope {
  readonly [scopeKind]: 'system';
}

interface ScopeSettings {
  role: 'signalbox_app' | 'signalbox_system';
  workspaceId: string;
}

/** A server of which no connection became free in time, or that did not answer on the one that was. */
class DatabaseBusyError extends Error {
  override readonly name = 'DatabaseBusyError';
  readonly code = 'DATABASE_BUSY';

  constructor(waitMs: number) {
    super(`no connection of the database has begun a transaction within ${waitMs} ms`);
  }
}

/**
 * How long work may wait for a server to begin its transaction: also a frozen connection is told of in the end, which
 * no limit of the server's can do. The embedded database has one connection, and bulk work ahead may take its time.
 */
export const SERVER_WAIT_MS = 30_000;

/** Opens the transaction of a scope. */
export async function openTransaction<Result>(
  sql: Sql,
  embedded: EmbeddedPostgres | null,
  settings: ScopeSettings,
  work: (scope: object) => Promise<Result>,
): Promise<Result> {
  embedded?.assertRunning();
  return (await sql.begin(async (transaction) => {
    // Not awaited before the first statement of `work`: both travel together, and where this one fails the
    // transaction is aborted, so nothing after it can run with the login's own rights.
    const settled = transaction`
      select set_config('role', ${settings.role}, true), set_config('app.workspace_id', ${settings.workspaceId}, true)`.then(
      () => null,
      (error: unknown) => ({ error }),
    );
    const scope = { workspaceId: settings.workspaceId, sql: transaction, embedded };
    const result = await work(scope);
    const failed = await settled;
    if (failed !== null) throw failed.error;
    return result;
  })) as Result;
}
