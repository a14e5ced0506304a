import type { SystemScope } from '../../db/workspace-scope.ts';
import type { JobDefinition } from '../../jobs/define-job.ts';
import type { JobQueue } from '../../jobs/queue.ts';
import type { MaintenanceStep } from '../queues/maintenance.ts';
import { dropOldRuns, endOrphanedRuns, settleRuns } from './agent-run-store.ts';
import { AgentRuns } from './agent-runs.ts';
import { type AgentJobParts, agentRunJob } from './jobs.ts';

const KEPT_DAYS = 400;
/** After its end, by then the ledger has all that a run has spent: also what was under way when it was cancelled. */
const SETTLED_AFTER_MINUTES = 60;
const SWEEP_ROWS = 500;
const SWEEPS_PER_ROUND = 50;

/** What runs agents. */
export interface AgentRunning {
  runs: AgentRuns;
  /** To be worked by the workers. */
  job: JobDefinition;
  upkeep: MaintenanceStep;
}

/** Puts it together. */
export function openAgentRunning(parts: AgentJobParts & { queue: JobQueue }): AgentRunning {
  const job = agentRunJob(parts);
  const sweep = async (signal: AbortSignal, work: (scope: SystemScope) => Promise<number>) => {
    for (let round = 0; round < SWEEPS_PER_ROUND && !signal.aborted; round++) {
      if ((await parts.database.withSystem(work)) < SWEEP_ROWS) return;
    }
  };
  const upkeep: MaintenanceStep = {
    name: 'agent runs',
    run: async (signal) => {
      await sweep(signal, (scope) => endOrphanedRuns(scope, SWEEP_ROWS));
      await sweep(signal, (scope) => settleRuns(scope, SETTLED_AFTER_MINUTES, SWEEP_ROWS));
      await sweep(signal, (scope) => dropOldRuns(scope, KEPT_DAYS, SWEEP_ROWS));
    },
  };
  return { runs: new AgentRuns(parts.queue, job), job: job as unknown as JobDefinition, upkeep };
}
