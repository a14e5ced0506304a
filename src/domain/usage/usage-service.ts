import type { Database } from '../../db/client.ts';
import type { MeteredWorkspace } from './meter-service.ts';
import type { UsageRecorder } from './usage-recorder.ts';
import {
  checkDimensions,
  keptPeriod,
  type LimitState,
  limitStates,
  limitWindow,
  limitWindowStart,
  type MeterPercentage,
  type Period,
  percentagesOf,
  periodOf,
  USAGE_RETENTION_DAYS,
  type UsageDimension,
  type UsageGroup,
  type UsageRange,
  type UsageTotals,
} from './usage-report.ts';
import { readGroups, readMeters, readTokenUse, readTotals } from './usage-store.ts';

/**
 * What one workspace used. Each part reads the database when it is asked for, and again when it is asked again: a
 * report that nobody opens costs nothing.
 */
export interface UsageReport extends Period {
  totals(): Promise<UsageTotals>;
  /**
   * Up to 1,000 groups, most requests first, then by key.
   * @throws InvalidInputError without a dimension
   */
  groups(by: readonly UsageDimension[]): Promise<UsageGroup[]>;
  /** Over the last 30 days, whatever the report's period. */
  limits(): Promise<LimitState[]>;
  percentages(): Promise<MeterPercentage[]>;
}

export interface UsageServiceOptions {
  database: Database;
  recorder: UsageRecorder;
  /** How long attempts are kept. */
  retentionDays?: number;
  /** Milliseconds since 1970. */
  now?: () => number;
}

/** Reports on usage and limits. The caller's permission is checked by whoever calls. */
export class UsageService {
  readonly #database: Database;
  readonly #recorder: UsageRecorder;
  readonly #retentionDays: number;
  readonly #now: () => number;

  constructor({ database, recorder, retentionDays = USAGE_RETENTION_DAYS, now = Date.now }: UsageServiceOptions) {
    this.#database = database;
    this.#recorder = recorder;
    this.#retentionDays = retentionDays;
    this.#now = now;
  }

  /**
   * Writes what this process has still to write, so that a client sees its own calls at once. A period that begins or ends
   * within a day whose attempts are no longer kept is widened to whole days, and says so.
   * @throws InvalidInputError for a range that is none
   */
  async report(workspace: MeteredWorkspace, range: UsageRange = {}): Promise<UsageReport> {
    const now = this.#now();
    const period = keptPeriod(periodOf(range, now), now, this.#retentionDays);
    await this.#recorder.flush();
    const inWorkspace: Database['withSnapshot'] = this.#database.withSnapshot.bind(this.#database);
    return {
      ...period,
      totals: () => inWorkspace(workspace.id, (scope) => readTotals(scope, period, now)),
      groups: async (by) => {
        const dimensions = checkDimensions(by);
        return inWorkspace(workspace.id, (scope) => readGroups(scope, period, dimensions, now));
      },
      limits: () => this.#limits(workspace),
      percentages: () => this.#percentages(workspace),
    };
  }

  async #limits({ id, tier }: MeteredWorkspace): Promise<LimitState[]> {
    const now = this.#now();
    const uses = await this.#database.withSnapshot(id, async (scope) => {
      const [meters, tokens] = await Promise.all([
        readMeters(scope, limitWindowStart(now)),
        readTokenUse(scope, limitWindow(now), now),
      ]);
      return meters.set('TOKENS', tokens);
    });
    return limitStates(tier, uses, now);
  }

  /** Without the tokens, which no tier limits. */
  async #percentages({ id, tier }: MeteredWorkspace): Promise<MeterPercentage[]> {
    const now = this.#now();
    const uses = await this.#database.withWorkspace(id, (scope) => readMeters(scope, limitWindowStart(now)));
    return percentagesOf(limitStates(tier, uses, now));
  }
}
