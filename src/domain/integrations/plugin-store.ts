import type { SystemScope } from '../../db/workspace-scope.ts';
import type { PluginSource } from '../../plugins/plugin-source.ts';

/** A plugin that was registered at run time, as every server is to have it. */
export interface StoredPlugin {
  id: string;
  sourceKind: PluginSource['kind'];
  source: string;
  version: string;
  /** Another one after each registration. */
  revision: string;
}

export async function listPlugins(scope: SystemScope): Promise<StoredPlugin[]> {
  return await scope.sql<StoredPlugin[]>`
    select id, source_kind, source, version, registered_at::text as revision from provider_plugins order by id`;
}

/** @returns null where the id is another source's */
export async function upsertPlugin(
  scope: SystemScope,
  plugin: { id: string; source: PluginSource; version: string },
): Promise<StoredPlugin | null> {
  const rows = await scope.sql<StoredPlugin[]>`
    insert into provider_plugins (id, source_kind, source, version, registered_at)
    values (${plugin.id}, ${plugin.source.kind}, ${plugin.source.value}, ${plugin.version}, clock_timestamp())
    on conflict (id) do update set version = excluded.version, registered_at = excluded.registered_at
      where provider_plugins.source_kind = excluded.source_kind and provider_plugins.source = excluded.source
    returning id, source_kind, source, version, registered_at::text as revision`;
  return rows[0] ?? null;
}

export async function deletePlugin(scope: SystemScope, id: string): Promise<boolean> {
  const deleted = await scope.sql`delete from provider_plugins where id = ${id} returning id`;
  return deleted.length > 0;
}

/** How many integrations of all workspaces are made from the plugin. */
export async function countIntegrationsOf(scope: SystemScope, pluginId: string): Promise<number> {
  const rows = await scope.sql<{ count: number }[]>`
    select count(*)::int as count from integrations where plugin_id = ${pluginId}`;
  return rows[0]?.count ?? 0;
}
