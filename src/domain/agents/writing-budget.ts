import type { WorkspaceCaller } from '../access/caller.ts';
import type { ModelCatalog } from '../gateway/model-catalog.ts';
import { tokenCostUsd } from '../gateway/price.ts';
import type { Router } from '../gateway/router.ts';
import { budgetsOf } from '../usage/budget.ts';
import type { ReservationService } from '../usage/reservation-service.ts';
import { agentsWriter } from './agents-writer.ts';

/** What the shortest run has a model read: an estimate that refuses nothing that might be paid. */
const TOKENS = 500;

/** Looks at the budgets before a run is queued. What it costs is kept back call by call. */
export class WritingBudget {
  readonly #catalog: ModelCatalog;
  readonly #router: Router;
  readonly #reservations: ReservationService;

  constructor(catalog: ModelCatalog, router: Router, reservations: ReservationService) {
    this.#catalog = catalog;
    this.#router = router;
    this.#reservations = reservations;
  }

  /** @throws BudgetExceededError where the budgets have not enough left for a model to write anything at all */
  async check({ workspace, apiKeyId }: WorkspaceCaller): Promise<void> {
    const { budgets } = await this.#catalog.directory.of(workspace.id);
    if (budgetsOf(budgets, apiKeyId).length === 0) return;
    const writer = await agentsWriter(this.#catalog, this.#router, workspace.id);
    if (writer === null) return;
    const { info } = await this.#catalog.model(workspace.id, writer.id, 'GENERATE');
    const costUsd = tokenCostUsd(TOKENS, info.inputUsdPerMillion) ?? '0';
    await this.#reservations.check(workspace.id, apiKeyId, costUsd);
  }
}
