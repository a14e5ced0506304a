import DataLoader from 'dataloader';
import type { Agent } from '../../domain/agents/agent.ts';
import type { AgentRun, RunStep } from '../../domain/agents/agent-run.ts';
import type { JsonObject, JsonValue } from '../../shared/json.ts';
import { inOrder, remembered } from '../loading.ts';
import type { GraphRequest } from '../request.ts';

/** A page of a list that several things have one of. */
interface PageOfEach {
  limit: number;
  after: string | null;
}

/** Agents and their runs: one query for a field of a page. Read anew each time, as a subscription asks again and again. */
export interface AgentLoaders {
  agent: DataLoader<string, Agent | null>;
  agentRun: DataLoader<string, AgentRun | null>;
  /** By the run's id. */
  stepsOfRun: DataLoader<string, RunStep[]>;
  /** By the run's id: what its steps came to, by name. */
  stepOutputsOfRun: DataLoader<string, Map<string, JsonValue | Error>>;
  /** By the run's id. */
  inputOfRun: DataLoader<string, JsonObject>;
  /** By the agent's id. */
  runsOfAgent(page: PageOfEach): DataLoader<string, AgentRun[]>;
  /** By the agent's id; null where no run has ended. */
  successRate(days: number): DataLoader<string, number | null>;
}

const OPTIONS = { maxBatchSize: 100, cache: false };

export function agentLoaders({ services, caller }: GraphRequest): AgentLoaders {
  const { agents, agentRuns } = services;
  const runs = new Map<string, DataLoader<string, AgentRun[]>>();
  const rates = new Map<number, DataLoader<string, number | null>>();
  return {
    agent: new DataLoader(async (ids) => inOrder(ids, await agents.find(caller, ids)), OPTIONS),
    agentRun: new DataLoader(async (ids) => inOrder(ids, await agentRuns.find(caller, ids)), OPTIONS),
    stepsOfRun: new DataLoader((runIds) => agentRuns.stepsOf(caller, runIds), OPTIONS),
    stepOutputsOfRun: new DataLoader((runIds) => agentRuns.stepOutputsOf(caller, runIds), OPTIONS),
    inputOfRun: new DataLoader((runIds) => agentRuns.inputsOf(caller, runIds), OPTIONS),
    runsOfAgent: (page) =>
      remembered(
        runs,
        JSON.stringify(page),
        () => new DataLoader((ids) => agentRuns.listOf(caller, ids, page), OPTIONS),
      ),
    successRate: (days) =>
      remembered(rates, days, () => new DataLoader((ids) => agents.successRates(caller, ids, days), OPTIONS)),
  };
}
