import type { Database } from '../../db/client.ts';
import { isDatabaseUnavailable } from '../../db/failures.ts';
import type { WorkspaceScope } from '../../db/workspace-scope.ts';
import type { Logger } from '../../observability/logger.ts';
import type { JsonObject } from '../../shared/json.ts';
import { AGENT_CLOCK_TOPIC, type Agent } from './agent.ts';
import { parseSchedule } from './agent-schedule.ts';
import {
  type AgentReference,
  agentsDue,
  agentsWithNews,
  claimAgentWithNews,
  claimDueAgent,
  moveSchedule,
  nextDue,
} from './agent-schedule-store.ts';
import { findAgentType } from './agent-types.ts';
import { tellAgents, workspacesWithNews } from './document-news-store.ts';

/** Agents or workspaces that one look takes of each kind; it looks again at once where there are more. */
const BATCH = 100;
/** Least and longest time from one look to the next. */
const PAUSE_MS = 1_000;
const LONGEST_WAIT_MS = 60_000;
/** While documents wait for an agent that is busy. */
const NEWS_WAIT_MS = 5_000;
/** How long a stop waits for the look that is under way. */
const STOP_TIMEOUT_MS = 5_000;

/** Starts a run in the transaction of `scope`. */
export type StartRun = (
  scope: WorkspaceScope,
  run: { agent: Agent; cause: 'SCHEDULE' | 'DOCUMENTS'; input: JsonObject },
) => Promise<unknown>;

/**
 * Has agents run by themselves: when their schedule is due, and when documents have come. Any number of processes may do
 * so at once: whoever moves an agent's next time on, or takes its documents, starts the run in the same transaction. Only
 * the database's clock counts. What was missed while nobody looked is one run.
 */
export class AgentClock {
  readonly #database: Database;
  readonly #logger: Logger;
  readonly #startRun: StartRun;
  #timer: NodeJS.Timeout | null = null;
  #dueAt = Number.POSITIVE_INFINITY;
  #looking: Promise<void> | null = null;
  #lookedAt = Number.NEGATIVE_INFINITY;
  #stopListening: (() => void) | null = null;
  #isStopped = false;

  constructor(database: Database, logger: Logger, startRun: StartRun) {
    this.#database = database;
    this.#logger = logger;
    this.#startRun = startRun;
  }

  start(): void {
    if (this.#isStopped || this.#stopListening !== null) return;
    this.#stopListening = this.#database.bus.listen(AGENT_CLOCK_TOPIC, () => this.#plan(0));
    this.#plan(0);
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#stopListening?.();
    if (this.#timer !== null) clearTimeout(this.#timer);
    const timeout = new Promise<void>((resolve) => setTimeout(resolve, STOP_TIMEOUT_MS).unref());
    await Promise.race([this.#looking, timeout]);
  }

  /** Starts what is due now. @returns milliseconds after which something may be due again */
  async look(): Promise<number> {
    const workspaceIds = await this.#database.withSystem((scope) => workspacesWithNews(scope, BATCH));
    const hasMoreNews = await this.#tellEach(workspaceIds);
    const due = await this.#database.withSystem((scope) => agentsDue(scope, BATCH));
    const started = await this.#startEach(due, (scope, agent) => this.#startDue(scope, agent));
    const withNews = await this.#database.withSystem((scope) => agentsWithNews(scope, BATCH));
    const told = await this.#startEach(withNews, (scope, agent) => this.#startForDocuments(scope, agent));
    const isMore = [workspaceIds.length, started, told].includes(BATCH);
    if (isMore || hasMoreNews) return 0;
    const { dueInMs, hasNews } = await this.#database.withSystem(nextDue);
    return Math.min(Math.max(dueInMs ?? LONGEST_WAIT_MS, 0), hasNews ? NEWS_WAIT_MS : LONGEST_WAIT_MS);
  }

  /** @returns whether more was noted of a workspace than was told now */
  async #tellEach(workspaceIds: readonly string[]): Promise<boolean> {
    let hasMore = false;
    for (const workspaceId of workspaceIds) {
      if (this.#isStopped) break;
      try {
        if (await this.#database.withWorkspace(workspaceId, tellAgents)) hasMore = true;
      } catch (error) {
        if (isDatabaseUnavailable(error)) throw error;
        this.#logger.warn({ err: error, workspaceId }, 'agents could not be told of documents');
      }
    }
    return hasMore;
  }

  /** Each in a transaction of its own: one that cannot be started holds up no other. @returns how many were started */
  async #startEach(
    agents: readonly AgentReference[],
    start: (scope: WorkspaceScope, agent: AgentReference) => Promise<boolean>,
  ): Promise<number> {
    let started = 0;
    for (const agent of agents) {
      if (this.#isStopped) break;
      try {
        if (await this.#database.withWorkspace(agent.workspaceId, (scope) => start(scope, agent))) started += 1;
      } catch (error) {
        if (isDatabaseUnavailable(error)) throw error;
        this.#logger.warn({ err: error, agent: agent.id }, 'an agent could not be started by itself');
      }
    }
    return started;
  }

  /** A time that comes while a run of the schedule is waiting or under way, or more runs than there may be, is passed over. */
  async #startDue(scope: WorkspaceScope, { id }: AgentReference): Promise<boolean> {
    const claimed = await claimDueAgent(scope, id);
    if (claimed === null) return false;
    const { agent, now, isBusy } = claimed;
    await moveSchedule(scope, id, this.#nextTime(agent, now));
    if (isBusy || findAgentType(agent.type) === null) return false;
    await this.#startRun(scope, { agent, cause: 'SCHEDULE', input: {} });
    return true;
  }

  /** Null where the schedule can be read no more, because a zone of it is unknown by now. */
  #nextTime({ id, schedule }: Agent, now: Date): Date | null {
    try {
      return schedule === null ? null : parseSchedule(schedule).nextAfter(now);
    } catch (error) {
      this.#logger.warn({ err: error, agent: id }, 'the schedule of an agent cannot be read any more: it runs no more');
      return null;
    }
  }

  /** Says since when, to a type that can look at what has changed alone. */
  async #startForDocuments(scope: WorkspaceScope, { id }: AgentReference): Promise<boolean> {
    const claimed = await claimAgentWithNews(scope, id);
    if (claimed === null) return false;
    const { agent, since } = claimed;
    const definition = findAgentType(agent.type);
    if (definition === null) return false;
    const input: JsonObject = 'changedSince' in definition.input.shape ? { changedSince: since.toISOString() } : {};
    await this.#startRun(scope, { agent, cause: 'DOCUMENTS', input });
    return true;
  }

  #plan(waitMs: number): void {
    const now = performance.now();
    const dueAt = Math.max(now + waitMs, this.#lookedAt + PAUSE_MS);
    if (this.#isStopped || dueAt >= this.#dueAt) return;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#dueAt = dueAt;
    this.#timer = setTimeout(() => this.#wake(), dueAt - now);
    this.#timer.unref();
  }

  #wake(): void {
    this.#dueAt = Number.POSITIVE_INFINITY;
    // What rang during a look is seen by the next one.
    if (this.#looking !== null) {
      this.#plan(PAUSE_MS);
      return;
    }
    this.#lookedAt = performance.now();
    this.#looking = this.look()
      .catch((error: unknown) => {
        this.#logger.warn({ err: error }, 'it could not be seen which agents are due; it is looked again');
        return NEWS_WAIT_MS;
      })
      .then((waitMs) => {
        this.#looking = null;
        this.#plan(waitMs);
      });
  }
}
