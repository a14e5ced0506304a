import type { WorkspaceScope } from '../../db/workspace-scope.ts';
import type { JobDefinition } from '../../jobs/define-job.ts';
import type { JobQueue } from '../../jobs/queue.ts';
import { ConflictError, NotFoundError } from '../../shared/errors.ts';
import { newId } from '../../shared/ids.ts';
import type { JsonObject } from '../../shared/json.ts';
import { cancelUnfinished } from '../queues/job-control-store.ts';
import type { Agent } from './agent.ts';
import { type AgentRun, OPEN_RUNS_MAX, type RunCause } from './agent-run.ts';
import { findRuns, insertRun, setJob } from './agent-run-store.ts';
import type { RunPayload } from './jobs.ts';

const KEY_MAX_CHARACTERS = 200;
/** A run that is asked for. Its configuration and input were checked. */
export interface AskedRun {
  agent: Pick<Agent, 'id' | 'type' | 'configuration' | 'apiKeyId' | 'userId'>;
  cause: RunCause;
  input: JsonObject;
  /** 1 to 200 characters: the same agent and key is the same run, as long as it is kept. */
  idempotencyKey?: string;
  /** Whose usage it is; left out: of whoever made the agent. */
  owner?: { apiKeyId: string | null; userId: string | null };
}

/** Starts and cancels runs, as part of the transaction that wants it. */
export class AgentRuns {
  readonly #queue: JobQueue;
  readonly #job: JobDefinition<RunPayload>;

  constructor(queue: JobQueue, job: JobDefinition<RunPayload>) {
    this.#queue = queue;
    this.#job = job;
  }

  /**
   * @returns the run, or the one that was asked for with the same key before
   * @throws ConflictError where the agent has as many waiting or under way as it may
   */
  async start(scope: WorkspaceScope, asked: AskedRun): Promise<AgentRun> {
    const { agent, cause, input, idempotencyKey = null, owner = agent } = asked;
    if (idempotencyKey === '' || (idempotencyKey?.length ?? 0) > KEY_MAX_CHARACTERS) {
      throw new RangeError(`a run's idempotency key has 1 to ${KEY_MAX_CHARACTERS} characters`);
    }
    const { apiKeyId, userId } = owner;
    const own = { id: newId('AgentRun'), agentId: agent.id };
    const runId = await insertRun(scope, {
      ...{ ...own, type: agent.type, configuration: agent.configuration },
      ...{ cause, input, idempotencyKey, apiKeyId, userId },
    });
    if (runId === own.id) {
      await assertRoom(scope, agent.id);
      const jobId = await this.#queue.enqueue(scope, this.#job, { runId, apiKeyId, userId });
      await setJob(scope, own, jobId);
    }
    return existing(scope, runId);
  }

  /**
   * Ends a run that is not over; one that is stays as it is. What it has found is kept.
   * @throws NotFoundError
   */
  async cancel(scope: WorkspaceScope, runId: string): Promise<AgentRun> {
    const { jobId } = await existing(scope, runId);
    await cancelUnfinished(scope, jobId);
    return existing(scope, runId);
  }

  /** To be called before an agent is deleted with its runs. */
  async cancelAllOf(scope: WorkspaceScope, agentId: string): Promise<void> {
    const runs = await scope.sql<{ jobId: string }[]>`
      select job_id from agent_runs
      where workspace_id = ${scope.workspaceId} and agent_id = ${agentId} and finished_at is null order by job_id`;
    for (const { jobId } of runs) await cancelUnfinished(scope, jobId);
  }
}

/** Two at once may both find room for one: the bound is there to end a loop, not to count. */
async function assertRoom({ sql, workspaceId }: WorkspaceScope, agentId: string): Promise<void> {
  const unfinished = await sql`
    select from agent_runs
    where workspace_id = ${workspaceId} and agent_id = ${agentId} and finished_at is null limit ${OPEN_RUNS_MAX + 1}`;
  if (unfinished.length <= OPEN_RUNS_MAX) return;
  throw new ConflictError(`the agent has ${OPEN_RUNS_MAX} runs that are not over: wait for them, or cancel some`);
}

/** @throws NotFoundError */
async function existing(scope: WorkspaceScope, runId: string): Promise<AgentRun> {
  const [run] = await findRuns(scope, [runId]);
  if (run === undefined) throw new NotFoundError('agent run', runId);
  return run;
}
