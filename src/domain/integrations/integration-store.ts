import type { SystemScope, WorkspaceScope } from '../../db/workspace-scope.ts';
import type { StoredIntegration, WorkspaceSettings } from './integration.ts';
import { NOTHING_CHOSEN } from './integration-directory.ts';

type IntegrationRow = Omit<StoredIntegration, 'hasCredentials'>;

/** What `updateIntegration` may change; credentials that are left out stay as they are. */
export type IntegrationChange = Pick<StoredIntegration, 'name' | 'config' | 'fallbackId' | 'isActive'> & {
  credentials?: Uint8Array | null;
};

/** All of the workspace, the oldest first. */
export async function listIntegrations(scope: WorkspaceScope): Promise<StoredIntegration[]> {
  const rows = await scope.sql<IntegrationRow[]>`
    select ${columns(scope)} from integrations where workspace_id = ${scope.workspaceId} order by id`;
  return rows.map(fromRow);
}

/** Those that there are of some, in no order. */
export async function findIntegrations(scope: WorkspaceScope, ids: readonly string[]): Promise<StoredIntegration[]> {
  const rows = await scope.sql<IntegrationRow[]>`
    select ${columns(scope)} from integrations where workspace_id = ${scope.workspaceId} and id = any(${[...ids]}::text[])`;
  return rows.map(fromRow);
}

/**
 * Until the end of the transaction nobody else changes the integrations or the settings of the workspace: fallbacks,
 * names and choices refer to each other. Sent together with what is sent next.
 */
export function lockProviders(scope: WorkspaceScope): Promise<unknown> {
  return scope.sql`
    select pg_advisory_xact_lock(hashtextextended(${`providers ${scope.workspaceId}`}, 0))`.then((rows) => rows);
}

/** @throws a violation of the index `integrations_name` where the name is taken */
export async function insertIntegration(
  scope: WorkspaceScope,
  made: Pick<StoredIntegration, 'id' | 'pluginId'> & Required<IntegrationChange>,
): Promise<StoredIntegration> {
  const rows = await scope.sql<IntegrationRow[]>`
    insert into integrations (workspace_id, id, name, plugin_id, config, credentials, fallback_id, is_active)
    values (
      ${scope.workspaceId}, ${made.id}, ${made.name}, ${made.pluginId}, ${scope.sql.json(made.config as never)},
      ${made.credentials}, ${made.fallbackId}, ${made.isActive})
    returning ${columns(scope)}`;
  return fromRow(rows[0] as IntegrationRow);
}

/** @throws a violation of the index `integrations_name` where the name is taken */
export async function updateIntegration(
  scope: WorkspaceScope,
  id: string,
  change: IntegrationChange,
): Promise<StoredIntegration> {
  const rows = await scope.sql<IntegrationRow[]>`
    update integrations set
      name = ${change.name}, config = ${scope.sql.json(change.config as never)},
      fallback_id = ${change.fallbackId}, is_active = ${change.isActive},
      credentials = case when ${change.credentials !== undefined}::boolean
        then ${change.credentials ?? null}::bytea else credentials end,
      updated_at = greatest(clock_timestamp(), updated_at + interval '1 millisecond')
    where workspace_id = ${scope.workspaceId} and id = ${id}
    returning ${columns(scope)}`;
  return fromRow(rows[0] as IntegrationRow);
}

export async function deleteIntegration(scope: WorkspaceScope, id: string): Promise<void> {
  await scope.sql`delete from integrations where workspace_id = ${scope.workspaceId} and id = ${id}`;
}

export async function readSettings(scope: WorkspaceScope): Promise<WorkspaceSettings> {
  const rows = await scope.sql<WorkspaceSettings[]>`
    select preferences, policies, models, answer_epoch, embedding_epoch from workspace_settings
    where workspace_id = ${scope.workspaceId}`;
  return rows[0] ?? NOTHING_CHOSEN;
}

/** Everything but the epochs of the caches, which are raised for themselves alone. */
export async function writeSettings(
  scope: WorkspaceScope,
  settings: Omit<WorkspaceSettings, 'answerEpoch' | 'embeddingEpoch'>,
): Promise<void> {
  const { preferences, policies, models } = settings;
  await scope.sql`
    insert into workspace_settings (workspace_id, preferences, policies, models)
    values (
      ${scope.workspaceId}, ${scope.sql.json(preferences as never)}, ${scope.sql.json(policies as never)},
      ${scope.sql.json(models as never)})
    on conflict (workspace_id) do update set
      preferences = excluded.preferences, policies = excluded.policies, models = excluded.models, updated_at = now()`;
}

/** Makes what the workspace's caches hold void on every server, as soon as it reads the settings again. */
export async function raiseCacheEpochs(
  scope: WorkspaceScope,
  which: { answers: boolean; embeddings: boolean },
): Promise<void> {
  await scope.sql`
    insert into workspace_settings as s (workspace_id, preferences, policies, models, answer_epoch, embedding_epoch)
    values (${scope.workspaceId}, '{}', '{}', '{}', ${which.answers ? 1 : 0}, ${which.embeddings ? 1 : 0})
    on conflict (workspace_id) do update set
      answer_epoch = s.answer_epoch + excluded.answer_epoch,
      embedding_epoch = s.embedding_epoch + excluded.embedding_epoch`;
}

/** What the ledger says that some providers have cost the workspace, by their names; exact decimals. */
export async function readProviderCosts(
  scope: WorkspaceScope,
  providers: readonly string[],
): Promise<Map<string, string>> {
  const rows = await scope.sql<{ provider: string; costUsd: string }[]>`
    select provider, trim_scale(sum(cost_usd))::text as cost_usd from usage_daily
    where workspace_id = ${scope.workspaceId} and provider = any(${[...providers]}::text[]) group by provider`;
  return new Map(rows.map(({ provider, costUsd }) => [provider, costUsd]));
}

/** Sealed credentials of any workspace. */
export interface SealedCredentials {
  workspaceId: string;
  id: string;
  credentials: Uint8Array;
}

/** The next of those that are sealed under another key than this one, locked, in one order. */
export async function lockSealedOtherwise(
  scope: SystemScope,
  keyId: Uint8Array,
  after: Pick<SealedCredentials, 'workspaceId' | 'id'>,
  limit: number,
): Promise<SealedCredentials[]> {
  return await scope.sql<SealedCredentials[]>`
    select workspace_id, id, credentials from integrations
    where credentials is not null and (workspace_id, id) > (${after.workspaceId}, ${after.id})
      and substring(credentials from 2 for ${keyId.length}::int) <> ${keyId}::bytea
    order by workspace_id, id limit ${limit} for update`;
}

export async function replaceSealed(scope: SystemScope, sealed: SealedCredentials): Promise<void> {
  await scope.sql`
    update integrations set credentials = ${sealed.credentials}::bytea
    where workspace_id = ${sealed.workspaceId} and id = ${sealed.id}`;
}

function columns(scope: WorkspaceScope) {
  return scope.sql`
    id, workspace_id, name, plugin_id, config, credentials, fallback_id, is_active, created_at, updated_at`;
}

function fromRow(row: IntegrationRow): StoredIntegration {
  return { ...row, hasCredentials: row.credentials !== null };
}
