import type { JsonObject } from '../../shared/json.ts';

/** What a company does that may make it worth talking to; the values of the API's `SignalType`. */
export const SIGNAL_TYPES = [
  'FUNDING_ROUND',
  'EXECUTIVE_CHANGE',
  'JOB_POSTING',
  'TECHNOLOGY_ADOPTION',
  'EXPANSION',
  'WEBSITE_ACTIVITY',
  'COMPETITOR_MENTION',
  'COMPANIES_HOUSE_FILING',
] as const;
export type SignalType = (typeof SIGNAL_TYPES)[number];

export const SIGNAL_STRENGTHS = ['VERY_STRONG', 'STRONG', 'MODERATE', 'WEAK'] as const;
export type SignalStrength = (typeof SIGNAL_STRENGTHS)[number];

export const SIGNAL_STATUSES = ['ACTIVE', 'ACTED_UPON', 'EXPIRED', 'FALSE_POSITIVE'] as const;
export type SignalStatus = (typeof SIGNAL_STATUSES)[number];

/** What an agent has detected, before it is kept. */
export interface NewSignal {
  /** A document of the kind COMPANY. */
  companyId: string;
  type: SignalType;
  strength: SignalStrength;
  /** 0 to 100. */
  confidence: number;
  /** What is known of it, by its type: an amount, a role, a technology, and the sentence that says so (`quote`). */
  data: JsonObject;
  /** Documents that it was found in, 1 to 20. */
  evidenceIds: readonly string[];
  /** When the thing happened or was told, as far as the evidence says. */
  detectedAt: Date;
  /** From then on it is EXPIRED; null: never. */
  expiresAt: Date | null;
  /**
   * 1 to 200 characters: what makes it the same signal of the same company and type when it is found again, in whichever
   * document. The one that is there gains the evidence; one that a person judged keeps that judgement.
   */
  key: string;
}

/** A signal as it is kept. */
export interface Signal extends Omit<NewSignal, 'evidenceIds' | 'key'> {
  /** Ids sort by age. */
  id: string;
  /** Name of the agent that found it first, as it was then. */
  detectedBy: string;
  /** ACTIVE turns into EXPIRED by the database's clock. */
  status: SignalStatus;
  createdAt: Date;
  /** When it was last found or judged. */
  updatedAt: Date;
}

/** Rung after the commit of every signal that is new. */
export function signalTopic(workspaceId: string): string {
  return `signals ${workspaceId}`;
}
