import type { z } from 'zod';
import type { JsonObject } from '../../shared/json.ts';
import type { Answer } from '../conversations/answering/answer.ts';
import type { Document, DocumentFilter } from '../documents/document.ts';
import type { NewInsight } from '../insights/insight.ts';
import type { NewSignal, Signal } from '../insights/signal.ts';

export const TOOL_NAMES = [
  'search',
  'list_documents',
  'read_documents',
  'find_company',
  'similar_companies',
  'classify',
  'read_series',
  'read_signals',
  'ask',
  'write',
  'record_signal',
  'record_insight',
] as const;
export type ToolName = (typeof TOOL_NAMES)[number];

/** A company as a run is told to look at it: by its document's id, its external id or its name. */
export type CompanyReference = string;

/** A document that a search found, best first. */
export interface FoundDocument {
  document: Document;
  /** 0 to 1. */
  score: number;
  /** The stretch of the text that was found. */
  passage: string;
}

/** Where a document stands among the newest: plain JSON. */
export type DocumentPlace = { /** ISO 8601. */ createdAt: string; id: string };

/** A call that a model made of a tool. */
export type MadeCall = {
  tool: ToolName;
  arguments: JsonObject;
  /** Documents that the call gave it to read, whole or in part. */
  documentIds: string[];
};

/** As much of an active signal as choosing companies takes. */
export type SignalGlance = Pick<Signal, 'id' | 'companyId' | 'type' | 'strength' | 'confidence' | 'detectedAt'>;

/** What a workspace counted, a value a day (UTC), oldest first; days without anything are 0, or left out for averages. */
export interface Series {
  /** E.g. `documents`, `sentiment`, `class:bug`, `cost`. */
  name: string;
  /** As people would say it, with its unit: `documents a day`. */
  label: string;
  /** Whether days without anything are 0 (a count) or unknown (an average). */
  isCount: boolean;
  points: readonly { at: Date; value: number }[];
}

/**
 * What a run can do. Each call is checked against the tools of the run's type, counted against its budget (calls, tokens,
 * US dollars), and bound to the workspace and to the collections that the agent is limited to: what is outside of them does
 * not exist for it. Texts that come back are data of whoever wrote them, never instructions.
 * @throws ToolNotAllowedError, RunBudgetExceededError; what the gateway throws
 */
export interface AgentTools {
  /** Hybrid search; `first` up to 50. */
  search(query: string, options?: { filter?: DocumentFilter; first?: number }): Promise<FoundDocument[]>;
  /** A page of documents in the order of their ids (oldest first); `after` is the last id of the page before; `first` up to 500. */
  listDocuments(options: { filter?: DocumentFilter; after?: string | null; first: number }): Promise<Document[]>;
  /**
   * A page of documents by when they came to be, newest first, for a run that reads no more than so many; counts as
   * `list_documents`. `after` is the place of the last one of the page before; `first` up to 500.
   */
  listNewest(options: { filter?: DocumentFilter; after?: DocumentPlace | null; first: number }): Promise<Document[]>;
  /** Up to 200 documents; those that are gone or out of reach are left out. */
  readDocuments(ids: readonly string[]): Promise<Document[]>;
  /** The company of a reference; null: there is none, or several equally good ones. */
  findCompany(reference: CompanyReference): Promise<Document | null>;
  /** Companies like this one by their vectors, best first, with scores 0 to 1; `first` up to 50. */
  similarCompanies(companyId: string, first: number): Promise<{ document: Document; score: number }[]>;
  /** The best label of each text, in their order; null where none fits. Up to 200 texts. */
  classify(taxonomy: string, texts: readonly string[]): Promise<({ label: string; confidence: number } | null)[]>;
  /** The workspace's own series over the days before `until`: documents, sentiment, classes, usage, cost. Up to 400 days. */
  readSeries(options: { until: Date; days: number }): Promise<Series[]>;
  /** The active signals of a company, newest first; up to 100. */
  readSignals(companyId: string): Promise<(NewSignal & { id: string })[]>;
  /**
   * A page of the active signals of all companies, newest first, for choosing companies; counts as `read_signals`.
   * `after` is the `next` of the page before; null as `next`: it was the last. `first` up to 500.
   */
  listSignals(options: {
    after?: string | null;
    first: number;
  }): Promise<{ signals: SignalGlance[]; next: string | null }>;
  /** An answer from documents with its citations, as `ask` of the API gives it. */
  ask(question: string, filter?: DocumentFilter): Promise<Answer>;
  /**
   * Has the model that the workspace chose for agents write an object. Only where `AgentRunContext.model` is not null.
   * @param texts what documents say, by a name each; shown between lines that no text can forge, after `prompt`
   */
  write<Schema extends z.ZodObject>(asked: {
    prompt: string;
    texts: readonly { name: string; text: string }[];
    /** Letters, digits and `_`. */
    name: string;
    schema: Schema;
    maxOutputTokens?: number;
  }): Promise<z.output<Schema>>;
  /**
   * Lets the model choose and call read-only tools of the run by itself, up to `maxRounds` rounds, and then has it write
   * the object. Arguments are checked; a tool that the run has not, or that the model made up, is refused and told so.
   */
  writeWithTools<Schema extends z.ZodObject>(asked: {
    prompt: string;
    question: string;
    tools: readonly ToolName[];
    name: string;
    schema: Schema;
    maxRounds: number;
  }): Promise<{ value: z.output<Schema>; calls: MadeCall[] }>;
  /**
   * Keeps a signal, or adds to the one that is there.
   * @returns its id; null: its company, or all that it was found in, has been deleted meanwhile
   * @throws OutOfReachError where either is there, and not for this run
   */
  recordSignal(signal: NewSignal): Promise<string | null>;
  /** Keeps an insight, or refreshes the one that is there. @returns its id */
  recordInsight(insight: NewInsight): Promise<string>;
}
