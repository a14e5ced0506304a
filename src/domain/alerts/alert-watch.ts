import { setTimeout as sleep } from 'node:timers/promises';
import type { Database } from '../../db/client.ts';
import type { WorkspaceScope } from '../../db/workspace-scope.ts';
import type { Logger } from '../../observability/logger.ts';
import { addDays, dayOf, startOfDay } from '../usage/utc-day.ts';
import { type AlertChanges, alertChanges, alertTopic } from './alert.ts';
import { endAlerts, insertAlerts, lockAlerts, readLimits, readStanding, workspacesToCheck } from './alert-store.ts';

/** Workspaces that are read together. */
const WORKSPACES_PER_READ = 500;
/** Workspaces that wait to be checked; the sweep finds those beyond. */
const DUE_MAX = 10_000;
const CHECK_INTERVAL_MS = 1_000;
/** Reads of one sweep; the next one goes on where it ended. */
const READS_PER_SWEEP = 50;
const CLOSE_TIMEOUT_MS = 2_000;
/** No window of a limit that holds now has begun earlier: a month's budget has the longest. */
const LONGEST_WINDOW_DAYS = 31;

export interface AlertWatchParts {
  database: Database;
  logger: Logger;
  /** Has new alerts sent, inside the transaction that writes them. */
  send(scope: WorkspaceScope, alertIds: readonly string[]): Promise<void>;
  /** Milliseconds since 1970. */
  now?: () => number;
  /** Least time between two checks of a workspace. */
  intervalMs?: number;
}

/**
 * Raises alerts where usage was written: soon, at most once a second, and after the last of it. What a process that died
 * has left out, the sweep finds. Any number of servers may watch: the table holds each alert once.
 */
export class AlertWatch {
  readonly #parts: AlertWatchParts;
  readonly #now: () => number;
  readonly #intervalMs: number;
  readonly #due = new Set<string>();
  #round: Promise<void> | null = null;
  #timer: NodeJS.Timeout | null = null;
  #closed = false;
  /** Last workspace of the sweep that had to stop before the end. */
  #sweptTo = '';

  constructor(parts: AlertWatchParts) {
    this.#parts = parts;
    this.#now = parts.now ?? Date.now;
    this.#intervalMs = parts.intervalMs ?? CHECK_INTERVAL_MS;
  }

  /** Has workspaces checked soon, because usage of theirs was written or a budget changed. Never waits, never throws. */
  checkSoon(workspaceIds: Iterable<string>): void {
    for (const id of workspaceIds) if (this.#due.size < DUE_MAX) this.#due.add(id);
    this.#next();
  }

  /** Checks every workspace where something may have changed unseen, some 25,000 a call. */
  async sweep(signal?: AbortSignal): Promise<void> {
    // Also without usage of late: a budget may have been lowered, and a tier.
    const sinceDay = dayOf(addDays(startOfDay(this.#now()), -LONGEST_WINDOW_DAYS));
    for (let reads = 0; reads < READS_PER_SWEEP && signal?.aborted !== true; reads++) {
      const ids = await this.#parts.database.withSystem((scope) =>
        workspacesToCheck(scope, sinceDay, this.#sweptTo, WORKSPACES_PER_READ),
      );
      await this.check(ids);
      this.#sweptTo = ids.length < WORKSPACES_PER_READ ? '' : (ids.at(-1) ?? '');
      if (this.#sweptTo === '') return;
    }
  }

  /** Raises and ends the alerts of some workspaces. One where that fails holds up no other; the sweep comes back to it. */
  async check(workspaceIds: readonly string[]): Promise<void> {
    if (workspaceIds.length === 0) return;
    const { database, logger } = this.#parts;
    const [readings, standing] = await database.withSystem((scope) =>
      Promise.all([readLimits(scope, workspaceIds, this.#now()), readStanding(scope, workspaceIds)]),
    );
    const readingsOf = Map.groupBy(readings, ({ workspaceId }) => workspaceId);
    const standingOf = Map.groupBy(standing, ({ workspaceId }) => workspaceId);
    for (const id of workspaceIds) {
      // Nothing is written for nearly every workspace, and no lock is taken.
      if (isNothing(alertChanges(readingsOf.get(id) ?? [], standingOf.get(id) ?? []))) continue;
      try {
        await database.withWorkspace(id, (scope) => this.#write(scope));
      } catch (error) {
        logger.warn({ err: error, workspaceId: id }, 'the alerts of a workspace could not be written yet');
      }
    }
  }

  /**
   * Ends after a last check of what is due, for which it waits up to two seconds. What is left out, the next sweep of any
   * server makes up for.
   */
  async close(): Promise<void> {
    this.#closed = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    const checked = (this.#round ?? Promise.resolve()).then(() => this.#checkDue());
    await Promise.race([checked, sleep(CLOSE_TIMEOUT_MS, undefined, { ref: false })]);
  }

  #next(): void {
    if (this.#closed || this.#round !== null || this.#timer !== null || this.#due.size === 0) return;
    this.#round = this.#checkDue().then(() => {
      this.#round = null;
      this.#timer = setTimeout(() => {
        this.#timer = null;
        this.#next();
      }, this.#intervalMs);
      this.#timer.unref();
    });
  }

  /** Never rejects. */
  async #checkDue(): Promise<void> {
    const ids = [...this.#due].slice(0, WORKSPACES_PER_READ);
    for (const id of ids) this.#due.delete(id);
    try {
      await this.check(ids);
    } catch (error) {
      this.#parts.logger.warn({ err: error }, 'alerts could not be checked; it is tried again');
      for (const id of ids) if (this.#due.size < DUE_MAX) this.#due.add(id);
    }
  }

  /** Reads again under the lock: whoever held it before may have written the same. */
  async #write(scope: WorkspaceScope): Promise<void> {
    const ids = [scope.workspaceId];
    const [, readings, standing] = await Promise.all([
      lockAlerts(scope),
      readLimits(scope, ids, this.#now()),
      readStanding(scope, ids),
    ]);
    const { ended, raised } = alertChanges(readings, standing);
    if (ended.length > 0) await endAlerts(scope, ended);
    const added = raised.length > 0 ? await insertAlerts(scope, raised) : [];
    if (added.length === 0) return;
    scope.ring(alertTopic(scope.workspaceId));
    await this.#parts.send(scope, added);
  }
}

function isNothing({ ended, raised }: AlertChanges): boolean {
  return ended.length === 0 && raised.length === 0;
}
