import type { SystemScope, WorkspaceScope } from '../db/workspace-scope.ts';
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
    insert into job_steps (workspace_id, job_id, name, result, claim)
    select ${workspaceId}, id, ${name}, ${sql.json(result)}, claim from jobs where ${isCurrent(scope, attempt)} for share`;
  return kept.count > 0;
}

/** Whether the attempt is still the current one; if so, no other one begins before the end of the transaction. */
export async function holdAttempt(scope: WorkspaceScope, attempt: Attempt): Promise<boolean> {
  const current = await scope.sql`select id from jobs where ${isCurrent(scope, attempt)} for share`;
  return current.length > 0;
}

/**
 * Keeps what a job goes on from, in place of what was kept before under that name. What is the same is left as it is: a
 * checkpoint that says nothing new is no progress.
 * @returns whether the attempt is still the current one; where it is not, nothing is kept
 */
export async function replaceStep(
  scope: WorkspaceScope,
  attempt: Attempt,
  name: string,
  result: JsonValue,
): Promise<boolean> {
  const { sql, workspaceId } = scope;
  if (!(await holdAttempt(scope, attempt))) return false;
  await sql`
    delete from job_steps where workspace_id = ${workspaceId} and job_id = ${attempt.jobId} and name = ${name}
      and result is distinct from ${sql.json(result)}::jsonb`;
  await sql`
    insert into job_steps (workspace_id, job_id, name, result, claim)
    values (${workspaceId}, ${attempt.jobId}, ${name}, ${sql.json(result)}, ${attempt.claim}) on conflict do nothing`;
  return true;
}

/**
 * Whether the attempt under way of a row of `jobs` has finished a step, or come to another checkpoint. Cut off after that,
 * it does not count: a job of many steps outlives any number of processes, and one that kills its process at the same
 * place each time does not.
 */
export function hasProgressed({ sql }: Pick<SystemScope, 'sql'>) {
  return sql`exists (
    select from job_steps s
    where s.workspace_id = jobs.workspace_id and s.job_id = jobs.id and s.claim = jobs.claim)`;
}

/** To be called where a job is completed: nothing goes on from its steps any more. */
export async function dropSteps({ sql, workspaceId }: WorkspaceScope, jobIds: readonly string[]): Promise<void> {
  await sql`delete from job_steps where workspace_id = ${workspaceId} and job_id = any(${[...jobIds]}::text[])`;
}
