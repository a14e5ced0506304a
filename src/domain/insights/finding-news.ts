import type { Database } from '../../db/client.ts';
import { followLog, type LogPage } from '../../db/follow-log.ts';
import type { SharedReads } from '../../db/shared-reads.ts';
import type { WorkspaceScope } from '../../db/workspace-scope.ts';
import { currentSnapshot, type Snapshot } from '../queues/job-event-store.ts';

/** What one look of a follower takes. */
const FINDINGS_PER_LOOK = 100;
/** What is older is no news to anybody. It also bounds what the numbers of transactions mean. */
const NEWS_HOURS = 1;

/** What was committed between two moments, but for the part that was told already. */
export interface NewsRange {
  since: Snapshot;
  until: Snapshot;
  /** The id that was told last; '' at the beginning. */
  afterId: string;
  limit: number;
}

/** Where a follower stands. */
interface NewsPosition {
  since: Snapshot;
  /** The page before did not hold all that was new by then: where it ended. */
  rest: { until: Snapshot; afterId: string } | null;
}

/** What followers of findings of one kind share. */
export interface FindingNews<Finding> {
  database: Database;
  reads: SharedReads<LogPage<Finding, unknown>>;
  topic: string;
  workspaceId: string;
  /** Followers with the same one are told the same. */
  filterKey: string;
  read(scope: WorkspaceScope, range: NewsRange): Promise<Finding[]>;
}

/** What is found from now on, by whichever server, each once, until the signal is aborted. */
export async function followFindings<Finding extends { id: string }>(
  news: FindingNews<Finding>,
  signal: AbortSignal,
): Promise<AsyncGenerator<Finding, void>> {
  const { database, workspaceId, topic } = news;
  const since = await database.withWorkspace(workspaceId, currentSnapshot);
  return followLog<Finding, NewsPosition>({
    ...{ bus: database.bus, topic, signal, position: { since, rest: null } },
    read: async (position) => {
      const key = JSON.stringify([workspaceId, news.filterKey, position]);
      return (await news.reads.read(key, () => readPage(news, position))) as LogPage<Finding, NewsPosition>;
    },
  });
}

function readPage<Finding extends { id: string }>(
  { database, workspaceId, read }: FindingNews<Finding>,
  { since, rest }: NewsPosition,
): Promise<LogPage<Finding, NewsPosition>> {
  return database.withWorkspace(workspaceId, async (scope) => {
    const until = rest?.until ?? (await currentSnapshot(scope));
    const range = { since, until, afterId: rest?.afterId ?? '', limit: FINDINGS_PER_LOOK };
    const entries = await read(scope, range);
    const last = entries.at(-1);
    const hasMore = entries.length === FINDINGS_PER_LOOK;
    const position =
      hasMore && last !== undefined ? { since, rest: { until, afterId: last.id } } : { since: until, rest: null };
    return { entries, position, hasMore, isOver: false };
  });
}

/** Of a row with `transaction_id` and `updated_at`; the first comparisons are for the index. */
export function isNews({ sql, workspaceId }: WorkspaceScope, { since, until, afterId }: NewsRange) {
  return sql`workspace_id = ${workspaceId} and transaction_id >= pg_snapshot_xmin(${since}::pg_snapshot)
    and not pg_visible_in_snapshot(transaction_id, ${since}::pg_snapshot)
    and pg_visible_in_snapshot(transaction_id, ${until}::pg_snapshot)
    and updated_at > now() - make_interval(hours => ${NEWS_HOURS}) and id > ${afterId}`;
}
