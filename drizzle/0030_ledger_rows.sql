-- The ledger's steps do once what they did many times: a workspace's row is the one lock of its ledger, what is added up comes as
-- rows that whoever writes it has added up, and what few calls need is looked at where it is needed alone.
drop function record_usage(json, text[], text[], date[]);
--> statement-breakpoint
drop function reserve_budgets(text, date, boolean, text[], text[], date[], numeric[], float8[]);
--> statement-breakpoint
drop function lock_budget_periods(text[], text[], date[]);
--> statement-breakpoint
-- An attempt as it is written; src/domain/usage/usage-rows.ts has the same order. `at` are milliseconds since 1970.
create type ledger_attempt as (
  workspace_id text, id text, at float8, api_key_id text, user_id text, request_id text, about_id text, provider text, model text,
  operation text, outcome text, error_code text, embeddings integer, llm_calls integer, vector_queries integer, cache_hits integer,
  input_tokens integer, output_tokens integer, cached_tokens integer, cost_usd numeric, latency_ms float8);
--> statement-breakpoint
-- What attempts add to a day by all dimensions.
create type ledger_day as (
  workspace_id text, day date, provider text, model text, operation text, api_key_id text, outcome text, requests bigint,
  embeddings bigint, llm_calls bigint, vector_queries bigint, cache_hits bigint, input_tokens bigint, output_tokens bigint,
  cached_tokens bigint, cost_usd numeric, unpriced bigint, latency_ms float8);
--> statement-breakpoint
-- Whoever writes attempts, holds or ends reservations, or changes periods, locks the workspaces first, in one order, and then has
-- all of that to himself: what is read after it stays as it is until the end of the transaction, and nothing else needs an order.
-- Others may go on to write what belongs to the workspace, and nobody deletes it. Returns how many there are.
create function lock_ledgers(workspace_ids text[]) returns integer
language plpgsql set role = signalbox_system set plan_cache_mode = force_generic_plan set enable_seqscan = off set jit = off as $$
declare
  found_count integer;
begin
  perform from workspaces where id = any(workspace_ids) order by id for no key update;
  get diagnostics found_count = row_count;
  return found_count;
end
$$;
--> statement-breakpoint
-- Whether amounts have room in the budgets of one workspace, first come, first served; those that have are held where
-- `hold` is true. Each is held in all periods of its subjects (the workspace and its key) that end after its day, or in none.
-- Answers HELD where all of them are, FREE where there is no budget for any, otherwise what became of each, in their order. Instead,
-- where something has to be done before: EXPIRED, there is no room and there are reservations whose time is over, to be swept;
-- UNKNOWN, the period of a budget that `today` is in has yet to be made: a call that has begun yesterday spends today, and a
-- server whose clock is ahead may have made the period of tomorrow alone.
-- A reservation that there is already is raised by the amount, and prolonged.
-- Where all are of `sole_day`, and no reservation is asked for twice, `subjects` has each subject once, with what is `added` to it.
create function reserve_budgets(
  workspace text, today date, hold boolean, ids text[], api_key_ids text[], days date[], amounts numeric[], ttls_ms float8[],
  sole_day date, subjects text[], added numeric[]
) returns json
language plpgsql set role = signalbox_system set plan_cache_mode = force_generic_plan set enable_seqscan = off set jit = off as $$
declare
  have_room boolean;
  budgeted text[];
  -- Of each period, or of a budget without one: sorted by budget.
  period_subjects text[]; windows text[]; starts date[]; ends date[]; limits numeric[]; useds numeric[]; reserveds numeric[];
  budgets integer[];
  addeds numeric[];
  wanted record;
  answers json[] := '{}';
  held_places bigint[] := '{}';
  has_refused boolean := false;
  relevant integer[];
  refused_by integer;
  budget_count integer;
  covered_count integer;
  last_budget integer;
  at_least numeric;
begin
  if hold then
    -- As `lock_ledgers` does.
    perform from workspaces where id = workspace for no key update;
    if sole_day is not null then
      -- Each budget has a period of today, and no other one that ends after the day: what has room together has room one after
      -- the other.
      select
        bool_and(p.starts_on is not null and p.starts_on <= today and p.ends_on > today
          and p.used_usd + p.reserved_usd + e.added <= b.limit_usd),
        array_agg(b.subject)
      into have_room, budgeted
      from unnest(subjects, added) as e (subject, added)
      join budgets b on b.workspace_id = workspace and b.subject = e.subject
      left join budget_periods p on p.workspace_id = workspace and p.subject = e.subject and p."window" = b."window"
        and p.ends_on > sole_day;
      if budgeted is null then return '"FREE"'; end if;
      have_room := have_room and ('' = any(budgeted) or api_key_ids <@ budgeted);
      if have_room then
        update budget_periods p set reserved_usd = p.reserved_usd + e.added
        from unnest(subjects, added) as e (subject, added)
        where p.workspace_id = workspace and p.subject = e.subject and p.ends_on > sole_day;
      end if;
    end if;
  end if;
  if have_room is not true then
    select
      array_agg(s.subject), array_agg(s."window"), array_agg(s.starts_on), array_agg(s.ends_on), array_agg(s.limit_usd),
      array_agg(s.used_usd), array_agg(s.reserved_usd), array_agg(s.budget), array_agg(0::numeric)
    into period_subjects, windows, starts, ends, limits, useds, reserveds, budgets, addeds
    from (
      select
        b.subject, b."window", p.starts_on, p.ends_on, b.limit_usd, p.used_usd, p.reserved_usd,
        dense_rank() over (order by b.subject, b."window")::integer as budget
      from budgets b left join budget_periods p on p.workspace_id = b.workspace_id and p.subject = b.subject
        and p."window" = b."window" and p.ends_on > (select min(day) from unnest(days) as day)
      where b.workspace_id = workspace and b.subject = any(api_key_ids || ''::text)
      order by budget, p.starts_on
    ) as s;
    for wanted in
      select * from unnest(ids, api_key_ids, days, amounts) with ordinality as e (id, api_key_id, day, amount_usd, place)
      order by e.place
    loop
      relevant := '{}';
      refused_by := null;
      budget_count := 0;
      covered_count := 0;
      last_budget := 0;
      for i in 1 .. coalesce(cardinality(budgets), 0) loop
        continue when period_subjects[i] <> '' and period_subjects[i] <> wanted.api_key_id;
        if i = 1 or budgets[i - 1] <> budgets[i] then budget_count := budget_count + 1; end if;
        continue when ends[i] is null or ends[i] <= wanted.day;
        if budgets[i] <> last_budget and starts[i] <= today and ends[i] > today then
          covered_count := covered_count + 1;
          last_budget := budgets[i];
        end if;
        relevant := relevant || i;
        -- Nothing more is nothing to refuse, however the limit was lowered since.
        if refused_by is null and wanted.amount_usd <> 0
          and useds[i] + reserveds[i] + addeds[i] + wanted.amount_usd > limits[i] then refused_by := i; end if;
      end loop;
      if budget_count = 0 then
        answers := answers || '{"kind":"free"}'::json;
      elsif covered_count < budget_count then
        return '"UNKNOWN"';
      elsif refused_by is not null then
        has_refused := true;
        at_least := useds[refused_by] + wanted.amount_usd;
        answers := answers || json_build_object(
          'kind', 'refused', 'mayFit', at_least <= limits[refused_by], 'subject', period_subjects[refused_by],
          'window', windows[refused_by], 'limitUsd', trim_scale(limits[refused_by])::text,
          'usedUsd', trim_scale(useds[refused_by])::text, 'reservedUsd', trim_scale(reserveds[refused_by])::text,
          'endsOn', ends[refused_by]);
      else
        for i in 1 .. cardinality(relevant) loop
          addeds[relevant[i]] := addeds[relevant[i]] + wanted.amount_usd;
        end loop;
        held_places := held_places || wanted.place;
        answers := answers || '{"kind":"held"}'::json;
      end if;
    end loop;
    if not hold then return array_to_json(answers); end if;
    if has_refused and exists (
      select from reservations r where r.workspace_id = workspace and r.expires_at < clock_timestamp()
    ) then
      return '"EXPIRED"';
    end if;
    if cardinality(held_places) = 0 then return array_to_json(answers); end if;
    update budget_periods p set reserved_usd = p.reserved_usd + e.added
    from unnest(period_subjects, windows, starts, addeds) as e (subject, "window", starts_on, added)
    where p.workspace_id = workspace and p.subject = e.subject and p."window" = e."window"
      and p.starts_on = e.starts_on and e.added <> 0;
    -- One that is raised twice at once is one row.
    select array_agg(e.id), array_agg(e.api_key_id), array_agg(e.day), array_agg(e.amount), array_agg(e.ttl_ms)
    into ids, api_key_ids, days, amounts, ttls_ms
    from (
      select e.id, e.api_key_id, e.day, sum(e.amount) as amount, max(e.ttl_ms) as ttl_ms
      from unnest(ids, api_key_ids, days, amounts, ttls_ms) with ordinality as e (id, api_key_id, day, amount, ttl_ms, place)
      where e.place = any(held_places)
      group by e.id, e.api_key_id, e.day
    ) as e;
  end if;
  insert into reservations as r (workspace_id, id, api_key_id, amount_usd, day, expires_at)
  select workspace, e.id, e.api_key_id, e.amount, e.day, clock_timestamp() + e.ttl_ms * interval '1 millisecond'
  from unnest(ids, api_key_ids, days, amounts, ttls_ms) as e (id, api_key_id, day, amount, ttl_ms)
  on conflict (workspace_id, id) do update set
    amount_usd = r.amount_usd + excluded.amount_usd, expires_at = greatest(r.expires_at, excluded.expires_at);
  return case when have_room then '"HELD"' else array_to_json(answers) end;
end
$$;
--> statement-breakpoint
-- Writes attempts of some workspaces with what they add to their days (`added`) and to the budgets of `subjects`. What was held for a call becomes what
-- it has cost; its last try ends its reservation (`settled`). All of it or nothing: where workspaces are gone it answers with them,
-- where an attempt is written already it fails with SBX01, and what is left is to be written without these. What few calls need is a
-- statement of its own, with an argument that is null for the others: `tries` that are not the last one, `cached` and `metered`.
create function record_usage(
  workspaces text[], subjects text[], attempts ledger_attempt[], added ledger_day[], oldest_at float8, settled_in text[], settled text[],
  tries json, cached json, metered json
) returns text[]
language plpgsql set role = signalbox_system set plan_cache_mode = force_generic_plan set enable_seqscan = off set jit = off as $$
declare
  rows_written integer;
begin
  -- As `lock_ledgers` does.
  perform from workspaces w where w.id = any(workspaces) order by w.id for no key update;
  get diagnostics rows_written = row_count;
  if rows_written < cardinality(workspaces) then
    return array(select id from unnest(workspaces) as id except select w.id from workspaces w where w.id = any(workspaces));
  end if;
  insert into usage_attempts (
    workspace_id, id, at, api_key_id, user_id, request_id, about_id, provider, model, operation, outcome, error_code,
    embeddings, llm_calls, vector_queries, cache_hits, input_tokens, output_tokens, cached_tokens, cost_usd, latency_ms)
  select
    workspace_id, id, to_timestamp(at / 1000), api_key_id, user_id, request_id, about_id, provider, model, operation, outcome,
    error_code, embeddings, llm_calls, vector_queries, cache_hits, input_tokens, output_tokens, cached_tokens, cost_usd, latency_ms
  from unnest(attempts)
  on conflict do nothing;
  get diagnostics rows_written = row_count;
  if rows_written < cardinality(attempts) then
    raise exception 'attempts are written already' using errcode = 'SBX01';
  end if;
  insert into usage_daily as d (
    workspace_id, day, provider, model, operation, api_key_id, outcome, requests, embeddings, llm_calls,
    vector_queries, cache_hits, input_tokens, output_tokens, cached_tokens, cost_usd, unpriced, latency_ms)
  select
    workspace_id, day, provider, model, operation, api_key_id, outcome, requests, embeddings, llm_calls,
    vector_queries, cache_hits, input_tokens, output_tokens, cached_tokens, cost_usd, unpriced, latency_ms
  from unnest(added)
  on conflict (workspace_id, day, provider, model, operation, api_key_id, outcome) do update set
    requests = d.requests + excluded.requests, embeddings = d.embeddings + excluded.embeddings,
    llm_calls = d.llm_calls + excluded.llm_calls, vector_queries = d.vector_queries + excluded.vector_queries,
    cache_hits = d.cache_hits + excluded.cache_hits, input_tokens = d.input_tokens + excluded.input_tokens,
    output_tokens = d.output_tokens + excluded.output_tokens,
    cached_tokens = d.cached_tokens + excluded.cached_tokens, cost_usd = d.cost_usd + excluded.cost_usd,
    unpriced = d.unpriced + excluded.unpriced, latency_ms = d.latency_ms + excluded.latency_ms;
  with ended as (
    -- Looked up one by one, however few there were when this was planned; nobody changes them, their workspaces are locked.
    delete from reservations r where r.ctid = any(array(
      select o.ctid from unnest(settled_in, settled) as e (workspace_id, id) cross join lateral (
        select ctid from reservations where workspace_id = e.workspace_id and id = e.id offset 0
      ) as o))
    returning r.workspace_id, r.api_key_id, r.day, r.amount_usd
  )
  update budget_periods p set
    used_usd = p.used_usd + (
      select coalesce(sum(d.cost_usd), 0) from unnest(added) as d
      where d.workspace_id = p.workspace_id and p.subject in ('', d.api_key_id) and p.starts_on <= d.day and p.ends_on > d.day),
    reserved_usd = p.reserved_usd - (
      select coalesce(sum(r.amount_usd), 0) from ended r
      where r.workspace_id = p.workspace_id and p.subject in ('', r.api_key_id) and p.ends_on > r.day)
  where p.workspace_id = any(workspaces) and p.subject = any(subjects)
    and p.ends_on > least((select min(r.day) from ended r), (to_timestamp(oldest_at / 1000) at time zone 'utc')::date);
  if to_timestamp(oldest_at / 1000) < date_trunc('hour', clock_timestamp() - interval '30 minutes', 'UTC') then
    -- Until the end no hour is sealed: what is not sealed yet will be, with these. What was sealed before was so without them.
    perform pg_advisory_xact_lock_shared(7391004514);
    perform add_usage_slices(e.workspace_id, min(to_timestamp(e.at / 1000)), s.sealed_before,
      array_agg(to_timestamp(e.at / 1000)), array_agg(e.id))
    from unnest(attempts) as e cross join usage_sealed s
    where to_timestamp(e.at / 1000) < s.sealed_before
    group by e.workspace_id, s.sealed_before order by e.workspace_id;
  end if;
  if tries is not null then
    with charged as (
      update reservations r set amount_usd = r.amount_usd - least(r.amount_usd, c.cost_usd)
      from (
        select e."workspaceId" as workspace_id, e."reservationId" as id, sum(e."costUsd") as cost_usd
        from json_to_recordset(tries) as e ("workspaceId" text, "reservationId" text, "costUsd" numeric)
        where e."costUsd" > 0
        group by 1, 2
      ) as c join reservations o on o.workspace_id = c.workspace_id and o.id = c.id
      where r.workspace_id = c.workspace_id and r.id = c.id
      returning r.workspace_id, r.api_key_id, r.day, o.amount_usd - r.amount_usd as amount_usd
    )
    update budget_periods p set reserved_usd = p.reserved_usd - c.freed_usd
    from (
      select p.workspace_id, p.subject, p."window", p.starts_on, sum(c.amount_usd) as freed_usd
      from charged c join budget_periods p on p.workspace_id = c.workspace_id and p.subject in ('', c.api_key_id)
        and p.ends_on > c.day
      group by 1, 2, 3, 4
    ) as c
    where p.workspace_id = c.workspace_id and p.subject = c.subject and p."window" = c."window"
      and p.starts_on = c.starts_on;
  end if;
  if cached is not null then
    insert into cache_days as c (workspace_id, kind, day, hits, misses, saved_usd)
    select
      e."workspaceId", e."cacheKind", (to_timestamp(e.at / 1000) at time zone 'utc')::date, sum(e."cacheHits"),
      sum(e."cacheMisses"), sum(e."savedUsd")
    from json_to_recordset(cached) as e (
      "workspaceId" text, at float8, "cacheKind" text, "cacheHits" integer, "cacheMisses" integer, "savedUsd" numeric)
    group by 1, 2, 3 order by 1, 2, 3
    on conflict (workspace_id, kind, day) do update set
      hits = c.hits + excluded.hits, misses = c.misses + excluded.misses, saved_usd = c.saved_usd + excluded.saved_usd;
  end if;
  if metered is not null then
    insert into meter_days as m (workspace_id, meter, day, used)
    select e."workspaceId", c.meter, (to_timestamp(e.at / 1000) at time zone 'utc')::date, sum(c.amount)
    from json_to_recordset(metered) as e (
      "workspaceId" text, at float8, embeddings integer, "llmCalls" integer, "vectorQueries" integer, metered boolean)
    cross join lateral (values
      ('EMBEDDINGS', case when e.metered then 0 else e.embeddings end),
      ('LLM_CALLS', case when e.metered then 0 else e."llmCalls" end),
      ('VECTOR_QUERIES', e."vectorQueries")
    ) as c (meter, amount)
    where c.amount > 0
    group by 1, 2, 3 order by 1, 2, 3
    on conflict (workspace_id, meter, day) do update set used = m.used + excluded.used;
  end if;
  return null;
end
$$;
--> statement-breakpoint
revoke execute on function lock_ledgers, reserve_budgets, record_usage from public;
--> statement-breakpoint
grant execute on function lock_ledgers, reserve_budgets, record_usage to signalbox_system;
