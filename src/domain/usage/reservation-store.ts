import type { PendingQuery, Row } from 'postgres';
import type { SystemScope } from '../../db/workspace-scope.ts';
import type { BudgetPeriod } from './budget-store.ts';
import { type Reservation, subjectsOf } from './reservation.ts';

/** A reservation with how long it is good for, where nobody ends it. */
export interface TimedReservation extends Reservation {
  ttlMs: number;
}

/** Whose periods are locked, and from which day on they count. */
interface HeldIn {
  workspaceId: string;
  subjects: readonly string[];
  /** The earliest day, as `YYYY-MM-DD`. */
  day: string;
}

/**
 * Locks what everybody who changes periods locks, in one order: the workspaces against a deletion and against those who
 * make periods, then the periods that end after the day. What is read after it stays as it is. Sent together with what
 * is sent next.
 */
export function lockPeriods(scope: SystemScope, heldIn: readonly HeldIn[]): Promise<unknown> {
  const workspaceIds = [...new Set(heldIn.map(({ workspaceId }) => workspaceId))];
  const earliest = new Map<string, { workspaceId: string; subject: string; day: string }>();
  for (const { workspaceId, subjects, day } of heldIn) {
    for (const subject of subjects) {
      const known = earliest.get(`${workspaceId} ${subject}`);
      if (known === undefined || day < known.day)
        earliest.set(`${workspaceId} ${subject}`, { workspaceId, subject, day });
    }
  }
  const workspaces = scope.sql`
    select id from workspaces where id = any(${workspaceIds}::text[]) order by id for key share`;
  const periods = scope.sql`
    select from json_to_recordset(${JSON.stringify([...earliest.values()])}::text::json) as e (
      "workspaceId" text, subject text, day date)
    join budget_periods p on p.workspace_id = e."workspaceId" and p.subject = e.subject and p.ends_on > e.day
    order by p.workspace_id, p.subject, p."window", p.starts_on for update of p`;
  return Promise.all([workspaces, periods]);
}

/** Adds reservations, or to the amount and the time of those that there are, with what they take of periods. */
export async function addReservations(
  scope: SystemScope,
  reservations: readonly TimedReservation[],
  added: readonly { period: BudgetPeriod; amountUsd: string }[],
): Promise<void> {
  const amounts = added.map(({ period: { subject, window, startsOn }, amountUsd }) => ({
    workspaceId: reservations[0]?.workspaceId,
    ...{ subject, window, startsOn, amountUsd },
  }));
  await scope.sql`
    with held as (
      insert into reservations as r (workspace_id, id, api_key_id, amount_usd, day, expires_at)
      select "workspaceId", id, "apiKeyId", "amountUsd", day, clock_timestamp() + "ttlMs" * interval '1 millisecond'
      from json_to_recordset(${JSON.stringify(reservations)}::text::json) as e (
        "workspaceId" text, id text, "apiKeyId" text, "amountUsd" numeric, day date, "ttlMs" float8)
      order by id
      on conflict (workspace_id, id) do update set
        amount_usd = r.amount_usd + excluded.amount_usd, expires_at = greatest(r.expires_at, excluded.expires_at)
    )
    update budget_periods p set reserved_usd = p.reserved_usd + e."amountUsd"
    from json_to_recordset(${JSON.stringify(amounts)}::text::json) as e (
      "workspaceId" text, subject text, "window" text, "startsOn" date, "amountUsd" numeric)
    where p.workspace_id = e."workspaceId" and p.subject = e.subject and p."window" = e."window"
      and p.starts_on = e."startsOn"`;
}

/** Whether the workspace has reservations whose time is over. */
export async function hasExpired(scope: SystemScope, workspaceId: string): Promise<boolean> {
  const [row] = await scope.sql<{ expired: boolean }[]>`
    select exists (
      select from reservations where workspace_id = ${workspaceId} and expires_at < clock_timestamp()) as expired`;
  return row?.expired === true;
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
  ended: readonly Reservation[],
  { onlyExpired }: { onlyExpired: boolean },
): Promise<number> {
  const keys = ended.map(({ workspaceId, id }) => ({ workspaceId, id }));
  const locked = lockPeriods(
    scope,
    ended.map((reservation) => ({ ...reservation, subjects: subjectsOf(reservation) })),
  );
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

/**
 * Common table expressions beside those of `incoming` and `inserted` events: takes what these have cost from what was held
 * for their calls, and puts it into the periods as used. The last try of a call ends its reservation.
 */
export function chargeBudgets(scope: SystemScope): PendingQuery<Row[]> {
  return scope.sql`
    charges as (
      select
        e."workspaceId" as workspace_id, e."reservationId" as id, bool_or(e.settles) as settles,
        coalesce(sum(i.cost_usd), 0) as cost_usd
      from incoming e left join inserted i on i.workspace_id = e."workspaceId" and i.id = e.id
      where e."reservationId" is not null group by 1, 2
    ), ended as (
      delete from reservations r using charges c
      where r.workspace_id = c.workspace_id and r.id = c.id and c.settles
      returning r.workspace_id, r.api_key_id, r.day, r.amount_usd
    ), charged as (
      update reservations r set amount_usd = r.amount_usd - least(r.amount_usd, c.cost_usd)
      from charges c join reservations o on o.workspace_id = c.workspace_id and o.id = c.id
      where r.workspace_id = c.workspace_id and r.id = c.id and not c.settles
      returning r.workspace_id, r.api_key_id, r.day, o.amount_usd - r.amount_usd as amount_usd
    ), budgeted as (
      update budget_periods p set used_usd = p.used_usd + c.used_usd, reserved_usd = p.reserved_usd - c.freed_usd
      from (
        select p.workspace_id, p.subject, p."window", p.starts_on, sum(c.used_usd) as used_usd, sum(c.freed_usd) as freed_usd
        from (
          select workspace_id, coalesce(api_key_id, '') as api_key_id, day as spent_on, day, cost_usd as used_usd, 0 as freed_usd
          from inserted where cost_usd > 0
          union all select workspace_id, api_key_id, null, day, 0, amount_usd from ended
          union all select workspace_id, api_key_id, null, day, 0, amount_usd from charged
        ) as c
        join budget_periods p on p.workspace_id = c.workspace_id and p.subject in ('', c.api_key_id)
          and p.ends_on > c.day and (c.spent_on is null or p.starts_on <= c.spent_on)
        group by 1, 2, 3, 4
      ) as c
      where p.workspace_id = c.workspace_id and p.subject = c.subject and p."window" = c."window"
        and p.starts_on = c.starts_on
    )`;
}
