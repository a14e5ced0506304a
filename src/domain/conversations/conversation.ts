import type { JsonObject } from '../../shared/json.ts';

/** A thread of questions and answers. */
export interface Conversation {
  id: string;
  title: string | null;
  /** How the answers sound, and whom they speak for. */
  persona: string | null;
  metadata: JsonObject;
  /** Of the messages up to `summaryPosition`; null where none was needed. */
  summary: string | null;
  summaryPosition: number;
  createdAt: Date;
}
