import type { Database } from '../../db/client.ts';
import type { SystemScope } from '../../db/workspace-scope.ts';
import { WORKSPACE_SUBJECT } from './budget.ts';
import { endReservations } from './reservation-store.ts';
import { attemptRow, dayRows, type RecordedEvent } from './usage-rows.ts';

/** Of `record_usage`, of which nothing is written then: an attempt is there already (unique_violation), a workspace is gone. */
const UNFIT_CODES: readonly unknown[] = ['23505', 'SBX02'];

/**
 * Writes events with what they add to the days, the meters and the budgets; those that are written already, or whose
 * workspace is gone, change nothing. What was held for a call becomes what it has cost in the same statement. See
 * `record_usage` of the migrations.
 * @returns of the events that may keep their reservations those that did
 */
export async function recordUsage(
  database: Database,
  events: readonly RecordedEvent[],
): Promise<ReadonlySet<RecordedEvent>> {
  let left = events;
  while (left.length > 0) {
    try {
      const unkept = await write(database, left);
      return new Set(left.filter(({ keeps, workspaceId }) => keeps === true && unkept?.includes(workspaceId) !== true));
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && UNFIT_CODES.includes(error.code))) throw error;
      const fit = await withoutUnfit(database, left);
      if (fit.length === left.length) throw new Error('the ledger refuses a batch for attempts that are not in it');
      left = fit;
    }
  }
  return new Set();
}

/**
 * The events that can be written. An answer that was lost may have told that reservations of those that are there already
 * were kept: nobody has heard it, so they end.
 */
async function withoutUnfit(database: Database, events: readonly RecordedEvent[]): Promise<readonly RecordedEvent[]> {
  return database.withSystem(async (scope) => {
    const [written, present] = await Promise.all([findWritten(scope, events), findWorkspaces(scope, events)]);
    const unheard = events.filter(({ id, keeps }) => keeps === true && written.has(id));
    if (unheard.length > 0) {
      const kept = unheard.map(({ workspaceId, reservationId }) => ({ workspaceId, id: reservationId ?? '' }));
      await endReservations(scope, kept, { onlyExpired: false });
    }
    return events.filter(({ id, workspaceId }) => !written.has(id) && present.has(workspaceId));
  });
}

/** Returns the workspaces whose reservations were not kept, where there are any. */
function write(database: Database, events: readonly RecordedEvent[]): Promise<string[] | null> {
  const workspaceIds = [...new Set(events.map(({ workspaceId }) => workspaceId))];
  const subjects = [...new Set([WORKSPACE_SUBJECT, ...events.map(({ apiKeyId }) => apiKeyId ?? WORKSPACE_SUBJECT)])];
  const held = events.filter(({ reservationId }) => reservationId !== undefined);
  const settling = held.filter(({ settles, keeps }) => settles === true && keeps !== true);
  const keeping = held.filter(({ keeps }) => keeps === true);
  const oldestAt = events.reduce((oldest, { at }) => Math.min(oldest, at), Number.POSITIVE_INFINITY);
  return database.callSystem<string[] | null>(
    (sql) => sql`
      select record_usage(
        ${workspaceIds}::text[], ${subjects}::text[], ${events.map(attemptRow)}::text[]::ledger_attempt[],
        ${dayRows(events)}::text[]::ledger_day[], ${oldestAt}::float8, ${settling.map(({ workspaceId }) => workspaceId)}::text[],
        ${settling.map(({ reservationId }) => reservationId ?? '')}::text[],
        ${keeping.map(({ workspaceId }) => workspaceId)}::text[],
        ${keeping.map(({ reservationId }) => reservationId ?? '')}::text[],
        ${jsonOf(held.filter(({ settles }) => settles !== true))}::text::json,
        ${jsonOf(events.filter(({ cacheKind }) => cacheKind !== null))}::text::json,
        ${jsonOf(events.filter(isToBeMetered))}::text::json
      ) as answer`,
  );
}

/** Whether it adds to a meter that no `MeterTaking` has counted. Tokens are summed up by day as they are. */
function isToBeMetered({ metered, vectorQueries, images = 0, audioSeconds = 0 }: RecordedEvent): boolean {
  return !metered || vectorQueries > 0 || images > 0 || audioSeconds > 0;
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

async function findWorkspaces({ sql }: SystemScope, events: readonly RecordedEvent[]): Promise<Set<string>> {
  const ids = [...new Set(events.map(({ workspaceId }) => workspaceId))];
  const rows = await sql<{ id: string }[]>`select id from workspaces where id = any(${ids}::text[])`;
  return new Set(rows.map(({ id }) => id));
}
