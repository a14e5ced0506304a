import type { WorkspaceScope } from '../db/workspace-scope.ts';

/** Rung when jobs were cancelled that a worker may be at. */
export const CANCELLATIONS_TOPIC = 'job-cancellations';

/** Rung at each event of a job. */
export function jobTopic(workspaceId: string, jobId: string): string {
  return `job:${workspaceId}:${jobId}`;
}

/** Rung at each event of any job of a workspace. */
export function jobsTopic(workspaceId: string): string {
  return `jobs:${workspaceId}`;
}

/**
 * Tells those who follow jobs that these have a new event, once this transaction is committed. The events themselves are
 * written by triggers on `jobs`, whichever statement changes it. Of a change that does not call this, followers hear a
 * few seconds late.
 */
export function ringJobs(scope: WorkspaceScope, jobIds: Iterable<string>): void {
  let hasAny = false;
  for (const jobId of jobIds) {
    scope.ring(jobTopic(scope.workspaceId, jobId));
    hasAny = true;
  }
  if (hasAny) scope.ring(jobsTopic(scope.workspaceId));
}
