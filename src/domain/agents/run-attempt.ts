import { z } from 'zod';
import { FinalJobError } from '../../jobs/define-job.ts';
import type { JsonObject, JsonValue } from '../../shared/json.ts';
import type { ModelCall } from '../gateway/model-call.ts';
import type { Finder } from '../insights/finding.ts';
import type { Operation } from '../usage/usage-event.ts';
import type { AgentTypeDefinition } from './agent-type.ts';
import { agentsWriter } from './agents-writer.ts';
import { plainJson } from './plain-json.ts';
import { RunBudget, type RunSpending } from './run-budget.ts';
import { readConfiguration } from './run-configuration.ts';
import { boundTools } from './tools/bound-tools.ts';
import { findReach } from './tools/run-reach.ts';
import type { ToolParts, ToolRun } from './tools/tool-run.ts';

/** An attempt at a run: what is to be done, for whom, and where its steps are kept. */
export interface RunAttempt {
  definition: AgentTypeDefinition;
  finder: Finder;
  /** The agent's, as it was when the run was asked for. */
  configuration: JsonObject;
  input: JsonObject;
  requestedAt: Date;
  /** On whose behalf. */
  call(operation: Operation): ModelCall;
  /** What the ledger has of earlier attempts. */
  spent: RunSpending;
  signal: AbortSignal;
  step<Result extends JsonValue>(name: string, work: () => Promise<Result>): Promise<Result>;
  progress(itemsProcessed: number, total?: number): void;
}

/** What an agent was told, or what its type answered, is not as the type says. No other attempt would change it. */
export class RunMismatchError extends FinalJobError {
  override readonly name = 'RunMismatchError';
}

/**
 * Has a type do its work with the tools that it is given for it.
 * @returns the run's output, as the type's schema has it
 * @throws RunMismatchError, OutOfReachError, RunBudgetExceededError, ToolNotAllowedError; what the gateway or the type throws
 */
export async function attemptRun(parts: ToolParts, attempt: RunAttempt): Promise<JsonObject> {
  const { definition, requestedAt, signal } = attempt;
  const { common, own } = matching('configuration', () => readConfiguration(definition, attempt.configuration));
  const input = matching('input', () => definition.input.strict().parse(attempt.input));
  const workspaceId = attempt.call('generate').caller.workspace.id;
  const reach = await parts.database.withWorkspace(workspaceId, (scope) => findReach(scope, common.collections));
  const writer = await agentsWriter(parts.catalog, parts.gateway.router, workspaceId);
  const budget = new RunBudget(common.limits, attempt.spent);
  const run: ToolRun = {
    ...{ reach, writer, finder: attempt.finder },
    call: callsOf(attempt, budget),
    assertLeft: (isFree = false) => {
      signal.throwIfAborted();
      if (!isFree) budget.assertLeft();
    },
  };
  const tools = boundTools(parts, run, definition);
  const output = await definition.run({
    ...{ configuration: own, input, requestedAt, signal, tools, model: writer?.id ?? null },
    step: attempt.step,
    progress: attempt.progress,
  });
  return plainJson(
    "the run's output",
    matching('output', () => definition.output.parse(output) as JsonObject),
  );
}

function callsOf({ call, finder, signal }: RunAttempt, budget: RunBudget): (operation: Operation) => ModelCall {
  const ended = AbortSignal.any([signal, budget.signal]);
  return (operation) => ({ ...call(operation), signal: ended, tally: budget, aboutId: finder.runId });
}

/** @throws RunMismatchError */
function matching<Value>(what: string, parse: () => Value): Value {
  try {
    return parse();
  } catch (error) {
    if (!(error instanceof z.ZodError)) throw error;
    throw new RunMismatchError(`the run's ${what} is not valid: ${z.prettifyError(error)}`, { cause: error });
  }
}
