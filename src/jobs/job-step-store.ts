import type { WorkspaceScope } from '../db/workspace-scope.ts';
import type { JsonValue } from '../shared/json.ts';
import { type Attempt, isCurrent } from './job-store.ts';

/** Where a checkpoint is kept: no step can have an empty name. */
export const CHECKPOINT = '';

/** Null: the step has not been finished. */
export async function findStep(
  { sql, workspaceId }: WorkspaceScope,
  jobId: string,
  name: string,
): Promise<{ result: JsonValue } | null> {
  const [step] = await sql<{ result: JsonValue }[]>`
    select result from job_steps where workspace_id = ${workspaceId} and job_id = ${jobId} and name = ${name}`;
  return step ?? null;
}

/**
 * Keeps what a step came to.
 * @returns whether the attempt is still the current one; where it is not, nothing is kept
 */
export async function keepStep(
  scope: WorkspaceScope,
  attempt: Attempt,
  name: string,
  result: JsonValue,
): Promise<boolean> {
  const { sql, workspaceId } = scope;
  // The lock keeps the job from being handed to another worker between the look and the write.
  const kept = await sql`
    insert into job_steps (workspace_id, job_id, name, result)
    select ${workspaceId}, id, ${name}, ${sql.json(result)} from jobs where ${isCurrent(scope, attempt)} for share`;
  return kept.count > 0;
}

/**
 * Keeps what a job goes on from, in place of what was kept before under that name.
 * @returns whether the attempt is still the current one; where it is not, nothing is kept
 */
export async function replaceStep(
  scope: WorkspaceScope,
  attempt: Attempt,
  name: string,
  result: JsonValue,
): Promise<boolean> {
  const { sql, workspaceId } = scope;
  const current = await sql`select id from jobs where ${isCurrent(scope, attempt)} for share`;
  if (current.length === 0) return false;
  await sql`delete from job_steps where workspace_id = ${workspaceId} and job_id = ${attempt.jobId} and name = ${name}`;
  return keepStep(scope, attempt, name, result);
}

/** To be called where a job is completed: nothing goes on from its steps any more. */
export async function dropSteps({ sql, workspaceId }: WorkspaceScope, jobIds: readonly string[]): Promise<void> {
  await sql`delete from job_steps where workspace_id = ${workspaceId} and job_id = any(${[...jobIds]}::text[])`;
}
