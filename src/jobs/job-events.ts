import type { WorkspaceScope, WorkspaceStatement } from '../db/workspace-scope.ts';

/** Rung when jobs were cancelled that a worker may be at. */
export const CANCELLATIONS_TOPIC = 'job-cancellations';

/** Characters at the end of an id that are random. */
const RANDOM_CHARACTERS = 8;

/**
 * Rung at each event of a job. By the end of its id alone, so that the rings of hundreds of jobs go to the other servers in
 * one message; where two jobs have the same one, a follower looks once too often.
 */
export function jobTopic(jobId: string): string {
  return `job:${jobId.slice(-RANDOM_CHARACTERS)}`;
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
export function ringJobs(scope: WorkspaceScope | WorkspaceStatement, jobIds: Iterable<string>): void {
  let hasAny = false;
  for (const jobId of jobIds) {
    scope.ring(jobTopic(jobId));
    hasAny = true;
  }
  if (hasAny) scope.ring(jobsTopic(scope.workspaceId));
}
