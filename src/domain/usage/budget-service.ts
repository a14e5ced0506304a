import type { Database } from '../../db/client.ts';
import { NotFoundError } from '../../shared/errors.ts';
import { findApiKeys } from '../access/api-key-store.ts';
import { authorize, type Caller } from '../access/caller.ts';
import { wakeDelayedJobs } from '../queues/job-control-store.ts';
import {
  type Budget,
  type BudgetState,
  type BudgetWindow,
  checkLimit,
  percentUsed,
  WORKSPACE_SUBJECT,
} from './budget.ts';
import { deleteBudget, lockLedger, makePeriods, readBudgets, writeBudget } from './budget-store.ts';
import type { ReservationService } from './reservation-service.ts';
import type { UsageRecorder } from './usage-recorder.ts';

export interface BudgetServiceParts {
  database: Database;
  recorder: UsageRecorder;
  reservations: ReservationService;
  /** The budgets of a workspace were changed: what is remembered of them is out of date. */
  onChange: (workspaceId: string) => void;
  /** Milliseconds since 1970. */
  now?: () => number;
}

export interface BudgetChange {
  window: BudgetWindow;
  /** Exact decimal; null takes the budget away. */
  limitUsd: string | null;
  /** Null: of the whole workspace. */
  apiKeyId: string | null;
}

/** What a workspace and its keys may spend. What a call may still cost is kept back by `ReservationService`. */
export class BudgetService {
  readonly #parts: BudgetServiceParts;
  readonly #now: () => number;

  constructor(parts: BudgetServiceParts) {
    this.#parts = parts;
    this.#now = parts.now ?? Date.now;
  }

  /** The budgets of the whole workspace: one a day, one a month, or none. */
  async list(caller: Caller): Promise<BudgetState[]> {
    const { workspace } = authorize(caller, 'ANALYTICS_VIEW');
    return this.#read(workspace.id, [WORKSPACE_SUBJECT]);
  }

  /** Of each key that has one: its budget, or the fuller one of two. */
  async ofApiKeys(caller: Caller, apiKeyIds: readonly string[]): Promise<Map<string, BudgetState>> {
    const { workspace } = authorize(caller, 'ANALYTICS_VIEW');
    const fullest = new Map<string, BudgetState>();
    for (const state of await this.#read(workspace.id, apiKeyIds)) {
      const other = fullest.get(state.subject);
      if (other === undefined || percentUsed(state) > percentUsed(other)) fullest.set(state.subject, state);
    }
    return fullest;
  }

  /**
   * Sets, changes or takes away a budget. What was spent in the window so far counts; jobs that wait for money look again.
   * @returns the budget; one that was taken away as it was
   * @throws InvalidInputError, NotFoundError (the key, or a budget to take away)
   */
  async set(caller: Caller, { window, limitUsd, apiKeyId }: BudgetChange): Promise<BudgetState> {
    const { workspace } = authorize(caller, 'BUDGETS_MANAGE');
    const subject = apiKeyId ?? WORKSPACE_SUBJECT;
    if (apiKeyId !== null) {
      const keys = await this.#parts.database.withWorkspace(workspace.id, (scope) => findApiKeys(scope, [apiKeyId]));
      if (keys.length === 0) throw new NotFoundError('API key', apiKeyId);
    }
    if (limitUsd === null) return this.#remove(workspace.id, { subject, window });
    await this.write(workspace.id, { subject, window, limitUsd });
    return this.#one(workspace.id, { subject, window });
  }

  /** Sets or changes a budget, whoever asks. @throws InvalidInputError */
  async write(workspaceId: string, budget: Budget): Promise<void> {
    checkLimit(budget.limitUsd);
    await this.#parts.database.withSystem(async (scope) => {
      await lockLedger(scope, workspaceId);
      await writeBudget(scope, workspaceId, budget);
      await makePeriods(scope, workspaceId, [budget.subject], this.#now());
      await wakeDelayedJobs(scope, workspaceId);
    });
    await this.#changed(workspaceId);
  }

  async #remove(workspaceId: string, which: Pick<Budget, 'subject' | 'window'>): Promise<BudgetState> {
    const removed = await this.#one(workspaceId, which);
    await this.#parts.database.withSystem(async (scope) => {
      await lockLedger(scope, workspaceId);
      await deleteBudget(scope, workspaceId, which);
      await wakeDelayedJobs(scope, workspaceId);
    });
    await this.#changed(workspaceId);
    return removed;
  }

  /** What is kept for next calls was held under the budgets as they were. */
  async #changed(workspaceId: string): Promise<void> {
    this.#parts.onChange(workspaceId);
    await this.#parts.reservations.letGo(workspaceId);
  }

  async #one(workspaceId: string, { subject, window }: Pick<Budget, 'subject' | 'window'>): Promise<BudgetState> {
    const found = (await this.#read(workspaceId, [subject])).find((state) => state.window === window);
    if (found === undefined) throw new NotFoundError('budget', window);
    return found;
  }

  /** With what this process has still to write or to give back, so that a client sees its own calls at once. */
  async #read(workspaceId: string, subjects: readonly string[]): Promise<BudgetState[]> {
    await this.#parts.recorder.flush();
    await this.#parts.reservations.letGo(workspaceId);
    return this.#parts.database.withWorkspace(workspaceId, (scope) => readBudgets(scope, subjects, this.#now()));
  }
}
