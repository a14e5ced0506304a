import type { Db } from 'pg-boss';
import type { Sql, TransactionSql } from 'postgres';
import type { Database } from '../db/client.ts';
import type { SystemScope, WorkspaceScope } from '../db/workspace-scope.ts';

type Rows = Awaited<ReturnType<Db['executeSql']>>;

/** pg-boss sends its schema changes and maintenance as one script that begins and commits by itself. */
const TRANSACTION_SCRIPT = /^\s*BEGIN\s*;([\s\S]*)COMMIT\s*;?\s*$/;

const JSON_PARAMETER = /\$(\d+)::(jsonb?)\b/g;

/** Lets pg-boss work on the application's own client, embedded or a server's pool. */
export function bossDatabase(database: Database): Db {
  const { sql } = database;
  const executeSql = async (text: string, values: unknown[] = []): Promise<Rows> => {
    const script = TRANSACTION_SCRIPT.exec(text)?.[1];
    // As it stands a failing script would leave the session inside its aborted transaction, with the next query in it.
    if (script !== undefined) return (await sql.begin(async (inner) => rowsOf(await inner.unsafe(script)))) as Rows;
    return rowsOf(await runStatement(sql, text, values));
  };
  if (database.kind === 'embedded') return { executeSql };
  return {
    executeSql,
    listen: async (channel, onNotification, onReconnect) => {
      const subscription = await sql.listen(channel, onNotification, onReconnect);
      return { close: () => subscription.unlisten() };
    },
  };
}

/** Lets one call of pg-boss take part in the transaction of a scope, with the rights that the tenant role has not. */
export function bossDatabaseInside(scope: WorkspaceScope): Db {
  const { sql } = scope;
  return {
    // All three are issued in one go, so that no other statement of the scope can come to run between them. After a
    // failure the last one fails too: the transaction is aborted, which takes the role back with it.
    executeSql: async (text, values = []) => {
      const results = await Promise.allSettled([
        sql`select set_config('role', 'signalbox_system', true)`.execute(),
        runStatement(sql, text, values),
        sql`select set_config('role', 'signalbox_app', true)`.execute(),
      ]);
      for (const result of results) if (result.status === 'rejected') throw result.reason;
      return rowsOf((results[1] as PromiseFulfilledResult<unknown>).value);
    },
  };
}

/** Lets calls of pg-boss take part in a transaction across workspaces. */
export function bossDatabaseOf({ sql }: SystemScope): Db {
  return { executeSql: async (text, values = []) => rowsOf(await runStatement(sql, text, values)) };
}

/** Prepared: without that, postgres.js asks for the types of the parameters first, a round trip more each time. */
function runStatement(sql: Sql | TransactionSql, text: string, values: unknown[]) {
  return sql.unsafe(withJsonAsText(text, values), values as never[], { prepare: values.length > 0 }).execute();
}

/** JSON that pg-boss has already written as text would be put in quotes again by postgres.js. */
function withJsonAsText(text: string, values: unknown[]): string {
  return text.replace(JSON_PARAMETER, (match, index: string, type: string) =>
    typeof values[Number(index) - 1] === 'object' && values[Number(index) - 1] !== null
      ? match
      : `$${index}::text::${type}`,
  );
}

/** A script of several statements answers with one list of rows each. */
function rowsOf(result: unknown): Rows {
  return { rows: (result as unknown[]).flat() };
}
