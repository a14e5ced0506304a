do $$
declare
  tenant_table text;
begin
  foreach tenant_table in array array['integrations', 'workspace_settings'] loop
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
-- To seal credentials again under a new key of the server, and to tell which plugins are in use.
grant select on integrations to signalbox_system;
--> statement-breakpoint
grant update (credentials) on integrations to signalbox_system;
--> statement-breakpoint
grant select, insert, update, delete on provider_plugins to signalbox_system;
--> statement-breakpoint
alter table provider_plugins add constraint provider_plugins_source_kind check (source_kind in ('package', 'path', 'url'));
