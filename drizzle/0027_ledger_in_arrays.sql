-- The ledger's steps take arrays for what they look at before they write, so that nothing is read from JSON twice, and only what few
-- calls need is a statement of its own. Never a sequential scan: a plan is made once a connection, also where the tables are nearly
-- empty, and has to hold when they are full of rows that are gone.
-- By expiry alone: a reservation is found by its key, and by nothing else that begins with its workspace, also where a plan was
-- made for a table that was empty.
drop index reservations_by_expiry;
--> statement-breakpoint
create index reservations_by_expiry on reservations using btree (expires_at);
--> statement-breakpoint
drop function lock_budget_periods(json);
--> statement-breakpoint
drop function reserve_budgets(json);
--> statement-breakpoint
drop function record_usage(json);
--> statement-breakpoint
-- Locks what everybody who changes periods locks, in one order: the workspaces against a deletion and against those who make
-- periods, then the periods of each subject that end after its day. What is read after it stays as it is until the end of the
-- transaction. Returns the workspaces that there are.
create function lock_budget_periods(workspace_ids text[], subjects text[], days date[]) returns text[]
language plpgsql set plan_cache_mode = force_generic_plan set enable_seqscan = off set jit = off as $$
declare
  found_ids text[];
begin
  select coalesce(array_agg(w.id), '{}') into found_ids
  from (select id from workspaces where id = any(workspace_ids) order by id for key share) as w;
  perform from unnest(workspace_ids, subjects, days) as e (workspace_id, subject, day)
  join budget_periods p on p.workspace_id = e.workspace_id and p.subject = e.subject and p.ends_on > e.day
  order by p.workspace_id, p.subject, p."window", p.starts_on for update of p;
  return found_ids;
end
$$;
--> statement-breakpoint
-- Whether amounts have room in the budgets of one workspace, first come, first served; those that have are held where
-- `hold` is true. Each is held in all periods of its subjects (the workspace and its key) that end after its day, or in none.
-- Answers HELD where all of them are, otherwise what became of each, in their order. Instead, where something has to be done
-- before: EXPIRED, there are reservations whose time is over, to be swept; UNKNOWN, the period of a budget that `today` is in
-- has yet to be made: a call that has begun yesterday spends today, and a server whose clock is ahead may have made the period
-- of tomorrow alone.
-- A reservation that there is already is raised by the amount, and prolonged.
create function reserve_budgets(
  workspace text, today date, hold boolean, ids text[], api_key_ids text[], days date[], amounts numeric[], ttls_ms float8[]
) returns json
language plpgsql set role = signalbox_system set plan_cache_mode = force_generic_plan set enable_seqscan = off set jit = off as $$
declare
  -- Of each period, or of a budget without one: sorted by budget.
  subjects text[]; windows text[]; starts date[]; ends date[]; limits numeric[]; useds numeric[]; reserveds numeric[];
  budgets integer[];
  addeds numeric[];
  wanted record;
  answers json[] := '{}';
  held_places bigint[] := '{}';
  relevant integer[];
  refused_by integer;
  budget_count integer;
  covered_count integer;
  last_budget integer;
  at_least numeric;
  has_expired boolean;
  have_room boolean;
begin
  if hold then
    -- As `lock_budget_periods` does, and reads what it has locked.
    perform from workspaces where id = workspace for key share;
    select
      array_agg(p.subject), array_agg(p."window"), array_agg(p.starts_on), array_agg(p.added), bool_and(p.has_room),
      count(*) filter (where p.is_today),
      (select count(*) from budgets b where b.workspace_id = workspace and b.subject = any(api_key_ids || ''::text)),
      exists (select from reservations r where r.workspace_id = workspace and r.expires_at < clock_timestamp())
    into subjects, windows, starts, addeds, have_room, covered_count, budget_count, has_expired
    from (
      select
        l.subject, l."window", l.starts_on, l.starts_on <= today and l.ends_on > today as is_today, e.added,
        l.used_usd + l.reserved_usd + e.added <= b.limit_usd as has_room
      from (
        select * from budget_periods p
        where p.workspace_id = workspace and p.subject = any(api_key_ids || ''::text)
          and p.ends_on > (select min(day) from unnest(days) as day)
        order by p.subject, p."window", p.starts_on for update
      ) as l
      join budgets b on b.workspace_id = workspace and b.subject = l.subject and b."window" = l."window"
      cross join lateral (
        select coalesce(sum(e.amount), 0) as added from unnest(api_key_ids, days, amounts) as e (api_key_id, day, amount)
        where l.subject in ('', e.api_key_id) and l.ends_on > e.day
      ) as e
    ) as p;
    if has_expired then return '"EXPIRED"'; end if;
    -- What has room together has room one after the other.
    if have_room and covered_count = budget_count and ('' = any(subjects) or api_key_ids <@ subjects) then
      answers := null;
    end if;
  end if;
  if answers is not null then
    select
      array_agg(s.subject), array_agg(s."window"), array_agg(s.starts_on), array_agg(s.ends_on), array_agg(s.limit_usd),
      array_agg(s.used_usd), array_agg(s.reserved_usd), array_agg(s.budget), array_agg(0::numeric)
    into subjects, windows, starts, ends, limits, useds, reserveds, budgets, addeds
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
        continue when subjects[i] <> '' and subjects[i] <> wanted.api_key_id;
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
        at_least := useds[refused_by] + wanted.amount_usd;
        answers := answers || json_build_object(
          'kind', 'refused', 'mayFit', at_least <= limits[refused_by], 'subject', subjects[refused_by],
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
  end if;
  if hold and (answers is null or cardinality(held_places) > 0) then
    -- One that is raised twice at once is one row.
    insert into reservations as r (workspace_id, id, api_key_id, amount_usd, day, expires_at)
    select workspace, e.id, e.api_key_id, sum(e.amount), e.day, clock_timestamp() + max(e.ttl_ms) * interval '1 millisecond'
    from unnest(ids, api_key_ids, days, amounts, ttls_ms) with ordinality as e (id, api_key_id, day, amount, ttl_ms, place)
    where answers is null or e.place = any(held_places)
    group by e.id, e.api_key_id, e.day
    on conflict (workspace_id, id) do update set
      amount_usd = r.amount_usd + excluded.amount_usd, expires_at = greatest(r.expires_at, excluded.expires_at);
    update budget_periods p set reserved_usd = p.reserved_usd + e.added
    from unnest(subjects, windows, starts, addeds) as e (subject, "window", starts_on, added)
    where p.workspace_id = workspace and p.subject = e.subject and p."window" = e."window"
      and p.starts_on = e.starts_on and e.added <> 0;
  end if;
  return case when answers is null then '"HELD"' else array_to_json(answers) end;
end
$$;
--> statement-breakpoint
-- Writes attempts with what they add to their days and budgets; those that are written already, or whose workspace is gone,
-- change nothing. What was held for a call becomes what it has cost; its last try ends its reservation. What few calls need is a
-- statement of its own, so that the others do not wait for it: tries that are not the last one, the caches' days, the meters, and
-- the sums of hours that are sealed already. `workspace_ids`, `subjects` and `days` tell whose periods they change, see
-- `lock_budget_periods`. Every upsert is sorted by its key: servers that add to the same rows wait for each other, never in a
-- circle.
create function record_usage(events json, workspace_ids text[], subjects text[], days date[]) returns void
language plpgsql set role = signalbox_system set plan_cache_mode = force_generic_plan set enable_seqscan = off set jit = off as $$
declare
  -- Held until the end, so that no workspace is deleted under its rows.
  found_ids text[] := lock_budget_periods(workspace_ids, subjects, days);
  inserted_ids text[];
  has_unsettled boolean;
  has_late boolean;
  has_cache boolean;
  has_meter boolean;
begin
  with incoming as (
    select * from json_to_recordset(events) as e (
      "workspaceId" text, id text, at float8, "apiKeyId" text, "userId" text, "requestId" text, "aboutId" text,
      provider text, model text, operation text, outcome text, "errorCode" text, embeddings integer,
      "llmCalls" integer, "vectorQueries" integer, "cacheHits" integer, "inputTokens" integer, "outputTokens" integer,
      "cachedTokens" integer, "costUsd" numeric, "latencyMs" float8, metered boolean, "cacheKind" text,
      "reservationId" text, settles boolean
    ) where "workspaceId" = any(found_ids)
  ), inserted as (
    insert into usage_attempts (
      workspace_id, id, at, api_key_id, user_id, request_id, about_id, provider, model, operation, outcome, error_code,
      embeddings, llm_calls, vector_queries, cache_hits, input_tokens, output_tokens, cached_tokens, cost_usd, latency_ms)
    select
      "workspaceId", id, to_timestamp(at / 1000), "apiKeyId", "userId", "requestId", "aboutId", provider, model, operation,
      outcome, "errorCode", embeddings, "llmCalls", "vectorQueries", "cacheHits", "inputTokens", "outputTokens",
      "cachedTokens", "costUsd", "latencyMs"
    from incoming order by "workspaceId", id
    on conflict do nothing
    returning *, (at at time zone 'utc')::date as day
  ), summed as (
    select
      workspace_id, day, provider, model, operation, coalesce(api_key_id, '') as api_key_id, outcome,
      count(*) filter (where operation <> 'vector_query') as requests, sum(embeddings) as embeddings,
      sum(llm_calls) as llm_calls, sum(vector_queries) as vector_queries, sum(cache_hits) as cache_hits,
      sum(input_tokens) as input_tokens, sum(output_tokens) as output_tokens, sum(cached_tokens) as cached_tokens,
      coalesce(sum(cost_usd), 0) as cost_usd,
      count(*) filter (where operation <> 'vector_query' and cost_usd is null) as unpriced, sum(latency_ms) as latency_ms
    from inserted group by 1, 2, 3, 4, 5, 6, 7
  ), daily as (
    insert into usage_daily as d (
      workspace_id, day, provider, model, operation, api_key_id, outcome, requests, embeddings, llm_calls,
      vector_queries, cache_hits, input_tokens, output_tokens, cached_tokens, cost_usd, unpriced, latency_ms)
    select
      workspace_id, day, provider, model, operation, api_key_id, outcome, requests, embeddings, llm_calls,
      vector_queries, cache_hits, input_tokens, output_tokens, cached_tokens, cost_usd, unpriced, latency_ms
    from summed order by 1, 2, 3, 4, 5, 6, 7
    on conflict (workspace_id, day, provider, model, operation, api_key_id, outcome) do update set
      requests = d.requests + excluded.requests, embeddings = d.embeddings + excluded.embeddings,
      llm_calls = d.llm_calls + excluded.llm_calls, vector_queries = d.vector_queries + excluded.vector_queries,
      cache_hits = d.cache_hits + excluded.cache_hits, input_tokens = d.input_tokens + excluded.input_tokens,
      output_tokens = d.output_tokens + excluded.output_tokens,
      cached_tokens = d.cached_tokens + excluded.cached_tokens, cost_usd = d.cost_usd + excluded.cost_usd,
      unpriced = d.unpriced + excluded.unpriced, latency_ms = d.latency_ms + excluded.latency_ms
  ), ended as (
    -- Looked up one by one, however few there were when this was planned; nobody changes them, their periods are locked.
    delete from reservations r where r.ctid = any(array(
      select o.ctid from incoming e cross join lateral (
        select ctid from reservations where workspace_id = e."workspaceId" and id = e."reservationId" offset 0
      ) as o where e.settles))
    returning r.workspace_id, r.api_key_id, r.day, r.amount_usd
  ), budgeted as (
    update budget_periods p set used_usd = p.used_usd + c.used_usd, reserved_usd = p.reserved_usd - c.freed_usd
    from (
      select p.workspace_id, p.subject, p."window", p.starts_on, sum(c.used_usd) as used_usd, sum(c.freed_usd) as freed_usd
      from (
        select workspace_id, api_key_id, day as spent_on, day, cost_usd as used_usd, 0 as freed_usd
        from summed where cost_usd > 0
        union all select workspace_id, api_key_id, null, day, 0, sum(amount_usd) from ended group by 1, 2, 4
      ) as c
      join budget_periods p on p.workspace_id = c.workspace_id and p.subject in ('', c.api_key_id)
        and p.ends_on > c.day and (c.spent_on is null or p.starts_on <= c.spent_on)
      group by 1, 2, 3, 4
    ) as c
    where p.workspace_id = c.workspace_id and p.subject = c.subject and p."window" = c."window"
      and p.starts_on = c.starts_on
  )
  select
    coalesce((select array_agg(id) from inserted), '{}'),
    bool_or(e."reservationId" is not null and not coalesce(e.settles, false)),
    bool_or(to_timestamp(e.at / 1000) < date_trunc('hour', clock_timestamp() - interval '30 minutes', 'UTC')),
    bool_or(e."cacheKind" is not null), bool_or(not coalesce(e.metered, false) or e."vectorQueries" > 0)
  into inserted_ids, has_unsettled, has_late, has_cache, has_meter
  from incoming e;
  if has_unsettled then
    with charged as (
      update reservations r set amount_usd = r.amount_usd - least(r.amount_usd, c.cost_usd)
      from (
        select e."workspaceId" as workspace_id, e."reservationId" as id, sum(e."costUsd") as cost_usd
        from json_to_recordset(events) as e (
          "workspaceId" text, id text, "reservationId" text, "costUsd" numeric)
        where e."costUsd" > 0 and e.id = any(inserted_ids)
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
  if has_late then
    -- Until the end no hour is sealed: what is not sealed yet will be, with these. What was sealed before was so without them.
    perform pg_advisory_xact_lock_shared(7391004514);
    perform add_usage_slices(e."workspaceId", min(to_timestamp(e.at / 1000)), s.sealed_before,
      array_agg(to_timestamp(e.at / 1000)), array_agg(e.id))
    from json_to_recordset(events) as e ("workspaceId" text, id text, at float8) cross join usage_sealed s
    where e.id = any(inserted_ids) and to_timestamp(e.at / 1000) < s.sealed_before
    group by e."workspaceId", s.sealed_before order by e."workspaceId";
  end if;
  if has_cache then
    insert into cache_days as c (workspace_id, kind, day, hits, misses, saved_usd)
    select
      e."workspaceId", e."cacheKind", (to_timestamp(e.at / 1000) at time zone 'utc')::date, sum(e."cacheHits"),
      sum(e."cacheMisses"), sum(e."savedUsd")
    from json_to_recordset(events) as e (
      "workspaceId" text, id text, at float8, "cacheKind" text, "cacheHits" integer, "cacheMisses" integer, "savedUsd" numeric)
    where e."cacheKind" is not null and e.id = any(inserted_ids)
    group by 1, 2, 3 order by 1, 2, 3
    on conflict (workspace_id, kind, day) do update set
      hits = c.hits + excluded.hits, misses = c.misses + excluded.misses, saved_usd = c.saved_usd + excluded.saved_usd;
  end if;
  if has_meter then
    insert into meter_days as m (workspace_id, meter, day, used)
    select e."workspaceId", c.meter, (to_timestamp(e.at / 1000) at time zone 'utc')::date, sum(c.amount)
    from json_to_recordset(events) as e (
      "workspaceId" text, id text, at float8, embeddings integer, "llmCalls" integer, "vectorQueries" integer, metered boolean)
    cross join lateral (values
      ('EMBEDDINGS', case when e.metered then 0 else e.embeddings end),
      ('LLM_CALLS', case when e.metered then 0 else e."llmCalls" end),
      ('VECTOR_QUERIES', e."vectorQueries")
    ) as c (meter, amount)
    where c.amount > 0 and e.id = any(inserted_ids)
    group by 1, 2, 3 order by 1, 2, 3
    on conflict (workspace_id, meter, day) do update set used = m.used + excluded.used;
  end if;
end
$$;
--> statement-breakpoint
revoke execute on function lock_budget_periods, reserve_budgets, record_usage from public;
--> statement-breakpoint
grant execute on function lock_budget_periods, reserve_budgets, record_usage to signalbox_system;
