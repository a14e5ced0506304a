import type { Database } from '../../db/client.ts';
import type { LogPage } from '../../db/follow-log.ts';
import { SharedReads } from '../../db/shared-reads.ts';
import { InvalidInputError, NotFoundError } from '../../shared/errors.ts';
import { authorize, type Caller } from '../access/caller.ts';
import { followFindings } from './finding-news.ts';
import {
  type Insight,
  type InsightKind,
  type InsightStatus,
  insightTopic,
  type Priority,
  prioritiesFrom,
} from './insight.ts';
import {
  documentsOfInsights,
  findInsights,
  insightsOfRuns,
  judgeInsight,
  listInsights,
  newInsights,
} from './insight-store.ts';

/** What a run shows of what it found. */
const INSIGHTS_PER_RUN = 200;

/** Shows what agents have found, and keeps what people make of it. */
export class InsightService {
  readonly #database: Database;
  readonly #reads = new SharedReads<LogPage<Insight, unknown>>();

  constructor(database: Database) {
    this.#database = database;
  }

  /** Newest first. */
  async list(
    caller: Caller,
    filter: {
      kinds: readonly InsightKind[] | null;
      minPriority: Priority | null;
      status: readonly InsightStatus[] | null;
    },
    page: { limit: number; after: string | null },
  ): Promise<Insight[]> {
    const { workspace } = authorize(caller, 'DOCUMENTS_READ');
    const { kinds, minPriority, status } = filter;
    const priorities = minPriority === null ? null : prioritiesFrom(minPriority);
    return this.#database.withWorkspace(workspace.id, (scope) =>
      listInsights(scope, { kinds, priorities, status }, page),
    );
  }

  /** Insights by id, in no order; those that are not there are left out. */
  async find(caller: Caller, ids: readonly string[]): Promise<Insight[]> {
    const { workspace } = authorize(caller, 'DOCUMENTS_READ');
    return this.#database.withWorkspace(workspace.id, (scope) => findInsights(scope, ids));
  }

  /** Of each insight the ids of its documents, in the order of the insights; the most telling document first. */
  async documentIds(caller: Caller, ids: readonly string[]): Promise<string[][]> {
    const { workspace } = authorize(caller, 'DOCUMENTS_READ');
    const links = await this.#database.withWorkspace(workspace.id, (scope) => documentsOfInsights(scope, ids));
    const byInsight = Map.groupBy(links, ({ insightId }) => insightId);
    return ids.map((id) => (byInsight.get(id) ?? []).map(({ documentId }) => documentId));
  }

  /** Of each run what it found or found again, in the order of the runs; newest first, 200 at the most. */
  async ofRuns(caller: Caller, runIds: readonly string[]): Promise<Insight[][]> {
    const { workspace } = authorize(caller, 'DOCUMENTS_READ');
    const found = await this.#database.withWorkspace(workspace.id, (scope) =>
      insightsOfRuns(scope, runIds, INSIGHTS_PER_RUN),
    );
    const byRun = Map.groupBy(found, ({ runId }) => runId);
    return runIds.map((runId) => byRun.get(runId) ?? []);
  }

  /** Insights that are new from now on, by whichever server; what is found again is no news. */
  created(caller: Caller, minPriority: Priority | null, signal: AbortSignal): Promise<AsyncGenerator<Insight, void>> {
    const { workspace } = authorize(caller, 'DOCUMENTS_READ');
    const priorities = minPriority === null ? null : prioritiesFrom(minPriority);
    const news = {
      ...{ database: this.#database, reads: this.#reads, workspaceId: workspace.id, filterKey: minPriority ?? '' },
      topic: insightTopic(workspace.id),
      read: (scope: Parameters<typeof newInsights>[0], range: Parameters<typeof newInsights>[1]) =>
        newInsights(scope, range, priorities),
    };
    return followFindings<Insight>(news, signal);
  }

  /**
   * Says what became of an insight. What a person has judged can be judged anew, but is never NEW again.
   * @throws InvalidInputError, NotFoundError
   */
  async judge(caller: Caller, id: string, status: InsightStatus): Promise<Insight> {
    const { workspace } = authorize(caller, 'DOCUMENTS_WRITE');
    if (status === 'NEW') throw InvalidInputError.at('status', 'is NEW only until somebody has seen the insight');
    const [insight] = await this.#database.withWorkspace(workspace.id, async (scope) =>
      (await judgeInsight(scope, id, status)) ? findInsights(scope, [id]) : [],
    );
    if (insight === undefined) throw new NotFoundError('insight', id);
    return insight;
  }
}
