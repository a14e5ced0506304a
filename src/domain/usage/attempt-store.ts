import type { Database } from '../../db/client.ts';
import type { SystemScope } from '../../db/workspace-scope.ts';
import { WORKSPACE_SUBJECT } from './budget.ts';
import { attemptRow, dayRows, type RecordedEvent } from './usage-rows.ts';

/** Of `record_usage`: an attempt is written already, and nothing of the batch was. */
const WRITTEN_ALREADY = 'SBX01';

/**
 * Writes events with what they add to the days, the meters and the budgets; those that are written already, or whose
 * workspace is gone, change nothing. What was held for a call becomes what it has cost in the same statement. See
 * `record_usage` of the migrations.
 */
export async function recordUsage(database: Database, events: readonly RecordedEvent[]): Promise<void> {
  let left = events;
  while (left.length > 0) {
    const unfit = await writeAll(database, left);
    if (unfit === null) return;
    const fit = left.filter((event) => !unfit(event));
    if (fit.length === left.length) throw new Error('the ledger refuses a batch for attempts that are not in it');
    left = fit;
  }
}

/** Writes all of them, or nothing and returns which cannot be written. */
async function writeAll(
  database: Database,
  events: readonly RecordedEvent[],
): Promise<((event: RecordedEvent) => boolean) | null> {
  try {
    const gone = await write(database, events);
    return gone === null ? null : ({ workspaceId }) => gone.includes(workspaceId);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === WRITTEN_ALREADY)) throw error;
    const written = await database.withSystem((scope) => findWritten(scope, events));
    return ({ id }) => written.has(id);
  }
}

/** Returns the workspaces that are gone, where there are any, and has written nothing. */
function write(database: Database, events: readonly RecordedEvent[]): Promise<string[] | null> {
  const workspaceIds = [...new Set(events.map(({ workspaceId }) => workspaceId))];
  const subjects = [...new Set([WORKSPACE_SUBJECT, ...events.map(({ apiKeyId }) => apiKeyId ?? WORKSPACE_SUBJECT)])];
  const held = events.filter(({ reservationId }) => reservationId !== undefined);
  const settling = held.filter(({ settles }) => settles === true);
  const oldestAt = events.reduce((oldest, { at }) => Math.min(oldest, at), Number.POSITIVE_INFINITY);
  return database.callSystem<string[] | null>(
    (sql) => sql`
      select record_usage(
        ${workspaceIds}::text[], ${subjects}::text[], ${events.map(attemptRow)}::text[]::ledger_attempt[],
        ${dayRows(events)}::text[]::ledger_day[], ${oldestAt}::float8, ${settling.map(({ workspaceId }) => workspaceId)}::text[],
        ${settling.map(({ reservationId }) => reservationId ?? '')}::text[],
        ${jsonOf(held.filter(({ settles }) => settles !== true))}::text::json,
        ${jsonOf(events.filter(({ cacheKind }) => cacheKind !== null))}::text::json,
        ${jsonOf(events.filter(({ metered, vectorQueries }) => !metered || vectorQueries > 0))}::text::json
      ) as answer`,
  );
}

/** Null where there are none: what few calls need is not looked at for the others. */
function jsonOf(events: readonly RecordedEvent[]): string | null {
  return events.length === 0 ? null : JSON.stringify(events);
}

async function findWritten({ sql }: SystemScope, events: readonly RecordedEvent[]): Promise<Set<string>> {
  const rows = await sql<{ id: string }[]>`
    select e.id
    from unnest(
      ${events.map(({ workspaceId }) => workspaceId)}::text[], ${events.map(({ at }) => at)}::float8[],
      ${events.map(({ id }) => id)}::text[]
    ) as e (workspace_id, at, id)
    join usage_attempts a on a.workspace_id = e.workspace_id and a.at = to_timestamp(e.at / 1000) and a.id = e.id`;
  return new Set(rows.map(({ id }) => id));
}
