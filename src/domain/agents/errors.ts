import { FinalJobError } from '../../jobs/define-job.ts';
import type { AgentType } from './agent-type.ts';

/** A tool that the run's type does not have. Nothing was done. */
export class ToolNotAllowedError extends FinalJobError {
  override readonly name = 'ToolNotAllowedError';

  constructor(tool: string, type: AgentType) {
    super(`an agent of the type ${type} has no tool "${tool}"`);
  }
}

/** The run has used what its agent's configuration lets one run use. What it has found so far is kept. */
export class RunBudgetExceededError extends FinalJobError {
  override readonly name = 'RunBudgetExceededError';
  readonly limit: 'calls' | 'tokens' | 'usd';

  constructor(limit: 'calls' | 'tokens' | 'usd', allowed: number, used: string) {
    const unit = { calls: 'calls of models', tokens: 'tokens', usd: 'US dollars' }[limit];
    super(
      `the run has used up its limit of ${allowed} ${unit} (used: ${used}); what it has found is kept. ` +
        `Raise limits.${limit} in the agent's configuration, or give it less to do, and run it again`,
    );
    this.limit = limit;
  }
}

/** What a run was to look at, or found, is not within its reach: it is not there, or lies in another collection. */
export class OutOfReachError extends FinalJobError {
  override readonly name = 'OutOfReachError';
}

/** What a step or a run came to cannot be kept. To do it again would cost the same, and come to the same. */
export class UnkeepableResultError extends FinalJobError {
  override readonly name = 'UnkeepableResultError';
}
