import type { z } from 'zod';
import type { JsonObject, JsonValue } from '../../shared/json.ts';
import type { AgentTools, ToolName } from './agent-tools.ts';

/** What an agent does; the values of the API's `AgentType`. */
export const AGENT_TYPES = [
  'OPPORTUNITY',
  'RESEARCH',
  'SCOUT',
  'SCORING',
  'WRITER',
  'RELATIONSHIP',
  'DASHBOARD_INSIGHTS',
  'QUESTION_ANSWERING',
] as const;
export type AgentType = (typeof AGENT_TYPES)[number];

/** What an agent type is given for a run of one of its agents. */
export interface AgentRunContext<Configuration, Input> {
  readonly configuration: Configuration;
  readonly input: Input;
  /** When the run was asked for: the same in every attempt, so that all of them look at the same time span. */
  readonly requestedAt: Date;
  /** Of the workspace's model for agents, `<integration>/<model>`; null: none writes, and the work is done with `local`. */
  readonly model: string | null;
  /** Aborted when the run is cancelled, takes too long, or the process stops. */
  readonly signal: AbortSignal;
  /** All that the run can do: bound to its workspace, its collections, its tools and its budget. */
  readonly tools: AgentTools;
  /**
   * Does a part of the run once: where the process dies after it, the next attempt is given its result. All work and every
   * tool call belongs inside a step. Steps follow each other; they are never nested or side by side.
   * @param name what a person watching sees, e.g. `read documents 1–200`; unique within the run, alike in each attempt
   * @param work answers with plain JSON of at most 256 KiB, within 15 minutes; a run has 1,000 steps at the most
   */
  step<Result extends JsonValue>(name: string, work: () => Promise<Result>): Promise<Result>;
  /** Says how many items were worked on; `total` is left out while it is not known. */
  progress(itemsProcessed: number, total?: number): void;
}

/** A kind of agent. Each has a folder under types/, whose agent.ts exports one. */
export interface AgentTypeDefinition<
  Configuration extends z.ZodObject = z.ZodObject,
  Input extends z.ZodObject = z.ZodObject,
  Output extends z.ZodObject = z.ZodObject,
> {
  readonly type: AgentType;
  /** One or two sentences for whoever chooses one. */
  readonly description: string;
  /** Its own settings beside the common ones (`CommonConfiguration`): each field described, and with a default. */
  readonly configuration: Configuration;
  /** What `runAgent` may be given: each field described and optional; without input it works through the workspace. */
  readonly input: Input;
  /** What a run brings; has `model`: the model that wrote it, or what was used of `local`. */
  readonly output: Output;
  /** What a run of it may do, whatever a document or a model says. */
  readonly tools: readonly ToolName[];
  run(run: AgentRunContext<z.output<Configuration>, z.output<Input>>): Promise<z.input<Output> & JsonObject>;
}

/** Declares a kind of agent. */
export function defineAgentType<
  Configuration extends z.ZodObject,
  Input extends z.ZodObject,
  Output extends z.ZodObject,
>(definition: AgentTypeDefinition<Configuration, Input, Output>): AgentTypeDefinition {
  return definition as unknown as AgentTypeDefinition;
}
