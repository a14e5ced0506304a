import type { WorkspaceStatement } from '../db/workspace-scope.ts';
import { ringJobs } from './job-events.ts';
import type { CompletedAttempt } from './job-store.ts';
import { goesOnFromCheckpoint, type StartedJob, type TurnIdentity, waitingJobs } from './turn-store.ts';

/**
 * What `endAttempts` and `pickMoreJobs` do, of attempts that came to their end and left nothing behind, in one round trip:
 * a turn that goes on with short jobs does little else. A job whose attempts are used up is left to the next turn's
 * `pickJobs`, as it leaves a dead letter.
 * @param limit further jobs that are started at the most; 0 where the turn does not go on
 */
export async function completeAndStart(
  statement: WorkspaceStatement,
  turn: TurnIdentity & { retryCount: number },
  ends: readonly CompletedAttempt[],
  limit: number,
): Promise<StartedJob[]> {
  const { sql, workspaceId } = statement;
  const ids = ends.map(({ attempt }) => attempt.jobId);
  // Looked up row by row: to be joined they would have to be told how many they are.
  const claims = sql`${sql.json(Object.fromEntries(ends.map(({ attempt }) => [attempt.jobId, attempt.claim])))}::jsonb`;
  const beginsAnew = sql`not (${goesOnFromCheckpoint(statement)})`;
  const started = await sql<StartedJob[]>`
    with line as materialized (
      select turn_goes_on(${turn.queue}, ${turn.id}, ${turn.retryCount}) as goes_on
    ), ${waitingJobs(statement, turn.queue, limit, sql`attempt < max_attempts`)}, over as (
      update jobs set
        status = 'COMPLETED',
        result = ${resultsOf(statement, ends)},
        error = null,
        finished_at = now(),
        next_attempt_at = null,
        claim = claim + 1,
        ${toldOf(statement, sql`true`, sql`'COMPLETED', done, failed, total, rate_per_second`)}
      where workspace_id = ${workspaceId} and id = any(${ids}::text[]) and claim = (${claims} ->> id)::int
    ), noted as (
      insert into job_news (workspace_id, job_ids)
      select ${workspaceId}, ${ids}::text[] || array(select id from waiting)
    )
    update jobs set
      status = 'RUNNING',
      finished_at = null,
      started_at = now(),
      done = case when ${beginsAnew} then 0 else done end,
      failed = case when ${beginsAnew} then 0 else failed end,
      total = case when ${beginsAnew} then null else total end,
      rate_per_second = null,
      attempt = attempt + 1,
      claim = claim + 1,
      boss_id = ${turn.id},
      next_attempt_at = null,
      ${toldOf(statement, sql`started_at is null`, sql`'RUNNING', 0, 0, null, null`)}
    where workspace_id = ${workspaceId} and ctid = any(array(select place from waiting))
    returning id as job_id, kind, payload, attempt, max_attempts, claim`;
  ringJobs(statement, ids);
  ringJobs(
    statement,
    started.map(({ jobId }) => jobId),
  );
  return started;
}

/** What a row's job came to; most come to nothing. */
function resultsOf({ sql }: WorkspaceStatement, ends: readonly CompletedAttempt[]) {
  const results = ends.flatMap(({ attempt, result }) => (result == null ? [] : [[attempt.jobId, result] as const]));
  const isThere = results.length > 0;
  return sql`nullif(${isThere ? sql.json(Object.fromEntries(results)) : null}::jsonb -> id, 'null')`;
}

/**
 * Has the statement write the event of a row itself, which the trigger would take longer for than the change that it tells
 * of. The trigger writes that of every row whose number of events the statement leaves as it is: where something has to
 * make room for it, and where it is not as usual.
 * @param isUsual whether the event is this one
 * @param event its status and how far the job is
 */
function toldOf(
  { sql }: WorkspaceStatement,
  isUsual: ReturnType<WorkspaceStatement['sql']>,
  event: ReturnType<WorkspaceStatement['sql']>,
) {
  const isTold = sql`${isUsual} and cardinality(state_events) < 8 and event_seq % 50 <> 49`;
  return sql`
      event_seq = case when ${isTold} then event_seq + 1 else event_seq end,
      state_events = case when ${isTold} then state_events || row(event_seq + 1, clock_timestamp(), ${event}, null,
        pg_current_xact_id())::job_state_event else state_events end`;
}
