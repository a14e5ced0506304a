import type { SystemScope, WorkspaceScope } from '../../db/workspace-scope.ts';
import type { SealedCredentials } from '../integrations/integration-store.ts';

/** The workspace's webhook as it is sealed; null where there is none. */
export async function readWebhook(scope: WorkspaceScope): Promise<Uint8Array | null> {
  const rows = await scope.sql<{ sealed: Uint8Array }[]>`
    select sealed from alert_webhooks where workspace_id = ${scope.workspaceId}`;
  return rows[0]?.sealed ?? null;
}

/** In place of the one there is. */
export async function writeWebhook(scope: WorkspaceScope, sealed: Uint8Array): Promise<void> {
  await scope.sql`
    insert into alert_webhooks (workspace_id, sealed) values (${scope.workspaceId}, ${sealed}::bytea)
    on conflict (workspace_id) do update set sealed = excluded.sealed, set_at = now()`;
}

export async function deleteWebhook(scope: WorkspaceScope): Promise<void> {
  await scope.sql`delete from alert_webhooks where workspace_id = ${scope.workspaceId}`;
}

/** What the vault knows a workspace's webhook by, in place of the id of an integration. */
export const WEBHOOK_ID = 'alert-webhook';

/** The next webhooks of any workspace that are sealed under another key than this one, locked, in one order. */
export async function lockWebhooksSealedOtherwise(
  scope: SystemScope,
  keyId: Uint8Array,
  after: Pick<SealedCredentials, 'workspaceId'>,
  limit: number,
): Promise<SealedCredentials[]> {
  return await scope.sql<SealedCredentials[]>`
    select workspace_id, ${WEBHOOK_ID} as id, sealed as credentials from alert_webhooks
    where workspace_id > ${after.workspaceId} and substring(sealed from 2 for ${keyId.length}::int) <> ${keyId}::bytea
    order by workspace_id limit ${limit} for update`;
}

export async function replaceSealedWebhook(scope: SystemScope, sealed: SealedCredentials): Promise<void> {
  await scope.sql`
    update alert_webhooks set sealed = ${sealed.credentials}::bytea where workspace_id = ${sealed.workspaceId}`;
}
