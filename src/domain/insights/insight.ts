/** What an insight says; the values of the API's `InsightKind`. */
export const INSIGHT_KINDS = ['ANOMALY', 'TREND', 'RECOMMENDATION', 'ALERT', 'OPPORTUNITY'] as const;
export type InsightKind = (typeof INSIGHT_KINDS)[number];

/** From the least to the most pressing. */
export const PRIORITIES = ['LOW', 'MEDIUM', 'HIGH', 'CRITICAL'] as const;
export type Priority = (typeof PRIORITIES)[number];

export const INSIGHT_STATUSES = ['NEW', 'SEEN', 'ACTED_UPON', 'DISMISSED'] as const;
export type InsightStatus = (typeof INSIGHT_STATUSES)[number];

/** A number that an insight stands on. */
export interface DataPoint {
  /** Which number, as a person would call it: `documents a day`, `expected`. */
  metric: string;
  value: number;
  /** Null: it is of no one moment. */
  at: Date | null;
}

/** What an agent has found, before it is kept. */
export interface NewInsight {
  kind: InsightKind;
  /** 1 to 200 characters. */
  title: string;
  /** Plain text of 1 to 4,000 characters. */
  description: string;
  /** 0 to 1. */
  confidence: number;
  priority: Priority;
  /** 100 at the most. */
  dataPoints: readonly DataPoint[];
  /** Imperative sentences; 10 at the most. */
  suggestedActions: readonly string[];
  /** What it was found in; 50 at the most. */
  documentIds: readonly string[];
  /**
   * 1 to 200 characters: what makes it the same insight when it is found again. An agent that finds it again refreshes
   * the one that is there; one that a person dismissed or acted upon stays as it is.
   */
  key: string;
}

/** An insight as it is kept. */
export interface Insight extends Omit<NewInsight, 'documentIds' | 'key'> {
  /** Ids sort by age. */
  id: string;
  /** Of the agent that found it, which may be gone. */
  agentId: string;
  status: InsightStatus;
  createdAt: Date;
  /** When it was last found or judged. */
  updatedAt: Date;
}

/** Those that are at least so pressing. */
export function prioritiesFrom(least: Priority): readonly Priority[] {
  return PRIORITIES.slice(PRIORITIES.indexOf(least));
}

/** Rung after the commit of every insight that is new. */
export function insightTopic(workspaceId: string): string {
  return `insights ${workspaceId}`;
}
