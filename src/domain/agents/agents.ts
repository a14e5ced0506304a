import type { Database } from '../../db/client.ts';
import type { Logger } from '../../observability/logger.ts';
import type { ModelCatalog } from '../gateway/model-catalog.ts';
import type { Router } from '../gateway/router.ts';
import type { ReservationService } from '../usage/reservation-service.ts';
import { AgentClock } from './agent-clock.ts';
import { AgentRunService } from './agent-run-service.ts';
import type { AgentRuns } from './agent-runs.ts';
import { AgentService } from './agent-service.ts';
import { WritingBudget } from './writing-budget.ts';

export interface AgentsParts {
  database: Database;
  logger: Logger;
  catalog: ModelCatalog;
  router: Router;
  reservations: ReservationService;
  runs: AgentRuns;
}

/** What sets agents up and has them run, put together. */
export function openAgents({ database, logger, catalog, router, reservations, runs }: AgentsParts) {
  const budget = new WritingBudget(catalog, router, reservations);
  const services = {
    agents: new AgentService(database, (scope, agentId) => runs.cancelAllOf(scope, agentId)),
    agentRuns: new AgentRunService({ database, runs, budget }),
  };
  return { services, clock: new AgentClock(database, logger, (scope, run) => runs.start(scope, run)) };
}
