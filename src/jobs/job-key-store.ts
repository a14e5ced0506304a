import type { SystemScope, WorkspaceScope } from '../db/workspace-scope.ts';
import type { JobKind } from './define-job.ts';

/**
 * Takes an idempotency key for a job. Where another transaction is about to take it too, waits for that one's end.
 * @returns the job that holds the key: this one, or the one that has taken it within the last 24 hours
 */
export async function holdJobKey(
  { sql, workspaceId }: WorkspaceScope,
  { kind, key, jobId }: { kind: JobKind; key: string; jobId: string },
): Promise<string> {
  const taken = await sql`
    insert into job_keys as held (workspace_id, kind, key, job_id) values (${workspaceId}, ${kind}, ${key}, ${jobId})
    on conflict (workspace_id, kind, key) do update set job_id = excluded.job_id, created_at = now()
    where held.created_at <= now() - interval '24 hours'
    returning job_id`;
  if (taken.length > 0) return jobId;
  const [held] = await sql<{ jobId: string }[]>`
    select job_id from job_keys where workspace_id = ${workspaceId} and kind = ${kind} and key = ${key}`;
  if (held === undefined) throw new Error(`the idempotency key of a ${kind} job was dropped while it was looked at`);
  return held.jobId;
}

/** Drops keys that are over their time; at most `limit` at once. Returns how many went. */
export async function dropExpiredJobKeys({ sql }: SystemScope, limit: number): Promise<number> {
  const dropped = await sql`
    delete from job_keys where (workspace_id, kind, key) in (
      select workspace_id, kind, key from job_keys where created_at < now() - interval '25 hours' limit ${limit}
    )`;
  return dropped.count;
}
