import { setTimeout as sleep } from 'node:timers/promises';
import type { Database } from '../../db/client.ts';
import { vacuumChangedTables } from '../../db/embedded-vacuum.ts';
import { dropUsagePartitions, makeUsagePartitions } from '../../db/usage-partitions.ts';
import type { SystemScope } from '../../db/workspace-scope.ts';
import { dropExpiredJobKeys } from '../../jobs/job-key-store.ts';
import { DEAD_LETTERS_KEPT_SECONDS } from '../../jobs/policies.ts';
import type { Logger } from '../../observability/logger.ts';
import { dropOldAlerts } from '../alerts/alert-store.ts';
import { dropExpiredEmbeddings } from '../caching/embedding-cache-store.ts';
import { dropExpiredAnswers } from '../caching/idempotent-answers.ts';
import { ensureVectorIndexes, type VectorIndexes } from '../search/vector-index.ts';
import { dropPassedPeriods } from '../usage/budget-store.ts';
import { dropPassedCalls } from '../usage/rate-limit-store.ts';
import { sweepReservations } from '../usage/reservation-store.ts';
import { USAGE_RETENTION_DAYS } from '../usage/usage-report.ts';
import { sealUsage } from '../usage/usage-store.ts';
import { dropOldJobNews } from './job-event-store.ts';
import { dropFinishedJobs } from './job-view-store.ts';

/** Rows that one transaction sweeps. */
const SWEEP_ROWS = 5_000;
/** Sweeps of one kind in one round; what is left waits for the next one. */
const SWEEPS_PER_ROUND = 50;
const ROUND_INTERVAL_MS = 60_000;
/** To find a model that needs an index, all vectors are counted. */
const INDEX_INTERVAL_MS = 600_000;
const JOBS_KEPT_DAYS = 30;
const DEAD_KEPT_DAYS = DEAD_LETTERS_KEPT_SECONDS / 86_400;
const ALERTS_KEPT_DAYS = 400;
/** After their end: the windows that budgets and alerts speak of are over by then. */
const PERIODS_KEPT_DAYS = 40;
/** How long a stop waits for the statement that is running, which may be the making of an index. */
const STOP_TIMEOUT_MS = 5_000;

type Sweep = (scope: SystemScope) => Promise<number>;

/** What a module has done in every round. */
export interface MaintenanceStep {
  /** For the log. */
  name: string;
  /** May run twice, and on several servers at once; ends soon where the signal is aborted. */
  run(signal: AbortSignal): Promise<unknown>;
}

/** What has to be done every so often, by any worker: every step may run twice, and on several servers at once. */
export class Maintenance {
  readonly #database: Database;
  readonly #indexes: VectorIndexes;
  readonly #logger: Logger;
  readonly #steps: readonly MaintenanceStep[];
  readonly #usageRetentionDays: number;
  readonly #stopping = new AbortController();
  #timer: NodeJS.Timeout | null = null;
  #round: Promise<void> | null = null;
  #indexesDueAt = 0;

  constructor(
    database: Database,
    indexes: VectorIndexes,
    logger: Logger,
    steps: readonly MaintenanceStep[] = [],
    usageRetentionDays: number = USAGE_RETENTION_DAYS,
  ) {
    this.#database = database;
    this.#indexes = indexes;
    this.#logger = logger;
    this.#steps = steps;
    this.#usageRetentionDays = usageRetentionDays;
  }

  start(): void {
    this.#timer = setInterval(() => {
      this.#round ??= this.runOnce().finally(() => {
        this.#round = null;
      });
    }, ROUND_INTERVAL_MS);
    this.#timer.unref();
  }

  /** Ends a round that is under way after its running statement, for which it waits up to five seconds. */
  async stop(): Promise<void> {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#stopping.abort();
    const ended = this.#round?.then(() => true) ?? true;
    if (await Promise.race([ended, sleep(STOP_TIMEOUT_MS, false, { ref: false })])) return;
    this.#logger.warn('a long statement of the maintenance is cut off by the stop; it is tried again after the start');
  }

  /** One round. A step that fails is logged, and tried again in the next one. */
  async runOnce(): Promise<void> {
    await this.#step('vector indexes', () => this.#ensureIndexes());
    await this.#sweep('expired embeddings', (scope) => dropExpiredEmbeddings(scope, SWEEP_ROWS));
    await this.#sweep('expired answers', (scope) => dropExpiredAnswers(scope, SWEEP_ROWS));
    await this.#sweep('expired reservations', (scope) => sweepReservations(scope, SWEEP_ROWS));
    await this.#sweep('expired job keys', (scope) => dropExpiredJobKeys(scope, SWEEP_ROWS));
    await this.#sweep('finished jobs', (scope) => dropFinishedJobs(scope, JOBS_KEPT_DAYS, DEAD_KEPT_DAYS, SWEEP_ROWS));
    await this.#sweep('old news of jobs', (scope) => dropOldJobNews(scope, SWEEP_ROWS));
    await this.#sweep('passed calls', (scope) => dropPassedCalls(scope, SWEEP_ROWS));
    await this.#step('usage partitions', () => makeUsagePartitions(this.#database.sql));
    await this.#step('usage slices', () => this.#sealUsage());
    await this.#step('old attempts', () => dropUsagePartitions(this.#database.sql, this.#usageRetentionDays));
    await this.#sweep('passed budget periods', (scope) => dropPassedPeriods(scope, PERIODS_KEPT_DAYS, SWEEP_ROWS));
    await this.#sweep('old alerts', (scope) => dropOldAlerts(scope, ALERTS_KEPT_DAYS, SWEEP_ROWS));
    for (const { name, run } of this.#steps) await this.#step(name, () => run(this.#stopping.signal));
    await this.#step('vacuum', () => vacuumChangedTables(this.#database, this.#stopping.signal));
  }

  async #ensureIndexes(): Promise<void> {
    if (performance.now() < this.#indexesDueAt) return;
    const made = await ensureVectorIndexes(this.#database);
    this.#indexesDueAt = performance.now() + INDEX_INTERVAL_MS;
    if (made.length > 0) this.#indexes.forget();
  }

  /** An hour in each transaction: after a long time without any worker there are many. */
  async #sealUsage(): Promise<void> {
    const seal = (scope: SystemScope) => sealUsage(scope, this.#usageRetentionDays);
    while (!this.#stopping.signal.aborted && (await this.#database.withSystem(seal)));
  }

  /** In transactions of their own, so that none holds its locks for long. */
  #sweep(name: string, sweep: Sweep): Promise<void> {
    return this.#step(name, async () => {
      for (let round = 0; round < SWEEPS_PER_ROUND && !this.#stopping.signal.aborted; round++) {
        if ((await this.#database.withSystem(sweep)) < SWEEP_ROWS) return;
      }
    });
  }

  async #step(name: string, work: () => Promise<unknown>): Promise<void> {
    if (this.#stopping.signal.aborted) return;
    try {
      await work();
    } catch (error) {
      this.#logger.warn({ err: error, step: name }, 'a step of the maintenance failed; it is tried again');
    }
  }
}
