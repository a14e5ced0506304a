import type { Database } from '../../db/client.ts';
import type { SystemScope } from '../../db/workspace-scope.ts';
import { UnavailableError } from '../../shared/errors.ts';
import { lockWebhooksSealedOtherwise, replaceSealedWebhook, WEBHOOK_ID } from '../alerts/alert-webhook-store.ts';
import type { CredentialVault } from './credential-vault.ts';
import { lockSealedOtherwise, replaceSealed, type SealedCredentials } from './integration-store.ts';

const BATCH_ROWS = 200;

/** A table that holds something sealed. */
interface SealedPlace {
  lockNext: typeof lockSealedOtherwise;
  replace: typeof replaceSealed;
}

const SEALED_PLACES: readonly SealedPlace[] = [
  { lockNext: lockSealedOtherwise, replace: replaceSealed },
  { lockNext: lockWebhooksSealedOtherwise, replace: replaceSealedWebhook },
];

/** What was done to the credentials that were not under the current key. */
export interface RotationReport {
  /** Now under the current key. */
  rewrapped: number;
  /** Integrations whose credentials, and webhooks whose secrets, open with neither key; they are left as they are. */
  unopened: string[];
}

/**
 * Seals all credentials, and the secrets of webhooks, under the current key of the server. Each batch is a transaction of its own: what was done
 * before a crash stays done, and the next run takes up the rest. Servers may run meanwhile that have both keys.
 * @param onBatch told after each batch what was done so far
 */
export async function rewrapCredentials(
  database: Database,
  vault: CredentialVault,
  options: { batchRows?: number; onBatch?: (report: RotationReport) => void } = {},
): Promise<RotationReport> {
  const { batchRows = BATCH_ROWS, onBatch } = options;
  const report: RotationReport = { rewrapped: 0, unopened: [] };
  for (const place of SEALED_PLACES) {
    let after = { workspaceId: '', id: '' };
    for (;;) {
      const batch = await database.withSystem((scope) => rewrapBatch(scope, vault, place, after, batchRows));
      const last = batch.at(-1)?.row;
      if (last === undefined) break;
      after = last;
      for (const { row, credentials } of batch) {
        if (credentials === null) report.unopened.push(nameOf(row));
        else report.rewrapped += 1;
      }
      onBatch?.(report);
    }
  }
  return report;
}

async function rewrapBatch(
  scope: SystemScope,
  vault: CredentialVault,
  { lockNext, replace }: SealedPlace,
  after: Pick<SealedCredentials, 'workspaceId' | 'id'>,
  limit: number,
) {
  const rows = await lockNext(scope, vault.currentKeyId, after, limit);
  const rewrapped = rows.map((row) => ({ row, credentials: tryRewrap(vault, row) }));
  for (const { row, credentials } of rewrapped) {
    if (credentials !== null) await replace(scope, { ...row, credentials });
  }
  return rewrapped;
}

/** There is a webhook a workspace, all of one id. */
function nameOf({ workspaceId, id }: SealedCredentials): string {
  return id === WEBHOOK_ID ? `${id} of ${workspaceId}` : id;
}

function tryRewrap(vault: CredentialVault, sealed: SealedCredentials): Uint8Array | null {
  try {
    return vault.rewrap(sealed, sealed.credentials);
  } catch (error) {
    if (error instanceof UnavailableError) return null;
    throw error;
  }
}
