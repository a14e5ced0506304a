import { sumDecimals } from '../../shared/decimal.ts';
import type { UsageEvent } from './usage-event.ts';
import { dayOf } from './utc-day.ts';

/** An event with the id of its row, made when it was recorded: a batch that is written again changes nothing. */
export interface RecordedEvent extends UsageEvent {
  id: string;
  /** Told once, when it is written or given up: whether its reservation was kept. */
  onOver?: ((isKept: boolean) => void) | undefined;
}

type Value = string | number | null;

/** What is refused before the database is asked, with the code that it would have answered. */
class InvalidAmountError extends Error {
  override readonly name = 'InvalidAmountError';
  readonly code = '22P02';
}

/** The row of an attempt, a `ledger_attempt` of the migrations. */
export function attemptRow(event: RecordedEvent): string {
  return rowOf([
    ...[event.workspaceId, event.id, event.at, event.apiKeyId, event.userId, event.requestId, event.aboutId ?? null],
    ...[event.provider, event.model, event.operation, event.outcome, event.errorCode, event.embeddings, event.llmCalls],
    ...[event.vectorQueries, event.cacheHits, event.inputTokens, event.outputTokens, event.cachedTokens],
    ...[event.costUsd, event.latencyMs],
  ]);
}

interface DaySums {
  key: readonly string[];
  events: RecordedEvent[];
}

/**
 * What attempts add to their days, each `ledger_day` of the migrations once.
 * @throws with SQLSTATE 22P02 where a cost is no decimal
 */
export function dayRows(events: readonly RecordedEvent[]): string[] {
  const days = new Map<string, DaySums>();
  for (const event of events) {
    const { workspaceId, provider, model, operation, apiKeyId, outcome } = event;
    const key = [workspaceId, dayOfAttempt(event), provider, model, operation, apiKeyId ?? '', outcome];
    const name = key.join('\u0000');
    const day = days.get(name);
    if (day === undefined) days.set(name, { key, events: [event] });
    else day.events.push(event);
  }
  return [...days.values()].map(dayRow);
}

function dayRow({ key, events }: DaySums): string {
  const sum = (count: (event: RecordedEvent) => number) => events.reduce((total, event) => total + count(event), 0);
  const requests = events.filter(({ operation }) => operation !== 'vector_query');
  return rowOf([
    ...[...key, requests.length, sum(({ embeddings }) => embeddings), sum(({ llmCalls }) => llmCalls)],
    ...[
      sum(({ vectorQueries }) => vectorQueries),
      sum(({ cacheHits }) => cacheHits),
      sum(({ inputTokens }) => inputTokens),
    ],
    ...[sum(({ outputTokens }) => outputTokens), sum(({ cachedTokens }) => cachedTokens), costOf(events)],
    ...[requests.filter(({ costUsd }) => costUsd === null).length, sum(({ latencyMs }) => latencyMs)],
  ]);
}

/** The day (UTC) that an attempt counts for. An instant that is none is for the database to refuse. */
function dayOfAttempt({ at }: RecordedEvent): string {
  return dayOf(Math.abs(at) <= 8.64e15 ? at : 0);
}

function costOf(events: readonly RecordedEvent[]): string {
  try {
    return sumDecimals(events.flatMap(({ costUsd }) => costUsd ?? []));
  } catch (error) {
    throw new InvalidAmountError('a cost is no decimal number', { cause: error });
  }
}

/** As the database reads a row: what is no number is nothing, as in JSON. */
function rowOf(values: readonly Value[]): string {
  return `(${values.map(fieldOf).join(',')})`;
}

function fieldOf(value: Value): string {
  if (typeof value === 'number') return Number.isFinite(value) ? String(value) : '';
  if (value === null) return '';
  return PLAIN.test(value) ? value : `"${value.replace(/["\\]/g, '\\$&')}"`;
}

/** What needs no quotes: each of them would be quoted once more, as a part of an array. */
const PLAIN = /^[\w./:-]+$/;
