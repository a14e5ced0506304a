import { z } from 'zod';
import type { Database } from '../../db/client.ts';
import {
  defineJob,
  FinalJobError,
  type JobContext,
  type JobDefinition,
  type JobIdentity,
} from '../../jobs/define-job.ts';
import { ringJobs } from '../../jobs/job-events.ts';
import { DomainError } from '../../shared/errors.ts';
import type { JsonValue } from '../../shared/json.ts';
import { jobCalls, withinAllowance } from '../gateway/job-call.ts';
import { InvalidFindingError } from '../insights/finding.ts';
import type { UsageRecorder } from '../usage/usage-recorder.ts';
import { findRunToDo, keepOutput, readSpending } from './agent-run-store.ts';
import type { AgentType, AgentTypeDefinition } from './agent-type.ts';
import { attemptRun } from './run-attempt.ts';
import { RunSteps } from './run-steps.ts';
import type { ToolParts } from './tools/tool-run.ts';

const PAYLOAD = z.object({
  runId: z.string(),
  apiKeyId: z.string().nullable(),
  userId: z.string().nullable(),
});
export type RunPayload = z.infer<typeof PAYLOAD>;

export interface AgentJobParts extends ToolParts {
  database: Database;
  recorder: UsageRecorder;
  /** Null: this version knows no such type. */
  typeOf(type: AgentType): AgentTypeDefinition | null;
}

/** What no other attempt would change. A budget that is used up is a decision to be made, and not worth days of waiting. */
const FINAL_CODES: ReadonlySet<string> = new Set([
  'BAD_INPUT',
  'NOT_FOUND',
  'NO_PROVIDER',
  'BUDGET_EXCEEDED',
  'FORBIDDEN',
]);

/** The job that does a run. */
export function agentRunJob(parts: AgentJobParts): JobDefinition<RunPayload> {
  return defineJob({
    kind: 'AGENT_RUN',
    schema: PAYLOAD,
    run: (payload, context) => withinAllowance(() => doRun(parts, payload, context)),
  });
}

async function doRun(
  parts: AgentJobParts,
  payload: RunPayload & JobIdentity,
  context: JobContext,
): Promise<JsonValue | undefined> {
  const { database, recorder } = parts;
  const { workspaceId, jobId, runId } = payload;
  const run = await database.withWorkspace(workspaceId, (scope) => findRunToDo(scope, runId));
  if (run === null) return undefined;
  const definition = parts.typeOf(run.type);
  // Not final: while versions are being replaced, a newer worker may know it.
  if (definition === null) throw new Error(`this worker knows no agents of the type ${run.type}`);
  const ended = endedWith(context.signal);
  const calls = await jobCalls(database, payload, ended.signal);
  if (calls === null) return undefined;
  // What an earlier attempt of this process has spent may still be on its way to the ledger.
  await recorder.settle();
  const spent = await database.withWorkspace(workspaceId, (scope) => readSpending(scope, runId));
  const steps = await RunSteps.open({ database, recorder, context, workspaceId, runId, jobId, ended });
  const { agentId, agentName, configuration, input } = run;
  try {
    const output = await attemptRun(parts, {
      ...{ definition, configuration, input, spent, requestedAt: run.createdAt, call: calls, signal: ended.signal },
      finder: { agentId, agentName, runId },
      step: (name, work) => steps.run(name, work),
      progress: (items, total) => context.progress(items, 0, total),
    });
    ended.signal.throwIfAborted();
    await recorder.settle();
    await context.checkpoint({ hasOutput: true }, async (scope) => {
      await keepOutput(scope, runId, output);
      ringJobs(scope, [jobId]);
    });
    return { runId };
  } catch (error) {
    // What a type makes of being ended does not matter.
    if (ended.signal.aborted) throw ended.signal.reason;
    throw isFinal(error) ? new FinalJobError((error as Error).message, { cause: error }) : error;
  }
}

/** What the attempt's signal ends, and what may be ended before. */
function endedWith(signal: AbortSignal): AbortController {
  const controller = new AbortController();
  if (signal.aborted) controller.abort(signal.reason);
  else signal.addEventListener('abort', () => controller.abort(signal.reason), { once: true });
  return controller;
}

function isFinal(error: unknown): boolean {
  return error instanceof InvalidFindingError || (error instanceof DomainError && FINAL_CODES.has(error.code));
}
