import type { Database } from '../../db/client.ts';
import { followLog, type LogPage } from '../../db/follow-log.ts';
import { SharedReads } from '../../db/shared-reads.ts';
import type { JobKind } from '../../jobs/define-job.ts';
import { jobsTopic, jobTopic } from '../../jobs/job-events.ts';
import type { JobStatus } from '../../jobs/job-store.ts';
import { InvalidInputError, NotFoundError } from '../../shared/errors.ts';
import { authorize, type Caller } from '../access/caller.ts';
import { isFinished, type Job, type JobEvent } from './job.ts';
import { currentSnapshot, readJobEvents, readNewest, readNews, type Snapshot } from './job-event-store.ts';
import { findJobs, listJobs } from './job-view-store.ts';

/** Events that a follower holds at most. */
const PAGE_EVENTS = 500;
/** Least time between two looks at all jobs of a workspace: what an eye can follow. */
const NEWS_PAUSE_MS = 250;

/** Where a follower of a workspace's jobs stands. */
interface NewsPosition {
  since: Snapshot;
  /** Where so much was new at once that a page did not hold it: how far it goes, and the job that was told last. */
  backlog: { until: Snapshot; afterJob: string } | null;
}

/** Shows jobs, and tells of what happens to them. */
export class JobService {
  readonly #database: Database;
  readonly #pages = new SharedReads<LogPage<JobEvent, number>>();
  readonly #news = new SharedReads<LogPage<JobEvent, NewsPosition>>();

  constructor(database: Database) {
    this.#database = database;
  }

  /** Jobs by id, in no order; those that are not there are left out. */
  async find(caller: Caller, ids: readonly string[]): Promise<Job[]> {
    const { workspace } = authorize(caller, 'DOCUMENTS_READ');
    return this.#database.withWorkspace(workspace.id, (scope) => findJobs(scope, ids));
  }

  async list(
    caller: Caller,
    filter: { kinds: readonly JobKind[] | null; status: readonly JobStatus[] | null },
    page: { limit: number; after: string | null },
  ): Promise<Job[]> {
    const { workspace } = authorize(caller, 'DOCUMENTS_READ');
    return this.#database.withWorkspace(workspace.id, (scope) => listJobs(scope, filter, page));
  }

  /**
   * The events of a job behind `after`, then those that come, in their order, up to the one that ends it. Where the job
   * has not got as far as `after`, from where it is; of a finished one, its last event.
   * @throws NotFoundError, InvalidInputError
   */
  async follow(
    caller: Caller,
    id: string,
    after: number,
    signal: AbortSignal,
  ): Promise<AsyncGenerator<JobEvent, void>> {
    const { workspace } = authorize(caller, 'DOCUMENTS_READ');
    if (after < 0) throw InvalidInputError.at('after', 'must be 0 or more');
    const [job] = await this.find(caller, [id]);
    if (job === undefined) throw new NotFoundError('job', id);
    const isBeyond = after > job.eventSeq;
    return followLog({
      bus: this.#database.bus,
      topic: jobTopic(id),
      position: isBeyond ? job.eventSeq - (isFinished(job) ? 1 : 0) : after,
      signal,
      read: (position) =>
        this.#pages.read(JSON.stringify([workspace.id, id, position]), () =>
          this.#readPage(workspace.id, id, position),
        ),
    });
  }

  /**
   * What happens to the workspace's jobs from now on: each change of a status, and of progress what is the newest when it
   * is told. Where more happens at once than is told in one go, or faster than it is taken, the newest of each job.
   */
  async followAll(
    caller: Caller,
    kinds: readonly JobKind[] | null,
    signal: AbortSignal,
  ): Promise<AsyncGenerator<JobEvent, void>> {
    const { workspace } = authorize(caller, 'DOCUMENTS_READ');
    const since = await this.#database.withWorkspace(workspace.id, currentSnapshot);
    return followLog<JobEvent, NewsPosition>({
      bus: this.#database.bus,
      topic: jobsTopic(workspace.id),
      position: { since, backlog: null },
      signal,
      read: (position) =>
        this.#news.read(JSON.stringify([workspace.id, kinds, position]), () =>
          this.#readNews(workspace.id, position, kinds),
        ),
      pauseMs: NEWS_PAUSE_MS,
    });
  }

  /** Waits until a job is finished, or the time is over, or the client has left. */
  async wait(caller: Caller, id: string, timeoutMs: number, signal: AbortSignal): Promise<void> {
    authorize(caller, 'DOCUMENTS_READ');
    const looks = followLog({
      bus: this.#database.bus,
      topic: jobTopic(id),
      position: null,
      signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
      read: async () => {
        const [job] = await this.find(caller, [id]);
        return { entries: [], position: null, hasMore: false, isOver: job === undefined || isFinished(job) };
      },
    });
    await looks.next();
  }

  async #readPage(workspaceId: string, id: string, after: number): Promise<LogPage<JobEvent, number>> {
    const read = await this.#database.withWorkspace(workspaceId, (scope) =>
      readJobEvents(scope, id, after, PAGE_EVENTS),
    );
    if (read === null) return { entries: [], position: after, hasMore: false, isOver: true };
    const { events, status } = read;
    const hasMore = events.length === PAGE_EVENTS;
    const position = events.at(-1)?.seq ?? after;
    return { entries: events, position, hasMore, isOver: !hasMore && isFinished({ status }) };
  }

  #readNews(
    workspaceId: string,
    { since, backlog }: NewsPosition,
    kinds: readonly JobKind[] | null,
  ): Promise<LogPage<JobEvent, NewsPosition>> {
    return this.#database.withWorkspace(workspaceId, async (scope) => {
      if (backlog === null) {
        const { events, snapshot } = await readNews(scope, since, kinds, PAGE_EVENTS + 1);
        const isTooMuch = events.length > PAGE_EVENTS;
        const position = isTooMuch
          ? { since, backlog: { until: snapshot, afterJob: '' } }
          : { since: snapshot, backlog: null };
        return { entries: isTooMuch ? [] : events, position, hasMore: isTooMuch, isOver: false };
      }
      const entries = await readNewest(scope, { since, ...backlog }, kinds, PAGE_EVENTS);
      const afterJob = entries.length === PAGE_EVENTS ? entries.at(-1)?.job.id : undefined;
      const position =
        afterJob === undefined
          ? { since: backlog.until, backlog: null }
          : { since, backlog: { until: backlog.until, afterJob } };
      return { entries, position, hasMore: true, isOver: false };
    });
  }
}
