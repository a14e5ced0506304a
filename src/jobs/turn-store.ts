import type { PendingQuery, Row } from 'postgres';
import type { SystemScope, WorkspaceReads, WorkspaceScope } from '../db/workspace-scope.ts';
import type { JsonObject } from '../shared/json.ts';
import type { JobKind } from './define-job.ts';
import { ringJobs } from './job-events.ts';
import { CHECKPOINT, hasProgressed } from './job-step-store.ts';
import { type Attempt, CUT_OFF, historyWith, type JobStatus } from './job-store.ts';
import type { QueueName } from './policies.ts';

/** A job that was handed to this turn. */
export interface StartedJob extends Attempt {
  kind: JobKind;
  payload: unknown;
}

export interface Picked {
  started: StartedJob[];
  /** Those whose attempts are used up, the last one by a process that died. */
  dead: { jobId: string; kind: JobKind; error: string }[];
}

/** Workspaces and queues that one look of the keeper finds. */
const LANES_MAX = 1_000;

/** Which turn jobs are handed to. */
export interface TurnIdentity {
  id: string;
  queue: QueueName;
}

/**
 * Hands jobs of a workspace to a turn: first what the turn's own worker died over, then what is due, by priority and
 * age. Attempts are counted before they are made, so that one that kills its process is counted too, unless it has got on
 * before. A job that has a checkpoint goes on from there, and so does its progress.
 */
export function pickJobs(scope: WorkspaceScope, turn: TurnIdentity, limit: number): Promise<Picked> {
  const { sql, workspaceId } = scope;
  const cut = sql`
    select ctid as place, id, priority, ${hasProgressed(scope)} as has_progressed from jobs
    where workspace_id = ${workspaceId} and boss_id = ${turn.id} and status = 'RUNNING'
    for update`;
  return handOver(scope, turn, limit, { cut, goesOn: sql`true` });
}

/**
 * Hands further jobs to a turn that is being worked, in place of those that are over: none once another workspace stands
 * in line, or another worker holds the turn.
 * @param retryCount times that the turn was handed out before it was to this worker
 */
export function pickMoreJobs(
  scope: WorkspaceScope,
  turn: TurnIdentity & { retryCount: number },
  limit: number,
): Promise<Picked> {
  const { sql } = scope;
  const none = sql`select '(0,0)'::tid as place, ''::text as id, 0 as priority, false as has_progressed where false`;
  const goesOn = sql`turn_goes_on(${turn.queue}, ${turn.id}, ${turn.retryCount})`;
  return handOver(scope, turn, limit, { cut: none, goesOn });
}

type Fragment = PendingQuery<Row[]>;

/**
 * @param from.cut jobs that were cut off in this turn
 * @param from.goesOn whether any others are taken
 */
async function handOver(
  scope: WorkspaceScope,
  turn: TurnIdentity,
  limit: number,
  from: { cut: Fragment; goesOn: Fragment },
): Promise<Picked> {
  const { sql, workspaceId } = scope;
  const isGivenBack = sql`jobs.id = any(given_back.ids)`;
  const isStarted = sql`(attempt < max_attempts or ${isGivenBack})`;
  const beginsAnew = sql`${isStarted} and not (${goesOnFromCheckpoint(scope)})`;
  // By their places in the table, where they stay as long as they are locked: by their ids each would be looked up again.
  const rows = await sql<(StartedJob & { status: JobStatus; error: string })[]>`
    with line as materialized (
      select ${from.goesOn} as goes_on
    ), cut as (
      ${from.cut}
    ), given_back as (
      select array(select id from cut where has_progressed) as ids
    ), ${waitingJobs(scope, turn.queue, limit, sql`true`)}, chosen as (
      select place from cut
      union all
      select place from waiting
    )
    update jobs set
      status = case when ${isStarted} then 'RUNNING' else 'DEAD' end,
      error = case when ${isStarted} then error else ${CUT_OFF} end,
      finished_at = case when ${isStarted} then null else now() end,
      started_at = case when ${isStarted} then now() else started_at end,
      done = case when ${beginsAnew} then 0 else done end,
      failed = case when ${beginsAnew} then 0 else failed end,
      total = case when ${beginsAnew} then null else total end,
      rate_per_second = case when ${isStarted} then null else rate_per_second end,
      history = case when status <> 'RUNNING' or ${isGivenBack} then history
        else ${historyWith(scope, sql`${CUT_OFF}::text`)} end,
      attempt = case when ${isGivenBack} then attempt else least(attempt + 1, max_attempts) end,
      claim = claim + 1,
      boss_id = ${turn.id},
      next_attempt_at = null
    from given_back
    where jobs.workspace_id = ${workspaceId} and jobs.ctid = any(array(select place from chosen))
    returning jobs.id as job_id, kind, payload, status, attempt, max_attempts, claim, error`;
  ringJobs(
    scope,
    rows.map(({ jobId }) => jobId),
  );
  return {
    started: rows.filter(({ status }) => status === 'RUNNING'),
    dead: rows.filter(({ status }) => status === 'DEAD'),
  };
}

/**
 * Locks the jobs that a turn would take next, by priority and age, and leaves out what others have locked: as `waiting`, and
 * where `line` says that the turn goes on.
 */
export function waitingJobs(
  { sql, workspaceId }: Pick<WorkspaceReads, 'sql' | 'workspaceId'>,
  queueName: QueueName,
  limit: number,
  isWanted: Fragment,
): Fragment {
  const queue = queueName.toUpperCase();
  return sql`due as (
      select ctid as place, id, priority from jobs
      where queue = ${queue} and workspace_id = ${workspaceId} and status = 'RETRYING' and next_attempt_at <= now()
        and (select goes_on from line) and ${isWanted}
      order by next_attempt_at limit ${limit} for update skip locked
    ), fresh as (
      select ctid as place, id, priority from jobs
      where queue = ${queue} and workspace_id = ${workspaceId} and status = 'QUEUED'
        and (select goes_on from line) and ${isWanted}
      order by priority desc, id limit ${limit} for update skip locked
    ), waiting as (
      select place, id from (select * from due union all select * from fresh) found
      order by priority desc, id limit ${limit}
    )`;
}

/** Of a job's row that is about to be started. */
export function goesOnFromCheckpoint({ sql }: Pick<WorkspaceReads, 'sql'>): Fragment {
  return sql`jobs.started_at is not null and exists (
    select from job_steps s where s.workspace_id = jobs.workspace_id and s.job_id = jobs.id and s.name = ${CHECKPOINT})`;
}

/** Whether more jobs of the workspace could be started at once. */
export async function hasMore({ sql, workspaceId }: WorkspaceScope, queueName: QueueName): Promise<boolean> {
  const queue = queueName.toUpperCase();
  const [row] = await sql<{ more: boolean }[]>`
    select exists (select 1 from jobs where queue = ${queue} and workspace_id = ${workspaceId} and status = 'QUEUED')
      or exists (
        select 1 from jobs where queue = ${queue} and workspace_id = ${workspaceId} and status = 'RETRYING'
          and next_attempt_at <= now()
      ) as more`;
  return row?.more ?? false;
}

/**
 * Workspaces that have jobs to be started in a queue, and no turn of their own that waits there. It hops from one workspace to the
 * next, however many jobs each of them has.
 * @returns null: another process looks at this moment
 */
export async function lanesWithoutTurn({
  sql,
}: SystemScope): Promise<{ workspaceId: string; queue: Uppercase<QueueName> }[] | null> {
  const [lock] = await sql<{ held: boolean }[]>`select pg_try_advisory_xact_lock(${KEEPER_LOCK}) as held`;
  if (!lock?.held) return null;
  return await sql<{ workspaceId: string; queue: Uppercase<QueueName> }[]>`
    with recursive queued as (
      (select queue, workspace_id from jobs where status = 'QUEUED' order by queue, workspace_id limit 1)
      union all
      select next.queue, next.workspace_id from queued last cross join lateral (
        select queue, workspace_id from jobs
        where status = 'QUEUED' and (queue, workspace_id) > (last.queue, last.workspace_id)
        order by queue, workspace_id limit 1
      ) next
    ), retrying as (
      (select queue, workspace_id from jobs where status = 'RETRYING' order by queue, workspace_id limit 1)
      union all
      select next.queue, next.workspace_id from retrying last cross join lateral (
        select queue, workspace_id from jobs
        where status = 'RETRYING' and (queue, workspace_id) > (last.queue, last.workspace_id)
        order by queue, workspace_id limit 1
      ) next
    ), lanes as (
      select queue, workspace_id from queued
      union
      select queue, workspace_id from retrying where exists (
        select 1 from jobs where jobs.queue = retrying.queue and jobs.workspace_id = retrying.workspace_id
          and status = 'RETRYING' and next_attempt_at <= now()
      )
    )
    select queue, workspace_id from lanes where not exists (
      select 1 from pgboss.job turn where turn.name = lower(lanes.queue) and turn.state < 'active' and not turn.blocked
        and turn.group_id = lanes.workspace_id and turn.priority > 0
    )
    limit ${LANES_MAX}`;
}

/**
 * Has jobs that wait for a worker wait for something else instead, as one of their kind has found that they would.
 * @param alike what their payloads have
 * @param limit some are left to find out for themselves, should it not be so for all
 */
export async function delayAlike(
  { sql, workspaceId }: WorkspaceScope,
  jobs: { queue: QueueName; kind: JobKind; alike: JsonObject; delayMs: number; reason: string; limit: number },
): Promise<void> {
  const { kind, alike, delayMs, reason, limit } = jobs;
  const queue = jobs.queue.toUpperCase();
  const isAlike = sql`kind = ${kind} and payload @> ${sql.json(alike)}`;
  await sql`
    with fresh as (
      select id from jobs where queue = ${queue} and workspace_id = ${workspaceId} and status = 'QUEUED' and ${isAlike}
      order by priority desc, id limit ${limit} for update skip locked
    ), due as (
      select id from jobs
      where queue = ${queue} and workspace_id = ${workspaceId} and status = 'RETRYING' and next_attempt_at <= now()
        and ${isAlike}
      order by next_attempt_at limit ${limit} for update skip locked
    )
    update jobs set status = 'RETRYING', error = ${reason},
      next_attempt_at = now() + make_interval(secs => ${delayMs}::float8 / 1000)
    where workspace_id = ${workspaceId} and id = any(array(select id from fresh union all select id from due))`;
}

/**
 * Has jobs run again whose turn is over while they are said to run: a worker that hung took them after its turn was given
 * to another one, or the turn was deleted. A worker ends its jobs before their turn, so that it is at none of these, or
 * is about to notice that they are not its own. An attempt that has not got on stays counted.
 * @returns how many there were
 */
export async function takeBackLostJobs({ sql }: SystemScope): Promise<number> {
  const lost = await sql`
    update jobs set ${cutOff(sql)}
    where status = 'RUNNING' and not exists (
      select 1 from pgboss.job turn
      where turn.name = lower(jobs.queue) and turn.id = jobs.boss_id and turn.state <= 'active'
    )`;
  return lost.count;
}

/** What becomes of a job's row whose process has stopped in the middle of it. */
export function cutOff(sql: SystemScope['sql']) {
  return sql`
    status = 'RETRYING', claim = claim + 1, next_attempt_at = now(), error = ${CUT_OFF},
    attempt = case when ${hasProgressed({ sql })} then attempt - 1 else attempt end,
    history = case when ${hasProgressed({ sql })} then history else ${historyWith({ sql }, sql`${CUT_OFF}::text`)} end`;
}

/** Any number that only this use has. */
const KEEPER_LOCK = 7_391_004_515;

/** Of attempts that a worker makes, those that are no longer the job's current one. */
export async function staleAttempts(
  { sql }: SystemScope,
  attempts: readonly { workspaceId: string; jobId: string; claim: number }[],
): Promise<string[]> {
  const rows = await sql<{ jobId: string }[]>`
    select held.job_id from unnest(
      ${attempts.map(({ workspaceId }) => workspaceId)}::text[], ${attempts.map(({ jobId }) => jobId)}::text[],
      ${attempts.map(({ claim }) => claim)}::int[]
    ) as held (workspace_id, job_id, claim)
    where not exists (
      select 1 from jobs where jobs.workspace_id = held.workspace_id and jobs.id = held.job_id and jobs.claim = held.claim
    )`;
  return rows.map(({ jobId }) => jobId);
}
