import type { Database } from '../../db/client.ts';
import type { SystemScope } from '../../db/workspace-scope.ts';
import { sumDecimals } from '../../shared/decimal.ts';
import { type Admission, type Reservation, subjectsOf } from './reservation.ts';

/** A reservation with how long it is good for, where nobody ends it. */
export interface TimedReservation extends Reservation {
  ttlMs: number;
}

/** Something has to be done before anything can be held: see `reserve_budgets` of the migrations. */
export type Obstacle = 'EXPIRED' | 'UNKNOWN';

/** A group of calls of one workspace. */
export interface ReservationGroup {
  workspaceId: string;
  /** The day (UTC) on which they are spent from now on, each after its own; all budgets need a period of it. */
  today: string;
  asked: readonly Omit<TimedReservation, 'workspaceId'>[];
  /** Whether what has room is held, or only told. */
  hold: boolean;
}

/**
 * Holds what has room, first come, first served; one that there is already is raised and prolonged. A transaction of its
 * own: what it answers is held.
 */
export async function reserveBudgets(database: Database, group: ReservationGroup): Promise<Admission[] | Obstacle> {
  const { workspaceId, today, hold, asked } = group;
  const { soleDay, subjects, added } = sumsOf(asked);
  const answer = await database.callSystem<Admission[] | Obstacle | 'HELD' | 'FREE'>(
    (sql) => sql`
      select reserve_budgets(
        ${workspaceId}, ${today}::text::date, ${hold}, ${asked.map(({ id }) => id)}::text[],
        ${asked.map(({ apiKeyId }) => apiKeyId)}::text[], ${asked.map(({ day }) => day)}::text[]::date[],
        ${asked.map(({ amountUsd }) => amountUsd)}::text[]::numeric[], ${asked.map(({ ttlMs }) => ttlMs)}::float8[],
        ${soleDay}::text::date, ${subjects}::text[], ${added}::text[]::numeric[]
      ) as answer`,
  );
  if (answer === 'HELD') return asked.map(() => ({ kind: 'held' }));
  return answer === 'FREE' ? asked.map(() => ({ kind: 'free' })) : answer;
}

/** What a group adds to each subject. */
interface GroupSums {
  /** Null where there are several, or a reservation is asked for more than once: these are gone through one by one. */
  soleDay: string | null;
  subjects: string[];
  /** Exact decimals. */
  added: string[];
}

function sumsOf(asked: ReservationGroup['asked']): GroupSums {
  const amounts = new Map<string, string[]>();
  for (const { apiKeyId, amountUsd } of asked) {
    for (const subject of subjectsOf({ apiKeyId })) {
      const ofSubject = amounts.get(subject);
      if (ofSubject === undefined) amounts.set(subject, [amountUsd]);
      else ofSubject.push(amountUsd);
    }
  }
  const days = new Set(asked.map(({ day }) => day));
  const isPlain = days.size === 1 && new Set(asked.map(({ id }) => id)).size === asked.length;
  const soleDay = isPlain ? (asked[0]?.day ?? null) : null;
  return { soleDay, subjects: [...amounts.keys()], added: [...amounts.values()].map(sumDecimals) };
}

/** Ends reservations whose holders have died: of one workspace, or of all. Returns how many there were. */
export async function sweepReservations(
  scope: SystemScope,
  limit: number,
  workspaceId: string | null = null,
): Promise<number> {
  const expired = await findExpired(scope, workspaceId, limit);
  return expired.length === 0 ? 0 : endReservations(scope, expired, { onlyExpired: true });
}

async function findExpired(scope: SystemScope, workspaceId: string | null, limit: number): Promise<Reservation[]> {
  return await scope.sql<Reservation[]>`
    select workspace_id, id, api_key_id, day::text as day, amount_usd::text as amount_usd from reservations
    where expires_at < clock_timestamp() and (${workspaceId}::text is null or workspace_id = ${workspaceId})
    order by workspace_id, id limit ${limit}`;
}

/**
 * Ends reservations and gives back what they hold; those that have ended already change nothing.
 * @param onlyExpired not those whose time was prolonged meanwhile
 * @returns how many there were
 */
export async function endReservations(
  scope: SystemScope,
  ended: readonly Pick<Reservation, 'workspaceId' | 'id'>[],
  { onlyExpired }: { onlyExpired: boolean },
): Promise<number> {
  const keys = ended.map(({ workspaceId, id }) => ({ workspaceId, id }));
  // Sent together with what is sent next.
  const workspaceIds = [...new Set(ended.map(({ workspaceId }) => workspaceId))];
  const locked = scope.sql`select lock_ledgers(${workspaceIds}::text[])`;
  const gone = scope.sql<{ count: number }[]>`
    with gone as (
      delete from reservations r
      using json_to_recordset(${JSON.stringify(keys)}::text::json) as e ("workspaceId" text, id text)
      where r.workspace_id = e."workspaceId" and r.id = e.id
        and (not ${onlyExpired}::boolean or r.expires_at < clock_timestamp())
      returning r.*
    ), released as (
      update budget_periods p set reserved_usd = p.reserved_usd - g.amount_usd
      from (
        select p.workspace_id, p.subject, p."window", p.starts_on, sum(gone.amount_usd) as amount_usd
        from gone join budget_periods p
          on p.workspace_id = gone.workspace_id and p.subject in ('', gone.api_key_id) and p.ends_on > gone.day
        group by 1, 2, 3, 4
      ) as g
      where p.workspace_id = g.workspace_id and p.subject = g.subject and p."window" = g."window"
        and p.starts_on = g.starts_on
    )
    select count(*)::float8 as count from gone`;
  const [, [row]] = await Promise.all([locked, gone]);
  return row?.count ?? 0;
}
