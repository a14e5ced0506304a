import type { Database } from './client.ts';

/** As autovacuum counts: rows that have changed since the last time, beside a fifth of the table. */
const CHANGED_ROWS_MIN = 1_000;
const CHANGED_SHARE_MIN = 0.2;

/**
 * Does for the embedded database, which runs no background processes, what autovacuum does on a server: makes the room
 * of dead rows usable again and keeps the planner's statistics true, in the tables where enough has changed. One table
 * at a time, so that a request waits for one at the most. Does nothing on a server.
 * @returns the tables, by their names with the schema
 */
export async function vacuumChangedTables(database: Database, signal?: AbortSignal): Promise<string[]> {
  if (database.kind !== 'embedded') return [];
  const { sql } = database;
  // Counted changes are otherwise written out when a session has been idle for a while, which never comes here.
  await sql`select pg_stat_force_next_flush()`;
  // The counters begin anew with each process; what an earlier one left shows in how far the file has grown.
  const tables = await sql<{ name: string }[]>`
    select format('%I.%I', s.schemaname, s.relname) as name
    from pg_stat_user_tables s join pg_class c on c.oid = s.relid
    where greatest(s.n_dead_tup + s.n_ins_since_vacuum, s.n_mod_since_analyze)
        >= ${CHANGED_ROWS_MIN} + ${CHANGED_SHARE_MIN}::float8 * greatest(c.reltuples, 0)
      or pg_relation_size(s.relid) >= 1048576 + (1 + ${CHANGED_SHARE_MIN}::float8) * 8192 * c.relpages::float8
    order by pg_relation_size(s.relid), 1`;
  const vacuumed: string[] = [];
  for (const { name } of tables) {
    if (signal?.aborted) break;
    await sql.unsafe(`vacuum (analyze) ${name}`).simple();
    vacuumed.push(name);
  }
  return vacuumed;
}
