import type { PgBoss } from 'pg-boss';
import { TypeID } from 'typeid-js';
import type { WorkspaceScope } from '../db/workspace-scope.ts';
import { bossDatabaseInside } from './boss-database.ts';
import type { JobKind } from './define-job.ts';
import { DEAD_LETTER_QUEUE } from './policies.ts';

/** A job that was given up, as whoever looks into the queue finds it. */
export interface DeadLetter {
  jobId: string;
  kind: JobKind;
  error: string;
}

/** Puts jobs that were given up into the dead-letter queue, as part of the transaction of `scope`. */
export async function sendDeadLetters(
  boss: PgBoss,
  scope: WorkspaceScope,
  letters: readonly DeadLetter[],
): Promise<void> {
  if (letters.length === 0) return;
  const { workspaceId } = scope;
  const rows = letters.map(({ jobId, kind, error }) => ({
    id: letterId(jobId),
    data: { workspaceId, jobId, kind, error },
    group: { id: workspaceId },
  }));
  await boss.insert(DEAD_LETTER_QUEUE, rows, { db: bossDatabaseInside(scope) });
}

/** Takes jobs out of it again. */
export async function dropDeadLetters(boss: PgBoss, scope: WorkspaceScope, jobIds: readonly string[]): Promise<void> {
  if (jobIds.length === 0) return;
  await boss.deleteJob(DEAD_LETTER_QUEUE, jobIds.map(letterId), { db: bossDatabaseInside(scope) });
}

/** A job's letter has the UUID that the job's id is made of, so that there is one letter of a job. */
function letterId(jobId: string): string {
  return TypeID.fromString(jobId).toUUID();
}
