import type { Database } from '../../db/client.ts';
import { isForeignKeyViolation } from '../../db/failures.ts';
import type { WorkspaceScope } from '../../db/workspace-scope.ts';
import { NotFoundError } from '../../shared/errors.ts';
import type { CallerWorkspace } from '../access/caller.ts';
import { LimitReachedError } from './errors.ts';
import { Lanes, type Verdict } from './lanes.ts';
import { type LimitedMeter, limitOf } from './tiers.ts';
import { limitWindowStart, type MeterUse, resetInstant } from './usage-report.ts';
import { addToMeter, giveBackToMeter, lockMeter, readMeters } from './usage-store.ts';
import { startOfDay } from './utc-day.ts';

/** The workspace whose tier decides. */
export type MeteredWorkspace = Pick<CallerWorkspace, 'id' | 'tier'>;

/** What one call took from its workspace's allowance. */
export interface MeterTaking {
  /**
   * Whether the amount is counted. False where the tier has no limit: then the call's event counts it, and carries
   * `metered: false`.
   */
  readonly metered: boolean;
  /**
   * Gives back what was not used, because the call failed or the cache had it. All releases together give back no more
   * than was taken.
   */
  release(amount: number): Promise<void>;
}

interface Take {
  workspace: MeteredWorkspace;
  meter: LimitedMeter;
  amount: number;
}

/** Enforces the tiers' limits before a call is made. */
export class MeterService {
  readonly #database: Database;
  readonly #now: () => number;
  /** By workspace and meter. */
  readonly #lanes = new Lanes<Take, MeterTaking>((takes) => this.#takeAll(takes));

  /** @param now milliseconds since 1970 */
  constructor(database: Database, now: () => number = Date.now) {
    this.#database = database;
    this.#now = now;
  }

  /**
   * Counts an amount against the last 30 days, before the call that uses it. Exact however many servers take at once.
   * A tier without a limit takes nothing here and costs no round trip.
   * @param amount embeddings or LLM calls; a whole number
   * @throws LimitReachedError where the rest of the allowance is smaller, and then nothing is taken; NotFoundError where
   * the workspace has been deleted
   */
  take(workspace: MeteredWorkspace, meter: LimitedMeter, amount: number): Promise<MeterTaking> {
    checkAmount(amount);
    if (limitOf(workspace.tier, meter) === null) return Promise.resolve({ metered: false, release: async () => {} });
    if (amount === 0) return Promise.resolve({ metered: true, release: async () => {} });
    return this.#lanes.ask(`${meter} ${workspace.id}`, { workspace, meter, amount });
  }

  /**
   * Whether an amount would still be granted, without taking it: asked before a job is queued.
   * @throws LimitReachedError where it would not
   */
  async check(workspace: MeteredWorkspace, meter: LimitedMeter, amount: number): Promise<void> {
    checkAmount(amount);
    if (limitOf(workspace.tier, meter) === null || amount === 0) return;
    const now = this.#now();
    const uses = await this.#database.withWorkspace(workspace.id, (scope) => readMeters(scope, limitWindowStart(now)));
    const refusal = refuse(workspace, meter, amount, uses.get(meter), now);
    if (refusal !== null) throw refusal;
  }

  /** Grants what fits, first come first served; who gets what is told after the commit. */
  async #takeAll(takes: readonly [Take, ...Take[]]): Promise<Verdict<MeterTaking>[]> {
    const [{ workspace, meter }] = takes;
    const verdicts: Verdict<MeterTaking>[] = [];
    const now = this.#now();
    const taken = this.#database.withWorkspace(workspace.id, async (scope) => {
      const use = await this.#lockAndRead(scope, meter, now);
      let granted = 0;
      for (const take of takes) {
        const current = { used: (use?.used ?? 0) + granted, oldestDayMs: use?.oldestDayMs ?? null };
        const refusal = refuse(take.workspace, meter, take.amount, current, now);
        if (refusal !== null) {
          verdicts.push({ refused: refusal });
          continue;
        }
        granted += take.amount;
        verdicts.push({ granted: this.#taking(take, startOfDay(now)) });
      }
      if (granted > 0) await addToMeter(scope, meter, startOfDay(now), granted);
    });
    await taken.catch((error: unknown) => {
      throw isForeignKeyViolation(error) ? new NotFoundError('workspace', workspace.id) : error;
    });
    return verdicts;
  }

  /** Two statements, so that what is read is what the last holder of the lock has committed; they travel together. */
  async #lockAndRead(scope: WorkspaceScope, meter: LimitedMeter, now: number): Promise<MeterUse | undefined> {
    const [, uses] = await Promise.all([lockMeter(scope, meter), readMeters(scope, limitWindowStart(now))]);
    return uses.get(meter);
  }

  #taking({ workspace, meter, amount }: Take, dayMs: number): MeterTaking {
    let left = amount;
    const release = async (unused: number) => {
      checkAmount(unused);
      const given = Math.min(unused, left);
      if (given === 0) return;
      left -= given;
      // To the day it was taken on, which may have ended since.
      await this.#database.withWorkspace(workspace.id, (scope) => giveBackToMeter(scope, meter, dayMs, given));
    };
    return { metered: true, release };
  }
}

function refuse(
  { tier }: MeteredWorkspace,
  meter: LimitedMeter,
  amount: number,
  use: MeterUse | undefined,
  now: number,
): LimitReachedError | null {
  const limit = limitOf(tier, meter);
  const used = use?.used ?? 0;
  if (limit === null || used + amount <= limit) return null;
  const resetsAt = resetInstant(use?.oldestDayMs ?? null, now);
  return new LimitReachedError({ tier, meter, limit, used, amount, resetsAt });
}

function checkAmount(amount: number): void {
  if (!Number.isSafeInteger(amount) || amount < 0) throw new RangeError(`${amount} is no amount to meter`);
}
