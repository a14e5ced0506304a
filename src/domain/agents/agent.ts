import type { JsonObject } from '../../shared/json.ts';
import type { AgentType } from './agent-type.ts';

/** What a workspace has set up to work for it. */
export interface Agent {
  /** Ids sort by age. */
  id: string;
  type: AgentType;
  /** 1 to 100 characters. */
  name: string;
  description: string | null;
  /** With the defaults that there were when it was saved. */
  configuration: JsonObject;
  isActive: boolean;
  /** As `parseSchedule` writes it; null: it does not run by the clock. */
  schedule: string | null;
  /** When the schedule is due; null: not while it has none, or is not active. */
  nextRunAt: Date | null;
  /** When its latest run was asked for; null before the first. */
  lastRunAt: Date | null;
  /** Whose usage runs are that nobody asked for. */
  apiKeyId: string | null;
  userId: string | null;
  createdAt: Date;
  updatedAt: Date;
}

/** Rung after the commit of what may have an agent run sooner than expected. */
export const AGENT_CLOCK_TOPIC = 'agents due';
