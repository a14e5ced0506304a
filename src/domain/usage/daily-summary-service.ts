import type { Database } from '../../db/client.ts';
import { authorize, type Caller } from '../access/caller.ts';
import type { MaintenanceStep } from '../queues/maintenance.ts';
import { checkDays, type DailySummary } from './daily-summary.ts';
import {
  findUnsummedDays,
  listWorkspaceIds,
  readSummaries,
  type UnsummedDay,
  writeSummary,
} from './daily-summary-store.ts';
import { USAGE_RANGE_MAX_DAYS } from './usage-report.ts';
import { readGroups, readTotals } from './usage-store.ts';
import { addDays, dayOf, startOfDay } from './utc-day.ts';

/** Workspaces whose days are compared at once. */
const WORKSPACES_PER_LOOK = 100;
/** Days that one round sums up; what is left waits for the next one. */
const DAYS_PER_ROUND = 1_000;
/** Events are hardly ever written later than that; what is, the look at all days finds. */
const RECENT_DAYS = 2;
/** As far back as a report may begin. */
const ALL_DAYS = USAGE_RANGE_MAX_DAYS;
const LOOK_AT_ALL_INTERVAL_MS = 3_600_000;

/**
 * Sums up past days (UTC) once they are over, and again where attempts of theirs are written later. Any number of
 * workers may do it at once: a day has one row, and of two sums the larger one stays.
 */
export class DailySummaryService {
  readonly upkeep: MaintenanceStep = { name: 'daily summaries', run: (signal) => this.sumUp(signal) };
  readonly #database: Database;
  readonly #now: () => number;
  /** The first round looks at everything: days that passed while nobody worked are made up for. */
  #allDueAt = Number.NEGATIVE_INFINITY;

  /** @param now milliseconds since 1970 */
  constructor(database: Database, now: () => number = Date.now) {
    this.#database = database;
    this.#now = now;
  }

  /**
   * The past days of a range that have usage, both ends included. Today is not over, and not among them.
   * @throws InvalidInputError
   */
  async list(caller: Caller, from: string, to: string): Promise<DailySummary[]> {
    const { workspace } = authorize(caller, 'ANALYTICS_VIEW');
    checkDays(from, to);
    return this.#database.withWorkspace(workspace.id, (scope) => readSummaries(scope, from, to));
  }

  /** Sums up what is missing or out of date: of the last days, and once an hour of all days. */
  async sumUp(signal?: AbortSignal): Promise<void> {
    const today = startOfDay(this.#now());
    const isAllDue = this.#now() >= this.#allDueAt;
    const from = dayOf(addDays(today, isAllDue ? -ALL_DAYS : -RECENT_DAYS));
    const isDone = await this.#sumUpBetween({ from, before: dayOf(today) }, signal);
    if (isAllDue && isDone) this.#allDueAt = this.#now() + LOOK_AT_ALL_INTERVAL_MS;
  }

  /** @returns whether nothing is left for the next round */
  async #sumUpBetween(days: { from: string; before: string }, signal: AbortSignal | undefined): Promise<boolean> {
    let left = DAYS_PER_ROUND;
    let after = '';
    for (;;) {
      const ids = await this.#database.withSystem((scope) => listWorkspaceIds(scope, after, WORKSPACES_PER_LOOK));
      const due = await this.#database.withSystem((scope) => findUnsummedDays(scope, ids, days, left));
      for (const day of due) {
        if (signal?.aborted === true) return false;
        await this.#sumUpDay(day);
      }
      left -= due.length;
      if (left <= 0 || signal?.aborted === true) return false;
      if (ids.length < WORKSPACES_PER_LOOK) return true;
      after = ids.at(-1) ?? after;
    }
  }

  async #sumUpDay({ workspaceId, day }: UnsummedDay): Promise<void> {
    const from = new Date(`${day}T00:00:00Z`);
    const period = { from, to: new Date(addDays(from.getTime(), 1)) };
    const summary = await this.#database.withSnapshot(workspaceId, async (scope) => ({
      date: day,
      totals: await readTotals(scope, period),
      byProvider: await readGroups(scope, period, ['PROVIDER']),
    }));
    await this.#database.withWorkspace(workspaceId, (scope) => writeSummary(scope, summary));
  }
}
