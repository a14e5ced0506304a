import type { Database } from '../../db/client.ts';
import { UnavailableError } from '../../shared/errors.ts';
import type { CredentialVault } from './credential-vault.ts';
import { lockSealedOtherwise, replaceSealed, type SealedCredentials } from './integration-store.ts';

const BATCH_ROWS = 200;

/** What was done to the credentials that were not under the current key. */
export interface RotationReport {
  /** Now under the current key. */
  rewrapped: number;
  /** Integrations whose credentials open with neither key; they are left as they are. */
  unopened: string[];
}

/**
 * Seals all credentials under the current key of the server. Each batch is a transaction of its own: what was done
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
  let after = { workspaceId: '', id: '' };
  for (;;) {
    const batch = await database.withSystem(async (scope) => {
      const rows = await lockSealedOtherwise(scope, vault.currentKeyId, after, batchRows);
      const rewrapped = rows.map((row) => ({ row, credentials: tryRewrap(vault, row) }));
      for (const { row, credentials } of rewrapped) {
        if (credentials !== null) await replaceSealed(scope, { ...row, credentials });
      }
      return rewrapped;
    });
    const last = batch.at(-1)?.row;
    if (last === undefined) return report;
    after = last;
    for (const { row, credentials } of batch) {
      if (credentials === null) report.unopened.push(row.id);
      else report.rewrapped += 1;
    }
    onBatch?.(report);
  }
}

function tryRewrap(vault: CredentialVault, sealed: SealedCredentials): Uint8Array | null {
  try {
    return vault.rewrap(sealed, sealed.credentials);
  } catch (error) {
    if (error instanceof UnavailableError) return null;
    throw error;
  }
}
