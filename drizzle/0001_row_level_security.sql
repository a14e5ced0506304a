-- Two roles do all the work (db/migrate.ts makes them): signalbox_app sees the rows of one workspace, named by the
-- setting app.workspace_id of its transaction; signalbox_system sees what work across workspaces needs, and no more.

alter table chunks alter column embedding set storage plain;
--> statement-breakpoint
create index documents_lexemes on documents using gin (workspace_id, lexemes) with (fastupdate = off);
--> statement-breakpoint
create index documents_metadata on documents using gin (workspace_id, metadata jsonb_path_ops) with (fastupdate = off);
--> statement-breakpoint
alter table workspaces add constraint workspaces_tier check (tier in ('FREE', 'PRO', 'ENTERPRISE'));
--> statement-breakpoint
alter table api_keys add constraint api_keys_role check (role in ('OWNER', 'ADMIN', 'MEMBER', 'VIEWER'));
--> statement-breakpoint
alter table documents add constraint documents_embedding_status
  check (embedding_status in ('MISSING', 'STALE', 'READY', 'FAILED'));
--> statement-breakpoint
do $$
declare
  tenant_table text;
begin
  foreach tenant_table in array array[
    'api_keys', 'idempotency_keys', 'collections', 'documents', 'chunks', 'embedding_cache', 'taxonomies',
    'taxonomy_revisions', 'classifications', 'jobs', 'usage_attempts', 'usage_daily', 'meter_days'
  ] loop
    execute format('alter table %I enable row level security', tenant_table);
    execute format('alter table %I force row level security', tenant_table);
    execute format(
      'create policy one_workspace on %I to signalbox_app '
      'using (workspace_id = (select current_setting(''app.workspace_id'', true))) '
      'with check (workspace_id = (select current_setting(''app.workspace_id'', true)))',
      tenant_table
    );
    execute format('create policy every_workspace on %I to signalbox_system using (true) with check (true)', tenant_table);
    execute format('grant select, insert, update, delete on %I to signalbox_app', tenant_table);
  end loop;
end
$$;
--> statement-breakpoint
alter table workspaces enable row level security;
--> statement-breakpoint
alter table workspaces force row level security;
--> statement-breakpoint
create policy one_workspace on workspaces to signalbox_app
  using (id = (select current_setting('app.workspace_id', true)));
--> statement-breakpoint
create policy every_workspace on workspaces to signalbox_system using (true) with check (true);
--> statement-breakpoint
grant select on workspaces to signalbox_app;
--> statement-breakpoint
grant select, insert, update, delete on workspaces, api_keys to signalbox_system;
--> statement-breakpoint
grant select, insert, update on usage_attempts, usage_daily, meter_days to signalbox_system;
--> statement-breakpoint
grant delete on usage_attempts to signalbox_system;
--> statement-breakpoint
grant select, delete on embedding_cache, idempotency_keys to signalbox_system;
--> statement-breakpoint
grant select, update, delete on jobs to signalbox_system;
--> statement-breakpoint
grant select on documents, chunks to signalbox_system;
--> statement-breakpoint
-- Under row-level security a condition may use an index only where its operator is marked leakproof, which @@ and @>
-- are not (and only a superuser could mark them). These functions run as signalbox_system, for which the policy is
-- no condition, and take the workspace from the setting themselves: there is no parameter to name another one.
create function lexical_candidates(lexemes text[], weights float8[], candidates tsquery)
returns table (document_id text, score float8)
language sql stable security definer set search_path = public, pg_temp as $$
  with term as materialized (
    select ('''' || replace(replace(u.lexeme, '\', '\\'), '''', '''''') || '''')::tsquery as query, u.weight
    from unnest(lexical_candidates.lexemes, lexical_candidates.weights) as u (lexeme, weight)
  )
  select
    d.id,
    (select sum(term.weight * ts_rank('{1,1,1,1}', d.lexemes, term.query)) from term) / (1 + ln(length(d.lexemes)))
  from documents d
  where d.workspace_id = current_setting('app.workspace_id', true) and d.lexemes @@ lexical_candidates.candidates
$$;
--> statement-breakpoint
-- In how many documents a lexeme stands: counted up to 1,000, beyond that by its share in the newest 1,000.
create function document_frequencies(lexemes text[], documents float8)
returns table (lexeme text, frequency float8)
language sql stable security definer set search_path = public, pg_temp as $$
  with term as materialized (
    select u.lexeme, ('''' || replace(replace(u.lexeme, '\', '\\'), '''', '''''') || '''')::tsquery as query
    from unnest(document_frequencies.lexemes) as u (lexeme)
  ),
  newest as materialized (
    select d.lexemes from documents d
    where d.workspace_id = current_setting('app.workspace_id', true) order by d.id desc limit 1000
  )
  select
    term.lexeme,
    case
      when counted.n < 1000 then counted.n
      else greatest(1000, document_frequencies.documents * (
        select avg((newest.lexemes @@ term.query)::int) from newest
      ))
    end
  from term
  cross join lateral (
    select count(*) as n from (
      select 1 from documents d
      where d.workspace_id = current_setting('app.workspace_id', true) and d.lexemes @@ term.query
      limit 1000
    ) matching
  ) counted
$$;
--> statement-breakpoint
create function documents_with_metadata(wanted jsonb)
returns setof text
language sql stable security definer set search_path = public, pg_temp as $$
  select d.id from documents d
  where d.workspace_id = current_setting('app.workspace_id', true) and d.metadata @> wanted
$$;
--> statement-breakpoint
do $$
begin
  execute format('grant create on schema %I to signalbox_system', current_schema());
  alter function lexical_candidates owner to signalbox_system;
  alter function document_frequencies owner to signalbox_system;
  alter function documents_with_metadata owner to signalbox_system;
  execute format('revoke create on schema %I from signalbox_system', current_schema());
end
$$;
--> statement-breakpoint
revoke execute on function lexical_candidates, document_frequencies, documents_with_metadata from public;
--> statement-breakpoint
grant execute on function lexical_candidates, document_frequencies, documents_with_metadata to signalbox_app;
