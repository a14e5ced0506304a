import type { SystemScope, WorkspaceScope } from '../../db/workspace-scope.ts';
import type { JsonObject, JsonValue } from '../../shared/json.ts';
import type { AgentRun, RunCause, RunStep } from './agent-run.ts';
import type { AgentType } from './agent-type.ts';
import type { RunSpending } from './run-budget.ts';

/** Of this process's clock and the database's: a try is never older than this before the run was asked for. */
const CLOCK_LEEWAY_MINUTES = 60;

/** As the database keeps it, which is mostly compressed. */
const SMALL_INPUT_BYTES = 16_384;

export interface NewRun {
  id: string;
  agentId: string;
  type: AgentType;
  cause: RunCause;
  /** Null: it is a run of its own. */
  idempotencyKey: string | null;
  input: JsonObject;
  configuration: JsonObject;
  apiKeyId: string | null;
  userId: string | null;
}

/**
 * Writes a run whose job is still to be told (`setJob`), unless the agent has one of that key.
 * @returns the id of the run of that key
 */
export async function insertRun({ sql, workspaceId }: WorkspaceScope, run: NewRun): Promise<string> {
  const [inserted] = await sql<{ id: string }[]>`
    insert into agent_runs (workspace_id, id, agent_id, job_id, type, cause, idempotency_key, status, input,
      configuration, api_key_id, user_id)
    values (${workspaceId}, ${run.id}, ${run.agentId}, ${run.id}, ${run.type}, ${run.cause}, ${run.idempotencyKey}, 'QUEUED',
      ${sql.json(run.input)}, ${sql.json(run.configuration)}, ${run.apiKeyId}, ${run.userId})
    on conflict (workspace_id, agent_id, idempotency_key) where idempotency_key is not null do nothing
    returning id`;
  if (inserted !== undefined) return inserted.id;
  const [known] = await sql<{ id: string }[]>`
    select id from agent_runs
    where workspace_id = ${workspaceId} and agent_id = ${run.agentId} and idempotency_key = ${run.idempotencyKey}`;
  if (known === undefined) throw new Error('a run was neither written nor there before');
  return known.id;
}

/** Says which job does a run, and that its agent was asked for one. */
export async function setJob(
  { sql, workspaceId }: WorkspaceScope,
  run: Pick<NewRun, 'id' | 'agentId'>,
  jobId: string,
): Promise<void> {
  await sql`
    update agent_runs set job_id = ${jobId} where workspace_id = ${workspaceId} and id = ${run.id}`;
  await sql`update agents set last_run_at = now() where workspace_id = ${workspaceId} and id = ${run.agentId}`;
}

/** In no order; those that are not there are left out. */
export async function findRuns(scope: WorkspaceScope, ids: readonly string[]): Promise<AgentRun[]> {
  const rows = await scope.sql<RunRow[]>`
    select ${runColumns(scope)} from ${runsWithSpending(scope)}
    where run.workspace_id = ${scope.workspaceId} and run.id = any(${[...ids]}::text[])`;
  return rows.map(toRun);
}

/** A page of each agent, newest first. */
export async function listRunsOfAgents(
  scope: WorkspaceScope,
  agentIds: readonly string[],
  page: { limit: number; after: string | null },
): Promise<AgentRun[]> {
  const { sql, workspaceId } = scope;
  const behind = page.after === null ? sql`true` : sql`id < ${page.after}`;
  const rows = await sql<RunRow[]>`
    select ${runColumns(scope)} from unnest(${[...agentIds]}::text[]) as wanted (agent_id)
    cross join lateral (
      select * from agent_runs
      where workspace_id = ${workspaceId} and agent_id = wanted.agent_id and ${behind}
      order by id desc limit ${page.limit}
    ) run
    left join lateral (${spendingOf(scope)}) spent on run.cost_usd is null
    order by run.id desc`;
  return rows.map(toRun);
}

/** Inputs that are small, by run, and the ids of the runs whose are large: those may have megabytes each. */
export async function smallInputsOfRuns({ sql, workspaceId }: WorkspaceScope, ids: readonly string[]) {
  const rows = await sql<{ id: string; input: JsonObject | null }[]>`
    select id, case when pg_column_size(input) <= ${SMALL_INPUT_BYTES} then input end as input
    from agent_runs where workspace_id = ${workspaceId} and id = any(${[...ids]}::text[]) order by id desc`;
  const small = new Map(rows.flatMap(({ id, input }) => (input === null ? [] : [[id, input] as const])));
  return { small, largeIds: rows.filter(({ input }) => input === null).map(({ id }) => id) };
}

/** What a run was asked for, as JSON text; null where it is gone. */
export async function inputOfRun({ sql, workspaceId }: WorkspaceScope, id: string): Promise<string | null> {
  const [row] = await sql<{ input: string }[]>`
    select input::text as input from agent_runs where workspace_id = ${workspaceId} and id = ${id}`;
  return row?.input ?? null;
}

/** The run that an agent was asked for with a key; null where there is none. */
export async function runOfKey(scope: WorkspaceScope, agentId: string, key: string): Promise<AgentRun | null> {
  const [row] = await scope.sql<RunRow[]>`
    select ${runColumns(scope)} from ${runsWithSpending(scope)}
    where run.workspace_id = ${scope.workspaceId} and run.agent_id = ${agentId} and run.idempotency_key = ${key}`;
  return row === undefined ? null : toRun(row);
}

/** The steps of runs, in the order in which they were begun; up to `limit` of each. */
export async function stepsOfRuns(
  { sql, workspaceId }: WorkspaceScope,
  runIds: readonly string[],
  limit: number,
): Promise<RunStep[]> {
  return await sql<RunStep[]>`
    select step.run_id, step.name, step.status, step.attempts, step.duration_ms, step.error
    from unnest(${[...runIds]}::text[]) as wanted (run_id) cross join lateral (
      select * from agent_run_steps
      where workspace_id = ${workspaceId} and run_id = wanted.run_id order by position, name limit ${limit}
    ) step
    order by step.run_id, step.position, step.name`;
}

/**
 * What steps of runs came to, in the order of the runs, newest first, and of the steps.
 * @param maxBytes of all together, as the database keeps them, which is mostly compressed: the output of those beyond is null
 */
export async function outputsOfSteps(
  { sql, workspaceId }: WorkspaceScope,
  runIds: readonly string[],
  maxBytes: number,
): Promise<{ runId: string; name: string; output: JsonValue; isLeftOut: boolean }[]> {
  return await sql<{ runId: string; name: string; output: JsonValue; isLeftOut: boolean }[]>`
    select run_id, name, case when bytes <= ${maxBytes} then output end as output, bytes > ${maxBytes} as is_left_out
    from (
      select *, sum(pg_column_size(output)) over (order by run_id desc, position, name) as bytes from agent_run_steps
      where workspace_id = ${workspaceId} and run_id = any(${[...runIds]}::text[]) and output is not null
    ) kept`;
}

/** What an attempt has to know of its run; null where the run is gone. */
export async function findRunToDo(
  { sql, workspaceId }: WorkspaceScope,
  id: string,
): Promise<
  (Pick<NewRun, 'agentId' | 'type' | 'input' | 'configuration'> & { agentName: string; createdAt: Date }) | null
> {
  const [run] = await sql<
    (Pick<NewRun, 'agentId' | 'type' | 'input' | 'configuration'> & { agentName: string; createdAt: Date })[]
  >`
    select run.agent_id, run.type, run.input, run.configuration, run.created_at, agents.name as agent_name
    from agent_runs run join agents on agents.workspace_id = run.workspace_id and agents.id = run.agent_id
    where run.workspace_id = ${workspaceId} and run.id = ${id}`;
  return run ?? null;
}

/** What the ledger has of a run. */
export async function readSpending(scope: WorkspaceScope, runId: string): Promise<RunSpending> {
  const [spending] = await scope.sql<RunSpending[]>`
    select spent.* from agent_runs run cross join lateral (${spendingOf(scope)}) spent
    where run.workspace_id = ${scope.workspaceId} and run.id = ${runId}`;
  return spending ?? { apiCalls: 0, tokensUsed: 0, costUsd: '0' };
}

/** What finished steps of a run came to, by name. */
export async function finishedSteps(
  { sql, workspaceId }: WorkspaceScope,
  runId: string,
): Promise<Map<string, JsonValue>> {
  const rows = await sql<{ name: string; output: JsonValue }[]>`
    select name, output from agent_run_steps
    where workspace_id = ${workspaceId} and run_id = ${runId} and status = 'COMPLETED'`;
  return new Map(rows.map(({ name, output }) => [name, output]));
}

export async function beginStep(
  scope: WorkspaceScope,
  runId: string,
  step: { name: string; position: number },
): Promise<void> {
  const { sql, workspaceId } = scope;
  await sql`
    insert into agent_run_steps as step (workspace_id, run_id, name, position, status, attempts)
    values (${workspaceId}, ${runId}, ${step.name}, ${step.position}, 'RUNNING', 1)
    on conflict (workspace_id, run_id, name) do update set
      status = 'RUNNING', attempts = step.attempts + 1, error = null, started_at = now(), finished_at = null`;
  await raiseRevision(scope, runId);
}

/** @param end `output` where it was done, else `error` */
export async function endStep(
  scope: WorkspaceScope,
  runId: string,
  name: string,
  end: { durationMs: number } & ({ output: JsonValue } | { error: string }),
): Promise<void> {
  const { sql, workspaceId } = scope;
  const isDone = 'output' in end;
  await sql`
    update agent_run_steps set status = ${isDone ? 'COMPLETED' : 'FAILED'}, duration_ms = ${end.durationMs},
      output = ${isDone ? JSON.stringify(end.output) : null}::text::json, error = ${isDone ? null : end.error}, finished_at = now()
    where workspace_id = ${workspaceId} and run_id = ${runId} and name = ${name}`;
  await raiseRevision(scope, runId);
}

export async function keepOutput(scope: WorkspaceScope, runId: string, output: JsonObject): Promise<void> {
  await scope.sql`
    update agent_runs set output = ${JSON.stringify(output)}::text::json
    where workspace_id = ${scope.workspaceId} and id = ${runId}`;
  await raiseRevision(scope, runId);
}

/**
 * Has what the ledger says of runs stay when the ledger's rows go. Of runs that ended so long ago, unless they are put back
 * meanwhile; at most `limit`.
 */
export async function settleRuns(scope: SystemScope, minutes: number, limit: number): Promise<number> {
  const settled = await scope.sql`
    update agent_runs as settled set
      api_calls = spent.api_calls, tokens_used = spent.tokens_used, cost_usd = spent.cost_usd::numeric
    from (
      select * from agent_runs
      where cost_usd is null and finished_at < now() - make_interval(mins => ${minutes}) limit ${limit}
    ) run cross join lateral (${spendingOf(scope)}) spent
    where settled.workspace_id = run.workspace_id and settled.id = run.id and settled.cost_usd is null
      and settled.finished_at = run.finished_at`;
  return settled.count;
}

/** Ends runs whose job is over or gone without them, which no statement of this product can leave. */
export async function endOrphanedRuns({ sql }: SystemScope, limit: number): Promise<number> {
  const ended = await sql`
    update agent_runs as orphan set
      status = case job.status when 'COMPLETED' then 'COMPLETED' when 'CANCELLED' then 'CANCELLED' else 'FAILED' end,
      error = case when job.status in ('COMPLETED', 'CANCELLED') then null
        else coalesce(job.error, 'the job that was to do it is gone') end,
      finished_at = coalesce(job.finished_at, now()), revision = orphan.revision + 1
    from (
      select run.workspace_id, run.id, jobs.status, jobs.error, jobs.finished_at from agent_runs run
      left join jobs on jobs.workspace_id = run.workspace_id and jobs.id = run.job_id
      where run.finished_at is null and (jobs.id is null or jobs.status in ('COMPLETED', 'FAILED', 'CANCELLED', 'DEAD'))
      limit ${limit}
    ) job
    where orphan.workspace_id = job.workspace_id and orphan.id = job.id and orphan.finished_at is null`;
  return ended.count;
}

/** Drops runs that ended so many days ago, with their steps; at most `limit` at once. Returns how many went. */
export async function dropOldRuns({ sql }: SystemScope, days: number, limit: number): Promise<number> {
  const dropped = await sql`
    delete from agent_runs where (workspace_id, id) in (
      select workspace_id, id from agent_runs
      where finished_at < now() - make_interval(days => ${days}) limit ${limit})`;
  return dropped.count;
}

async function raiseRevision({ sql, workspaceId }: WorkspaceScope, runId: string): Promise<void> {
  await sql`update agent_runs set revision = revision + 1 where workspace_id = ${workspaceId} and id = ${runId}`;
}

type RunRow = Omit<AgentRun, 'metrics'> & AgentRun['metrics'];

function toRun(row: RunRow): AgentRun {
  const { durationMs, itemsProcessed, apiCalls, tokensUsed, costUsd, ...run } = row;
  return { ...run, metrics: { durationMs, itemsProcessed, apiCalls, tokensUsed, costUsd } };
}

function runColumns({ sql }: WorkspaceScope) {
  return sql`run.id, run.agent_id, run.job_id, run.type, run.cause, run.status, run.output, run.error,
    run.items_processed, run.items_total, run.revision, run.created_at, run.started_at, run.finished_at,
    coalesce(extract(epoch from coalesce(run.finished_at, now()) - run.started_at) * 1000, 0)::float8 as duration_ms,
    coalesce(run.api_calls, spent.api_calls) as api_calls, coalesce(run.tokens_used, spent.tokens_used) as tokens_used,
    coalesce(trim_scale(run.cost_usd)::text, spent.cost_usd) as cost_usd`;
}

/** The ledger is asked of runs that are not settled alone. */
function runsWithSpending(scope: WorkspaceScope) {
  return scope.sql`agent_runs run left join lateral (${spendingOf(scope)}) spent on run.cost_usd is null`;
}

/** Of `run`. What is compared first is what the index holds. */
function spendingOf({ sql }: WorkspaceScope | SystemScope) {
  return sql`
    select count(*) filter (where u.outcome <> 'CACHED' and u.operation <> 'vector_query')::int as api_calls,
      least(coalesce(sum(u.input_tokens + u.output_tokens), 0), 2147483647)::int as tokens_used,
      trim_scale(coalesce(sum(u.cost_usd), 0))::text as cost_usd
    from usage_attempts u
    where left(u.about_id, 4) = 'run_' and u.workspace_id = run.workspace_id and u.about_id = run.id
      and u.at > run.created_at - make_interval(mins => ${CLOCK_LEEWAY_MINUTES})`;
}
