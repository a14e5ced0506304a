import type { GenerateRequest } from '../../plugins/contract.ts';
import type { MeterService } from '../usage/meter-service.ts';
import type { RateLimitService } from '../usage/rate-limit-service.ts';
import type { ReservationService } from '../usage/reservation-service.ts';
import { budgetInForce } from './call-budget.ts';
import { answerBound, withOutputLimit } from './cost-bound.ts';
import { withDefaults } from './generate-calls.ts';
import type { ModelCall } from './model-call.ts';
import type { CatalogModel, ModelCatalog } from './model-catalog.ts';

/** An answer that may be begun later; what is not known yet is left out. */
export interface ExpectedAnswer {
  /** The model that is asked first; null: none, such as where documents answer in their own words. */
  model: CatalogModel | null;
  request: Pick<GenerateRequest, 'messages' | 'maxOutputTokens'>;
}

/** What limits calls. */
export interface AdmissionParts {
  catalog: ModelCatalog;
  limits: RateLimitService;
  meters: MeterService;
  reservations?: ReservationService | undefined;
}

/**
 * Whether a call for an answer would be let in now, asked before the answer is promised. Nothing is taken or counted, and
 * others may come first: the call itself is still held to everything.
 * @throws RateLimitedError, LimitReachedError, BudgetExceededError
 */
export async function checkAdmission(
  { catalog, limits, meters, reservations }: AdmissionParts,
  call: ModelCall,
  { model, request }: ExpectedAnswer,
): Promise<void> {
  const { caller } = call;
  const providers = await catalog.directory.of(caller.workspace.id);
  const { settings } = providers;
  await limits.check(caller, settings.policies);
  if (model === null) return;
  await meters.check(caller.workspace, 'LLM_CALLS', 1);
  const chosen = model.id === settings.models.chat?.primary ? settings.models.chat.parameters : {};
  const bound = answerBound(withOutputLimit(withDefaults(request, chosen), model.info));
  await budgetInForce(reservations, call, providers)?.(bound).check(model);
}
