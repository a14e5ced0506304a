import type { PendingQuery, Row } from 'postgres';
import type { SystemScope, WorkspaceScope } from '../../db/workspace-scope.ts';
import { newId } from '../../shared/ids.ts';
import type { Tier } from '../access/caller.ts';
import { LIMITED_METERS, type LimitedMeter, limitOf } from '../usage/tiers.ts';
import { limitWindowStart } from '../usage/usage-report.ts';
import { dayOf } from '../usage/utc-day.ts';
import { ALERT_PERCENT, type Alert, type AlertLevel, type LimitReading, type StandingAlert } from './alert.ts';

type AnyScope = WorkspaceScope | SystemScope;

/** Until the end of the transaction no other server raises or ends alerts of the workspace. */
export async function lockAlerts(scope: WorkspaceScope): Promise<void> {
  await scope.sql`select pg_advisory_xact_lock(hashtextextended(${`alerts ${scope.workspaceId}`}, 0))`;
}

/** Limits of some workspaces that are used far enough at an instant for an alert of any level. */
export async function readLimits(
  scope: AnyScope,
  workspaceIds: readonly string[],
  atMs: number,
): Promise<LimitReading[]> {
  const [budgets, meters] = await Promise.all([
    readBudgetLimits(scope, workspaceIds, atMs),
    readMeterLimits(scope, workspaceIds, atMs),
  ]);
  return [...budgets, ...meters];
}

/**
 * A budget of 0 allows nothing: there is no share of it to warn of. Ten thousand keys may have budgets, and nearly all are
 * far from their end: those stay in the database.
 */
async function readBudgetLimits(
  scope: AnyScope,
  workspaceIds: readonly string[],
  atMs: number,
): Promise<LimitReading[]> {
  return await scope.sql<LimitReading[]>`
    select
      'BUDGET' as source, b.workspace_id, b.subject, b."window", p.starts_on::text as starts_on,
      trim_scale(b.limit_usd)::text as limit_amount, trim_scale(p.used_usd)::text as used_amount,
      trunc(p.used_usd * 100 / b.limit_usd, 2)::float8 as percent
    from budgets b join budget_periods p
      on p.workspace_id = b.workspace_id and p.subject = b.subject and p."window" = b."window"
    where b.workspace_id = any(${[...workspaceIds]}::text[]) and b.limit_usd > 0
      and p.used_usd * 100 >= b.limit_usd * ${ALERT_PERCENT.WARNING}::int
      and p.starts_on <= ${dayOf(atMs)}::date and p.ends_on > ${dayOf(atMs)}::date`;
}

async function readMeterLimits(
  scope: AnyScope,
  workspaceIds: readonly string[],
  atMs: number,
): Promise<LimitReading[]> {
  const rows = await scope.sql<{ workspaceId: string; tier: Tier; meter: LimitedMeter; used: number }[]>`
    select w.id as workspace_id, w.tier, m.meter, sum(m.used)::float8 as used
    from workspaces w join meter_days m on m.workspace_id = w.id
    where w.id = any(${[...workspaceIds]}::text[]) and m.meter = any(${[...LIMITED_METERS]}::text[])
      and m.day >= ${dayOf(limitWindowStart(atMs))}::date
    group by w.id, w.tier, m.meter`;
  return rows.flatMap(({ workspaceId, tier, meter, used }): LimitReading[] => {
    const limit = limitOf(tier, meter);
    if (limit === null || used * 100 < limit * ALERT_PERCENT.WARNING) return [];
    return [
      {
        ...{ source: 'METER', workspaceId, subject: meter, window: 'SLIDING', startsOn: dayOf(atMs) },
        ...{ limitAmount: String(limit), usedAmount: String(used) },
        percent: Math.floor((used * 10_000) / limit) / 100,
      },
    ];
  });
}

/** The alerts of some workspaces that hold their level. */
export async function readStanding(scope: AnyScope, workspaceIds: readonly string[]): Promise<StandingAlert[]> {
  return await scope.sql<StandingAlert[]>`
    select workspace_id, id, source, subject, "window", level, starts_on::text as starts_on from alerts
    where workspace_id = any(${[...workspaceIds]}::text[]) and ended_at is null`;
}

/** Arms the levels of alerts again; `lockAlerts` first. */
export async function endAlerts(scope: WorkspaceScope, ids: readonly string[]): Promise<void> {
  await scope.sql`
    update alerts set ended_at = now()
    where workspace_id = ${scope.workspaceId} and id = any(${[...ids]}::text[]) and ended_at is null`;
}

/**
 * Writes alerts in their order, but those of which there has been one of the same subject, window, level and limit;
 * `lockAlerts` first.
 * @returns the ids of those that are new
 */
export async function insertAlerts(
  scope: WorkspaceScope,
  alerts: readonly (LimitReading & { level: AlertLevel })[],
): Promise<string[]> {
  const listed = alerts.map(({ workspaceId: _own, ...alert }) => ({ id: newId('Alert'), ...alert }));
  const rows = await scope.sql<{ id: string }[]>`
    insert into alerts (
      workspace_id, id, source, subject, "window", starts_on, level, limit_amount, used_amount, percent)
    select ${scope.workspaceId}, id, source, subject, "window", "startsOn", level, "limitAmount", "usedAmount", percent
    from jsonb_to_recordset(${scope.sql.json(listed)}) as listed (
      id text, source text, subject text, "window" text, "startsOn" date, level text, "limitAmount" numeric,
      "usedAmount" numeric, percent float8)
    order by id on conflict do nothing returning id`;
  return rows.map(({ id }) => id);
}

/** Newest first. @param acknowledged only those that are, or only those that are not; null: all */
export async function listAlerts(
  scope: WorkspaceScope,
  acknowledged: boolean | null,
  page: { limit: number; after: string | null },
): Promise<Alert[]> {
  return await scope.sql<Alert[]>`
    select ${columns(scope)} from ${alertsWithKeys(scope)}
    where a.workspace_id = ${scope.workspaceId} and (${page.after}::text is null or a.id < ${page.after})
      and (${acknowledged}::boolean is null or (a.acknowledged_at is not null) = ${acknowledged}::boolean)
    order by a.id desc limit ${page.limit}`;
}

/** In no order; those that are not there are left out. */
export async function findAlerts(scope: WorkspaceScope, ids: readonly string[]): Promise<Alert[]> {
  return await scope.sql<Alert[]>`
    select ${columns(scope)} from ${alertsWithKeys(scope)}
    where a.workspace_id = ${scope.workspaceId} and a.id = any(${[...ids]}::text[])`;
}

/** The number of the workspace's newest alert; 0 where there is none. */
export async function newestAlert(scope: WorkspaceScope): Promise<number> {
  const [row] = await scope.sql<{ seq: number }[]>`
    select coalesce(max(seq), 0)::float8 as seq from alerts where workspace_id = ${scope.workspaceId}`;
  return row?.seq ?? 0;
}

/** Those behind a number, oldest first. */
export async function alertsAfter(scope: WorkspaceScope, seq: number, limit: number): Promise<Alert[]> {
  return await scope.sql<Alert[]>`
    select ${columns(scope)} from ${alertsWithKeys(scope)}
    where a.workspace_id = ${scope.workspaceId} and a.seq > ${seq}::bigint order by a.seq limit ${limit}`;
}

/** Notes who has seen an alert, and when; the first one stays. @returns whether there is such an alert */
export async function acknowledgeAlert(scope: WorkspaceScope, id: string, who: string): Promise<boolean> {
  const updated = await scope.sql`
    update alerts set acknowledged_at = coalesce(acknowledged_at, now()), acknowledged_by = coalesce(acknowledged_by, ${who})
    where workspace_id = ${scope.workspaceId} and id = ${id}`;
  return updated.count > 0;
}

/**
 * The next workspaces, by id, whose alerts may have changed without anybody having been told: those with usage since a
 * day, and those with an alert that stands.
 */
export async function workspacesToCheck(
  scope: SystemScope,
  sinceDay: string,
  after: string,
  limit: number,
): Promise<string[]> {
  const rows = await scope.sql<{ id: string }[]>`
    select w.id from workspaces w
    where w.id > ${after} and (
      exists (select from usage_daily u where u.workspace_id = w.id and u.day >= ${sinceDay}::date)
      or exists (select from alerts a where a.workspace_id = w.id and a.ended_at is null))
    order by w.id limit ${limit}`;
  return rows.map(({ id }) => id);
}

/** Drops alerts that were raised so many days ago and stand no more; at most `limit` at once. Returns how many went. */
export async function dropOldAlerts(scope: SystemScope, days: number, limit: number): Promise<number> {
  const dropped = await scope.sql`
    delete from alerts where (workspace_id, id) in (
      select workspace_id, id from alerts
      where raised_at < now() - make_interval(days => ${days}) and ended_at is not null limit ${limit})`;
  return dropped.count;
}

function columns(scope: WorkspaceScope): PendingQuery<Row[]> {
  return scope.sql`
    a.workspace_id, a.id, a.seq::float8 as seq, a.source, a.subject, a."window", a.starts_on::text as starts_on, a.level,
    trim_scale(a.limit_amount)::text as limit_amount, trim_scale(a.used_amount)::text as used_amount, a.percent,
    a.raised_at, a.acknowledged_at, k.name as api_key_name`;
}

function alertsWithKeys(scope: WorkspaceScope): PendingQuery<Row[]> {
  return scope.sql`alerts a left join api_keys k on k.workspace_id = a.workspace_id and k.id = a.subject`;
}
