import type { PendingQuery, Row } from 'postgres';
import type { SystemScope, WorkspaceScope } from '../../db/workspace-scope.ts';
import { BUDGET_WINDOWS, type Budget, type BudgetState, type BudgetWindow, windowDays } from './budget.ts';

type Fragment = PendingQuery<Row[]>;

/** All budgets of the workspace. */
export async function listBudgets(scope: WorkspaceScope): Promise<Budget[]> {
  return await scope.sql<Budget[]>`
    select subject, "window", trim_scale(limit_usd)::text as limit_usd from budgets
    where workspace_id = ${scope.workspaceId} order by subject, "window"`;
}

/** The budgets of some subjects, with the windows of an instant. */
export async function readBudgets(
  scope: WorkspaceScope,
  subjects: readonly string[],
  atMs: number,
): Promise<BudgetState[]> {
  const rows = await scope.sql<(Omit<BudgetState, 'resetsAt'> & { endsOn: string })[]>`
    select
      b.subject, b."window", trim_scale(b.limit_usd)::text as limit_usd, w.ends_on::text as ends_on,
      trim_scale(coalesce(p.used_usd, ${spentIn(scope)}))::text as used_usd,
      trim_scale(coalesce(p.reserved_usd, ${heldIn(scope)}))::text as reserved_usd
    from budgets b join ${windowsAt(scope, atMs)} on w."window" = b."window"
    left join budget_periods p on p.workspace_id = b.workspace_id and p.subject = b.subject
      and p."window" = b."window" and p.starts_on = w.starts_on
    where b.workspace_id = ${scope.workspaceId} and b.subject = any(${[...subjects]}::text[])
    order by b.subject, b."window"`;
  return rows.map(({ endsOn, ...state }) => ({ ...state, resetsAt: new Date(endsOn) }));
}

/**
 * Until the end of the transaction, no attempt of the workspace is written and nothing is reserved: both lock the same row. What
 * only belongs to the workspace does not wait, nor is the sealing of hours waited for, which holds the row against a deletion.
 */
export async function lockLedger(scope: SystemScope, workspaceId: string): Promise<void> {
  await scope.sql`select lock_ledgers(${[workspaceId]}::text[])`;
}

/** Sets or changes a limit; `lockLedger` first. */
export async function writeBudget(scope: SystemScope, workspaceId: string, budget: Budget): Promise<void> {
  await scope.sql`
    insert into budgets (workspace_id, subject, "window", limit_usd)
    values (${workspaceId}, ${budget.subject}, ${budget.window}, ${budget.limitUsd}::numeric)
    on conflict (workspace_id, subject, "window") do update set limit_usd = excluded.limit_usd`;
}

/** Takes a budget away with its periods; `lockLedger` first. */
export async function deleteBudget(
  scope: SystemScope,
  workspaceId: string,
  { subject, window }: Pick<Budget, 'subject' | 'window'>,
): Promise<void> {
  await scope.sql`
    delete from budgets where workspace_id = ${workspaceId} and subject = ${subject} and "window" = ${window}`;
  await scope.sql`
    delete from budget_periods where workspace_id = ${workspaceId} and subject = ${subject} and "window" = ${window}`;
}

/**
 * Makes the periods of an instant that some subjects' budgets do not have yet, with what was spent in them so far;
 * `lockLedger` first, so that nothing is spent or reserved while it is added up.
 */
export async function makePeriods(
  scope: SystemScope,
  workspaceId: string,
  subjects: readonly string[],
  atMs: number,
): Promise<void> {
  await scope.sql`
    insert into budget_periods (workspace_id, subject, "window", starts_on, ends_on, used_usd, reserved_usd)
    select b.workspace_id, b.subject, b."window", w.starts_on, w.ends_on, ${spentIn(scope)}, ${heldIn(scope)}
    from budgets b join ${windowsAt(scope, atMs)} on w."window" = b."window"
    where b.workspace_id = ${workspaceId} and b.subject = any(${[...subjects]}::text[])
    on conflict do nothing`;
}

/** Drops periods that ended so many days ago, at most `limit`. Returns how many went. */
export async function dropPassedPeriods(scope: SystemScope, days: number, limit: number): Promise<number> {
  const dropped = await scope.sql`
    delete from budget_periods p using (
      select workspace_id, subject, "window", starts_on from budget_periods
      where ends_on < (now() at time zone 'utc')::date - ${days}::int
      order by workspace_id, subject, "window", starts_on limit ${limit} for update skip locked
    ) as passed
    where p.workspace_id = passed.workspace_id and p.subject = passed.subject and p."window" = passed."window"
      and p.starts_on = passed.starts_on`;
  return dropped.count;
}

/** The windows `w` of an instant. */
function windowsAt(scope: WorkspaceScope | SystemScope, atMs: number): Fragment {
  const rows = BUDGET_WINDOWS.map((window: BudgetWindow) => ({ window, ...windowDays(window, atMs) }));
  return scope.sql`(
    select "window", "startsOn" as starts_on, "endsOn" as ends_on
    from json_to_recordset(${JSON.stringify(rows)}::text::json) as e ("window" text, "startsOn" date, "endsOn" date)
  ) as w`;
}

/** What the subject of `b` has spent in the window `w`, as it is added up by day. */
function spentIn(scope: WorkspaceScope | SystemScope): Fragment {
  return scope.sql`(
    select coalesce(sum(u.cost_usd), 0) from usage_daily u
    where u.workspace_id = b.workspace_id and u.day >= w.starts_on and u.day < w.ends_on
      and (b.subject = '' or u.api_key_id = b.subject))`;
}

/** What calls under way of the subject of `b` may still cost in the window `w`. */
function heldIn(scope: WorkspaceScope | SystemScope): Fragment {
  return scope.sql`(
    select coalesce(sum(r.amount_usd), 0) from reservations r
    where r.workspace_id = b.workspace_id and r.day < w.ends_on and (b.subject = '' or r.api_key_id = b.subject))`;
}
