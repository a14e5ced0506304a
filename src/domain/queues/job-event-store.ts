import type { SystemScope, WorkspaceScope } from '../../db/workspace-scope.ts';
import type { JobKind } from '../../jobs/define-job.ts';
import type { JobStatus } from '../../jobs/job-store.ts';
import { isFinished, type Job, type JobEvent, progressOf } from './job.ts';
import { jobColumns } from './job-view-store.ts';

/** Older events are no news to anybody who follows a workspace. It also bounds what the numbers of transactions mean. */
const NEWS_HOURS = 1;

/** Longer, as a transaction may be committed long after it has told of a job. */
const NEWS_KEPT_HOURS = 2;

/** A job with one of its events beside it. */
interface EventRow extends Job {
  seq: number;
  at: Date;
  eventStatus: JobStatus;
  eventDone: number;
  eventFailed: number;
  eventTotal: number | null;
  eventRate: number | null;
  eventMessage: string | null;
}

function eventColumns({ sql }: WorkspaceScope) {
  return sql`event.seq, event.at, event.status as event_status, event.done as event_done, event.failed as event_failed,
    event.total as event_total, event.rate_per_second as event_rate, event.message as event_message`;
}

function toEvent(row: EventRow): JobEvent {
  const { seq, at, eventStatus, eventDone, eventFailed, eventTotal, eventRate, eventMessage, ...job } = row;
  const then = { status: eventStatus, done: eventDone, failed: eventFailed, total: eventTotal, error: eventMessage };
  const finishedAt = isFinished(then) ? at : null;
  const progress = progressOf({ ...then, ratePerSecond: eventRate, startedAt: job.startedAt, finishedAt });
  return { seq, at, status: eventStatus, progress, job };
}

/**
 * The events of a job behind `after`, in their order, and how the job stands at the same moment.
 * @returns null where there is no such job
 */
export async function readJobEvents(
  scope: WorkspaceScope,
  jobId: string,
  after: number,
  limit: number,
): Promise<{ status: JobStatus; events: JobEvent[] } | null> {
  const { sql, workspaceId } = scope;
  const isBehind = sql`seq > ${after} order by seq limit ${limit}`;
  const rows = await sql<(EventRow | (Job & { seq: null }))[]>`
    select ${jobColumns(scope)}, ${eventColumns(scope)}
    from jobs left join lateral (
      select * from (
        (select seq, at, status, done, failed, total, rate_per_second, message from job_events
          where workspace_id = jobs.workspace_id and job_id = jobs.id and ${isBehind})
        union all
        (select seq, at, status, done, failed, total, rate_per_second, message from unnest(jobs.state_events)
          where ${isBehind})
      ) told order by seq limit ${limit}
    ) event on true
    where jobs.workspace_id = ${workspaceId} and jobs.id = ${jobId} order by event.seq`;
  const [first] = rows;
  if (first === undefined) return null;
  return { status: first.status, events: rows.filter((row) => row.seq !== null).map(toEvent) };
}

/**
 * A moment in the order of commits. Events of several jobs are not committed in the order of any number or time that
 * they could carry, so what is new is told by snapshots: what one of them does not see and a later one does.
 */
export type Snapshot = string;

export async function currentSnapshot({ sql }: WorkspaceScope): Promise<Snapshot> {
  const [row] = await sql<{ snapshot: Snapshot }[]>`select pg_current_snapshot()::text as snapshot`;
  return row?.snapshot ?? '';
}

/**
 * What was committed since a snapshot: each change of a job's status, and of its progress the newest.
 * @returns up to `limit` events, and the snapshot that they end with
 */
export async function readNews(
  scope: WorkspaceScope,
  since: Snapshot,
  kinds: readonly JobKind[] | null,
  limit: number,
): Promise<{ snapshot: Snapshot; events: JobEvent[] }> {
  const { sql } = scope;
  const rows = await sql<((EventRow | (Job & { seq: null })) & { snapshot: Snapshot })[]>`
    select current.snapshot::text, news.*
    from (select pg_current_snapshot() as snapshot) current left join lateral (
      ${toldSince(scope, since, sql`current.snapshot`, kinds, sql`not event.is_progress or event.seq = jobs.event_seq`)}
      limit ${limit}
    ) news on true
    order by news.at, news.id, news.seq`;
  const events = rows
    .filter((row) => row.seq !== null)
    .map(({ snapshot: _snapshot, ...row }) => toEvent(row as EventRow));
  return { snapshot: rows[0]?.snapshot ?? since, events };
}

/** Of the jobs that changed between two snapshots and not after, the newest event each; by job id, behind `afterJob`. */
export async function readNewest(
  scope: WorkspaceScope,
  range: { since: Snapshot; until: Snapshot; afterJob: string },
  kinds: readonly JobKind[] | null,
  limit: number,
): Promise<JobEvent[]> {
  const { sql } = scope;
  const rows = await sql<EventRow[]>`
    select * from (
      ${toldSince(scope, range.since, sql`${range.until}::pg_snapshot`, kinds, sql`event.seq = jobs.event_seq and jobs.id > ${range.afterJob}`)}
    ) news
    order by id limit ${limit}`;
  return rows.map(toEvent);
}

type Fragment = ReturnType<WorkspaceScope['sql']>;

/**
 * Events that were committed after one snapshot and up to another, with their jobs: those with a row of their own, and
 * those in the rows of the jobs, which are found by the transactions that told of them. The comparisons with the first
 * snapshot's oldest transaction are for the indexes.
 */
function toldSince(
  scope: WorkspaceScope,
  since: Snapshot,
  until: Fragment,
  kinds: readonly JobKind[] | null,
  isWanted: Fragment,
): Fragment {
  const { sql, workspaceId } = scope;
  const isOfKinds = kinds === null ? sql`true` : sql`jobs.kind = any(${[...kinds]}::text[])`;
  const oldest = sql`pg_snapshot_xmin(${since}::pg_snapshot)`;
  const isNews = sql`event.at > now() - make_interval(hours => ${NEWS_HOURS})
    and not pg_visible_in_snapshot(event.transaction_id, ${since}::pg_snapshot)
    and pg_visible_in_snapshot(event.transaction_id, ${until}) and ${isOfKinds} and (${isWanted})`;
  return sql`
    select ${jobColumns(scope)}, ${eventColumns(scope)}
    from job_events event join jobs on jobs.workspace_id = event.workspace_id and jobs.id = event.job_id
    where event.workspace_id = ${workspaceId} and event.transaction_id >= ${oldest} and ${isNews}
    union all
    select ${jobColumns(scope)}, ${eventColumns(scope)}
    from (
      select distinct unnest(job_ids) as id from job_news
      where workspace_id = ${workspaceId} and transaction_id >= ${oldest}
        and not pg_visible_in_snapshot(transaction_id, ${since}::pg_snapshot)
    ) told join jobs on jobs.workspace_id = ${workspaceId} and jobs.id = told.id
      cross join lateral (select *, false as is_progress from unnest(jobs.state_events)) event
    where ${isNews}`;
}

/** Drops what tells of jobs that are no news any more; at most `limit` rows at once. Returns how many went. */
export async function dropOldJobNews({ sql }: SystemScope, limit: number): Promise<number> {
  const dropped = await sql`
    delete from job_news where ctid = any(array(
      select ctid from job_news where at < now() - make_interval(hours => ${NEWS_KEPT_HOURS}) order by at limit ${limit}
    ))`;
  return dropped.count;
}
