import type { SystemScope, WorkspaceScope } from '../../db/workspace-scope.ts';
import { RATE_WINDOW_MS, type RateLimits } from './rate-limit.ts';

/** Calls are added up by steps of so long, and count from the end of theirs: a window has 1,200 of them. */
const STEP_MS = 50;

/** What becomes of one call: null, it may be made; or the limit that is used up, and when it no longer is. */
export type RateVerdict = null | { limited: keyof RateLimits; retryAfterMs: number };

/** Until the end of the transaction no other server lets calls of the workspace pass. Sent together with what is next. */
export function lockRate(scope: WorkspaceScope): Promise<unknown> {
  return scope.sql`select pg_advisory_xact_lock(hashtextextended(${`RATE ${scope.workspaceId}`}, 0))`.then(
    (rows) => rows,
  );
}

/**
 * Lets calls pass in their order as far as the last minute has room for them, and counts those. By the database's clock:
 * servers need not agree on the time. To be called under `lockRate`.
 * @param keys the API key of each call; '' where none makes it
 */
export async function passCalls(
  scope: WorkspaceScope,
  { perWorkspace, perKey }: RateLimits,
  keys: readonly string[],
): Promise<RateVerdict[]> {
  const { sql, workspaceId } = scope;
  const rows = await sql<{ granted: boolean; byKey: boolean; waitMs: number | null }[]>`
    with clock as materialized (
      select
        moment.now, moment.now - ${RATE_WINDOW_MS} * interval '1 millisecond' as since,
        date_bin(${STEP_MS} * interval '1 millisecond', moment.now, 'epoch') + ${STEP_MS} * interval '1 millisecond' as step
      from (select clock_timestamp() as now) as moment
    ), swept as (
      delete from rate_limit_calls where workspace_id = ${workspaceId} and at <= (select since from clock)
    ), recent as materialized (
      select at, api_key_id, calls from rate_limit_calls
      where workspace_id = ${workspaceId} and at > (select since from clock)
    ), asked as (
      select key, ord, row_number() over (partition by key order by ord) as of_key
      from unnest(${[...keys]}::text[]) with ordinality as call (key, ord)
    ), used as (
      select api_key_id as key, sum(calls) as calls from recent group by 1
    ), within_key as (
      select a.key, a.ord, row_number() over (order by a.ord) as of_all from asked a left join used u using (key)
      where a.key = '' or ${perKey}::int is null or a.of_key <= ${perKey}::int - coalesce(u.calls, 0)
    ), granted as materialized (
      select key, ord from within_key
      where ${perWorkspace}::int is null
        or of_all <= ${perWorkspace}::int - coalesce((select sum(calls) from recent), 0)
    ), added as materialized (
      select (select step from clock) as at, key as api_key_id, count(*)::int as calls from granted group by key
    ), counted as (
      insert into rate_limit_calls as r (workspace_id, at, api_key_id, calls)
      select ${workspaceId}, at, api_key_id, calls from added
      on conflict (workspace_id, at, api_key_id) do update set calls = r.calls + excluded.calls
    ), gone as (
      select
        api_key_id as key, at,
        sum(calls) over (partition by api_key_id order by at) as of_key, sum(calls) over (partition by api_key_id) as all_of_key,
        sum(calls) over (order by at) as of_all, sum(calls) over () as everything
      from (select * from recent union all select * from added) as now_counted
    ), open as (
      select
        (select min(at) from gone where everything >= ${perWorkspace}::int and of_all > everything - ${perWorkspace}::int) as at
    ), key_open as (
      select key, min(at) as at from gone
      where key <> '' and all_of_key >= ${perKey}::int and of_key > all_of_key - ${perKey}::int
      group by key
    )
    select
      g.ord is not null as granted, k.at is not null as by_key,
      (extract(epoch from greatest(open.at, k.at) - c.since) * 1000)::float8 as wait_ms
    from asked a cross join clock c cross join open
      left join granted g using (ord) left join key_open k on k.key = a.key
    order by a.ord`;
  return rows.map(({ granted, byKey, waitMs }) =>
    granted ? null : { limited: byKey ? 'perKey' : 'perWorkspace', retryAfterMs: Math.ceil(waitMs ?? STEP_MS) },
  );
}

/** What would become of one call now; nothing is counted. */
export async function verdictNow(
  { sql, workspaceId }: WorkspaceScope,
  { perWorkspace, perKey }: RateLimits,
  apiKeyId: string | null,
): Promise<RateVerdict> {
  const [row] = await sql<{ openMs: number | null; keyOpenMs: number | null }[]>`
    with clock as materialized (
      select moment.now - ${RATE_WINDOW_MS} * interval '1 millisecond' as since
      from (select clock_timestamp() as now) as moment
    ), recent as (
      select
        at, api_key_id = coalesce(${apiKeyId}::text, '') and api_key_id <> '' as is_own,
        sum(calls) over (order by at desc, api_key_id) as since_then,
        sum(calls) over (partition by api_key_id order by at desc) as own_since_then
      from rate_limit_calls where workspace_id = ${workspaceId} and at > (select since from clock)
    )
    select
      (extract(epoch from (max(at) filter (where since_then >= ${perWorkspace}::int)) - c.since) * 1000)::float8 as open_ms,
      (extract(epoch from (max(at) filter (where is_own and own_since_then >= ${perKey}::int)) - c.since) * 1000)::float8
        as key_open_ms
    from clock c left join recent on true group by c.since`;
  const { openMs = null, keyOpenMs = null } = row ?? {};
  if (openMs === null && keyOpenMs === null) return null;
  const retryAfterMs = Math.ceil(Math.max(openMs ?? 0, keyOpenMs ?? 0, 1));
  return { limited: keyOpenMs === null ? 'perWorkspace' : 'perKey', retryAfterMs };
}

/** Drops what no window has any more of workspaces that call no models now; at most `limit` at once. Returns how many. */
export async function dropPassedCalls(scope: SystemScope, limit: number): Promise<number> {
  const dropped = await scope.sql`
    delete from rate_limit_calls where (workspace_id, at, api_key_id) in (
      select old.workspace_id, old.at, old.api_key_id from workspaces w cross join lateral (
        select r.workspace_id, r.at, r.api_key_id from rate_limit_calls r
        where r.workspace_id = w.id and r.at < now() - ${RATE_WINDOW_MS} * interval '1 millisecond' limit ${limit}
      ) old limit ${limit}
    )`;
  return dropped.count;
}
