-- A call that is over may keep its reservation for the next one of its workspace and key, and an attempt is written without being looked for
-- first, nor its workspace, which is locked.
-- In the order in which the servers that run meanwhile take them.
lock table workspaces, usage_attempts in access exclusive mode;
--> statement-breakpoint
ALTER TABLE "usage_attempts" DROP CONSTRAINT "usage_attempts_workspace_id_workspaces_id_fk";
--> statement-breakpoint
grant delete on usage_attempts to signalbox_system;
--> statement-breakpoint
-- In place of the foreign key: whoever writes attempts holds the row of their workspace, and its deletion waits for them.
create function drop_usage_attempts() returns trigger language plpgsql as $$
begin
  delete from public.usage_attempts where workspace_id = old.id;
  return null;
end
$$;
--> statement-breakpoint
create trigger drop_usage_attempts after delete on workspaces for each row execute function drop_usage_attempts();
--> statement-breakpoint
ALTER TABLE "budget_periods" ADD COLUMN "short_at" timestamp with time zone;
--> statement-breakpoint
-- Whether amounts have room in the budgets of one workspace, first come, first served; those that have are held where
-- `hold` is true. Each is held in all periods of its subjects (the workspace and its key) that end after its day, or in none.
-- Answers HELD where all of them are, FREE where there is no budget for any, otherwise what became of each, in their order. Instead,
-- where something has to be done before: EXPIRED, there is no room and there are reservations whose time is over, to be swept;
-- UNKNOWN, the period of a budget that `today` is in has yet to be made: a call that has begun yesterday spends today, and a
-- server whose clock is ahead may have made the period of tomorrow alone.
-- A reservation that there is already is raised by the amount, and prolonged.
-- Where all are of `sole_day`, and no reservation is asked for twice, `subjects` has each subject once, with what is `added` to it.
create or replace function reserve_budgets(
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
  short_periods integer[] := '{}';
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
        if at_least <= limits[refused_by] then short_periods := short_periods || refused_by; end if;
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
    if cardinality(short_periods) > 0 then
      -- What calls that are over keep is free again soon, on every server: see `record_usage`.
      update budget_periods p set short_at = clock_timestamp()
      from unnest(period_subjects, windows, starts) with ordinality as e (subject, "window", starts_on, place)
      where e.place = any(short_periods) and p.workspace_id = workspace and p.subject = e.subject and p."window" = e."window"
        and p.starts_on = e.starts_on
        and (p.short_at is null or p.short_at < clock_timestamp() - interval '1 second');
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
drop function record_usage(text[], text[], ledger_attempt[], ledger_day[], float8, text[], text[], json, json, json);
--> statement-breakpoint
-- Writes attempts of some workspaces with what they add to their days (`added`) and to the budgets of `subjects`. What was held for a call becomes what
-- it has cost; its last try ends its reservation (`settled`), or keeps it for a next call (`kept`) where the budgets of its workspace have room for
-- both and none of them was short a moment ago. Answers with the workspaces whose reservations were not kept but ended, null where there are none.
-- All of it or nothing: where an attempt is written already it fails with 23505, where a workspace is gone with SBX02, and what
-- is left is to be written without these. What few calls need is a statement of its own, with an argument that is null for the
-- others: `tries` that are not the last one, `cached` and `metered`.
create function record_usage(
  workspaces text[], subjects text[], attempts ledger_attempt[], added ledger_day[], oldest_at float8, settled_in text[], settled text[],
  kept_in text[], kept text[], tries json, cached json, metered json
) returns text[]
language plpgsql set role = signalbox_system set plan_cache_mode = force_generic_plan set enable_seqscan = off set jit = off as $$
declare
  rows_locked integer;
  -- Of whom a budget is short, or was a moment ago.
  short text[];
  unkept text[];
begin
  -- As `lock_ledgers` does.
  perform from workspaces w where w.id = any(workspaces) order by w.id for no key update;
  get diagnostics rows_locked = row_count;
  if rows_locked < cardinality(workspaces) then
    raise exception 'workspaces are gone' using errcode = 'SBX02';
  end if;
  insert into usage_attempts (
    workspace_id, id, at, api_key_id, user_id, request_id, about_id, provider, model, operation, outcome, error_code,
    embeddings, llm_calls, vector_queries, cache_hits, input_tokens, output_tokens, cached_tokens, cost_usd, latency_ms)
  select
    workspace_id, id, to_timestamp(at / 1000), api_key_id, user_id, request_id, about_id, provider, model, operation, outcome,
    error_code, embeddings, llm_calls, vector_queries, cache_hits, input_tokens, output_tokens, cached_tokens, cost_usd, latency_ms
  from unnest(attempts);
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
  loop
    with ended as (
      -- Looked up one by one, however few there were when this was planned; nobody changes them, their workspaces are locked.
      delete from reservations r where r.ctid = any(array(
        select o.ctid from unnest(settled_in, settled) as e (workspace_id, id) cross join lateral (
          select ctid from reservations where workspace_id = e.workspace_id and id = e.id offset 0
        ) as o))
      returning r.workspace_id, r.api_key_id, r.day, r.amount_usd
    ), changed as (
      update budget_periods p set
        used_usd = p.used_usd + (
          select coalesce(sum(d.cost_usd), 0) from unnest(added) as d
          where d.workspace_id = p.workspace_id and p.subject in ('', d.api_key_id) and p.starts_on <= d.day and p.ends_on > d.day),
        reserved_usd = p.reserved_usd - (
          select coalesce(sum(r.amount_usd), 0) from ended r
          where r.workspace_id = p.workspace_id and p.subject in ('', r.api_key_id) and p.ends_on > r.day)
      where p.workspace_id = any(workspaces) and p.subject = any(subjects)
        and p.ends_on > least((select min(r.day) from ended r), (to_timestamp(oldest_at / 1000) at time zone 'utc')::date)
      returning p.workspace_id, p.subject, p."window", p.used_usd + p.reserved_usd as taken_usd, p.short_at
    )
    select array_agg(distinct c.workspace_id) into short
    from changed c join budgets b on b.workspace_id = c.workspace_id and b.subject = c.subject and b."window" = c."window"
    where cardinality(kept) > 0
      and (c.taken_usd > b.limit_usd or c.short_at > clock_timestamp() - interval '10 seconds');
    exit when short is null;
    -- Once more, for these: nothing is used, and what they would have kept ends.
    unkept := short;
    select array_agg(e.workspace_id), array_agg(e.id) into settled_in, settled
    from unnest(kept_in, kept) as e (workspace_id, id) where e.workspace_id = any(short);
    kept := '{}';
    added := '{}';
  end loop;
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
      "workspaceId" text, at float8, embeddings integer, "llmCalls" integer, "vectorQueries" integer, images integer,
      "audioSeconds" numeric, metered boolean)
    cross join lateral (values
      ('EMBEDDINGS', case when e.metered then 0 else e.embeddings end),
      ('LLM_CALLS', case when e.metered then 0 else e."llmCalls" end),
      ('VECTOR_QUERIES', e."vectorQueries"),
      ('IMAGES', e.images),
      ('AUDIO_MICROSECONDS', round(e."audioSeconds" * 1000000))
    ) as c (meter, amount)
    where c.amount > 0
    group by 1, 2, 3 order by 1, 2, 3
    on conflict (workspace_id, meter, day) do update set used = m.used + excluded.used;
  end if;
  return unkept;
end
$$;
--> statement-breakpoint
revoke execute on function record_usage from public;
--> statement-breakpoint
grant execute on function record_usage to signalbox_system;
