import type { WorkspaceCaller } from '../access/caller.ts';
import { budgetsOf } from '../usage/budget.ts';
import type { ReservationService } from '../usage/reservation-service.ts';
import type { ModelCatalog } from './model-catalog.ts';
import { tokenCostUsd } from './price.ts';

/** Of most languages a token has fewer: an estimate that refuses nothing that might be paid. */
const BYTES_PER_TOKEN = 6;

/** Looks at the budgets before the embedding of documents is queued. What it costs is kept back when it is done. */
export class EmbeddingBudget {
  readonly #catalog: ModelCatalog;
  readonly #reservations: ReservationService;

  constructor(catalog: ModelCatalog, reservations: ReservationService) {
    this.#catalog = catalog;
    this.#reservations = reservations;
  }

  /** Whether any budget is in force for what the caller has embedded. */
  async isNeeded({ workspace, apiKeyId }: WorkspaceCaller): Promise<boolean> {
    const { budgets } = await this.#catalog.directory.of(workspace.id);
    return budgetsOf(budgets, apiKeyId).length > 0;
  }

  /** @throws BudgetExceededError where the budgets have not enough left to embed the texts, by a low estimate */
  async check(caller: WorkspaceCaller, texts: readonly string[]): Promise<void> {
    const bytes = texts.reduce((sum, text) => sum + Buffer.byteLength(text), 0);
    return this.checkBytes(caller, bytes);
  }

  /** @throws BudgetExceededError as `check`, of texts that have so many bytes all together */
  async checkBytes(caller: WorkspaceCaller, bytes: number): Promise<void> {
    if (!(await this.isNeeded(caller))) return;
    const { workspace, apiKeyId } = caller;
    const { info } = await this.#catalog.embeddingModel(workspace.id);
    const costUsd = tokenCostUsd(Math.floor(bytes / BYTES_PER_TOKEN), info.inputUsdPerMillion) ?? '0';
    await this.#reservations.check(workspace.id, apiKeyId, costUsd);
  }
}
