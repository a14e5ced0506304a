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
