import type { App } from '../../src/app.ts';
import type { AgentRun } from '../../src/domain/agents/agent-run.ts';
import { findRuns, outputsOfSteps, stepsOfRuns } from '../../src/domain/agents/agent-run-store.ts';
import { openAgentRunning } from '../../src/domain/agents/agent-running.ts';
import type { AgentRuns, AskedRun } from '../../src/domain/agents/agent-runs.ts';
import type { AgentTypeDefinition } from '../../src/domain/agents/agent-type.ts';
import { startBoss } from '../../src/jobs/boss.ts';
import { JobQueue } from '../../src/jobs/queue.ts';
import { startWorker } from '../../src/jobs/run-worker.ts';
import { newId } from '../../src/shared/ids.ts';
import type { JsonObject } from '../../src/shared/json.ts';

/** A worker of runs alone, of types that a test has made. The server's own worker has to be off. */
export interface AgentWorker {
  runs: AgentRuns;
  upkeep(): Promise<unknown>;
  stop(): Promise<void>;
}

/** @param drainMs how long a stop waits for runs that are under way */
export async function startAgentWorker(
  app: App,
  types: readonly AgentTypeDefinition[],
  drainMs = 200,
): Promise<AgentWorker> {
  const { database, logger, recorder, services } = app;
  const { search, answers, classifications, models: catalog, gateway } = services;
  const boss = await startBoss(database, logger);
  const { runs, job, upkeep } = openAgentRunning({
    ...{ database, search, answers, classifications, catalog, gateway, recorder, queue: new JobQueue(boss) },
    typeOf: (type) => types.find((definition) => definition.type === type) ?? null,
  });
  const worker = await startWorker({ boss, database, definitions: [job], logger, drainMs });
  return {
    runs,
    upkeep: () => upkeep.run(new AbortController().signal),
    stop: async () => {
      await worker.stop();
      await boss.stop({ graceful: false });
    },
  };
}

/** Writes an agent straight into its table. */
export async function insertAgent(
  { database }: Pick<App, 'database'>,
  workspaceId: string,
  { type }: AgentTypeDefinition,
  configuration: JsonObject = {},
): Promise<AskedRun['agent']> {
  const agent = { id: newId('Agent'), type, configuration, apiKeyId: null, userId: null };
  await database.withWorkspace(
    workspaceId,
    ({ sql }) => sql`
      insert into agents (workspace_id, id, type, name, configuration, is_active)
      values (${workspaceId}, ${agent.id}, ${type}, 'an agent', ${sql.json(configuration)}, true)`,
  );
  return agent;
}

/** A run as it stands, with its steps. */
export async function readRun({ database }: Pick<App, 'database'>, workspaceId: string, runId: string) {
  return database.withWorkspace(workspaceId, async (scope) => {
    const [run] = await findRuns(scope, [runId]);
    if (run === undefined) throw new Error('the run is gone');
    const steps = await stepsOfRuns(scope, [runId], 1_000);
    const outputs = await outputsOfSteps(scope, [runId], Number.MAX_SAFE_INTEGER);
    const outputOf = (name: string) => outputs.find((each) => each.name === name)?.output ?? null;
    return { ...(run as AgentRun), steps: steps.map((step) => ({ ...step, output: outputOf(step.name) })) };
  });
}
