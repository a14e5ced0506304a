import type { Database } from '../../db/client.ts';
import type { SystemScope } from '../../db/workspace-scope.ts';
import type { MaintenanceStep } from '../queues/maintenance.ts';
import { InsightService } from './insight-service.ts';
import { dropOldInsights } from './insight-store.ts';
import { SignalService } from './signal-service.ts';
import { dropOldSignals, expireSignals } from './signal-store.ts';

/** What nobody has found again or judged for so long is of no use but to a statistic. */
const KEPT_DAYS = 400;
const SWEEP_ROWS = 1_000;
const SWEEPS_PER_ROUND = 50;

/** What agents find, put together. */
export function openFindings(database: Database) {
  const services = { insights: new InsightService(database), signals: new SignalService(database) };
  const upkeep: MaintenanceStep = {
    name: 'insights and signals',
    run: async (signal) => {
      await sweep(database, signal, (scope) => expireSignals(scope, SWEEP_ROWS));
      await sweep(database, signal, (scope) => dropOldSignals(scope, KEPT_DAYS, SWEEP_ROWS));
      await sweep(database, signal, (scope) => dropOldInsights(scope, KEPT_DAYS, SWEEP_ROWS));
    },
  };
  return { services, upkeep };
}

/** In transactions of their own, so that none holds its locks for long. */
async function sweep(
  database: Database,
  signal: AbortSignal,
  work: (scope: SystemScope) => Promise<number>,
): Promise<void> {
  for (let round = 0; round < SWEEPS_PER_ROUND && !signal.aborted; round++) {
    if ((await database.withSystem(work)) < SWEEP_ROWS) return;
  }
}
