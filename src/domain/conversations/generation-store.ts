import type { PendingQuery, Row } from 'postgres';
import type { SystemScope, WorkspaceScope } from '../../db/workspace-scope.ts';
import type { Attempt } from '../gateway/generation.ts';
import type { UsageAmount } from './answer.ts';
import {
  type Generation,
  type GenerationOptions,
  type GenerationStatus,
  generationTopic,
  type LogEnd,
  type LogEntry,
  NO_USAGE_AMOUNT,
} from './generation.ts';

/** A generation as the process that makes it knows it. */
export interface TakenGeneration extends Generation {
  workspaceId: string;
  options: GenerationOptions;
  apiKeyId: string | null;
  userId: string | null;
  requestId: string;
  /** What the process writes is written under this number alone. */
  claim: number;
  /** Takes that were lost, with this one. */
  tries: number;
  stopRequestedAt: Date | null;
}

/** Who makes a generation, and how long the others leave it to them without hearing from them. */
export interface Lease {
  owner: string;
  seconds: number;
}

export type NewGeneration = Pick<
  TakenGeneration,
  'id' | 'conversationId' | 'questionId' | 'messageId' | 'options' | 'apiKeyId' | 'userId' | 'requestId'
>;

/**
 * Writes a generation down: taken by a process at once, or, where the lease is null, waiting for whoever has room.
 * @returns null where another one of the conversation is not over
 */
export async function insertGeneration(
  scope: WorkspaceScope,
  generation: NewGeneration,
  lease: Lease | null,
): Promise<TakenGeneration | null> {
  const { id, conversationId, questionId, messageId, options, apiKeyId, userId, requestId } = generation;
  const isTaken = lease !== null;
  const [row] = await scope.sql<TakenGeneration[]>`
    insert into generations as g (workspace_id, id, conversation_id, question_id, message_id, status, options, api_key_id,
      user_id, request_id, usage, owner, claim, tries, lease_until, started_at)
    values (${scope.workspaceId}, ${id}, ${conversationId}, ${questionId}, ${messageId},
      ${isTaken ? 'STREAMING' : 'QUEUED'}, ${JSON.stringify(options)}::text::jsonb, ${apiKeyId}, ${userId}, ${requestId},
      ${JSON.stringify(NO_USAGE_AMOUNT)}::text::jsonb, ${lease?.owner ?? null}, ${isTaken ? 1 : 0}, ${isTaken ? 1 : 0},
      clock_timestamp() + make_interval(secs => ${lease?.seconds ?? null}::float8),
      case when ${isTaken}::boolean then clock_timestamp() end)
    on conflict (workspace_id, conversation_id) where finished_at is null do nothing
    returning ${takenColumns(scope)}`;
  return row ?? null;
}

/** In no order; those that are not there are left out. */
export async function findGenerations(scope: WorkspaceScope, ids: readonly string[]): Promise<Generation[]> {
  return await scope.sql<Generation[]>`
    select ${columns(scope)} from generations
    where workspace_id = ${scope.workspaceId} and id = any(${[...ids]}::text[])`;
}

/** By the messages that the answers are, in no order. */
export async function findGenerationsOf(scope: WorkspaceScope, messageIds: readonly string[]): Promise<Generation[]> {
  return await scope.sql<Generation[]>`
    select ${columns(scope)} from generations
    where workspace_id = ${scope.workspaceId} and message_id = any(${[...messageIds]}::text[])`;
}

/**
 * Takes generations that nobody makes: those that wait, and those whose maker was not heard of for as long as its lease.
 * Whatever the former maker still writes changes nothing.
 */
export async function takeGenerations(scope: SystemScope, lease: Lease, limit: number): Promise<TakenGeneration[]> {
  return await scope.sql<TakenGeneration[]>`
    update generations g set
      status = 'STREAMING', owner = ${lease.owner}, claim = g.claim + 1, tries = g.tries + 1,
      lease_until = clock_timestamp() + make_interval(secs => ${lease.seconds}::float8),
      started_at = coalesce(g.started_at, clock_timestamp())
    from (
      select workspace_id, id from generations
      where finished_at is null and (lease_until is null or lease_until < clock_timestamp())
      order by created_at limit ${limit} for update skip locked
    ) due
    where g.workspace_id = due.workspace_id and g.id = due.id
    returning ${takenColumns(scope)}`;
}

/** Tells the others that a process still makes what it has taken. @returns those of them that are to be stopped */
export async function renewLeases(scope: SystemScope, lease: Lease, ids: readonly string[]): Promise<string[]> {
  const renewed = await scope.sql<{ id: string; isToStop: boolean }[]>`
    update generations set lease_until = clock_timestamp() + make_interval(secs => ${lease.seconds}::float8)
    where finished_at is null and owner = ${lease.owner} and id = any(${[...ids]}::text[])
    returning id, stop_requested_at is not null as is_to_stop`;
  return renewed.filter(({ isToStop }) => isToStop).map(({ id }) => id);
}

/** Where one process alone can have made anything, what is unfinished at its start is made by nobody. */
export async function endAllLeases(scope: SystemScope): Promise<void> {
  await scope.sql`update generations set lease_until = null where finished_at is null and lease_until is not null`;
}

/** Gives a generation up, so that others take it at once; the take counts as none. @returns false: it was taken already */
export async function releaseGeneration(
  scope: WorkspaceScope,
  { id, claim }: Pick<TakenGeneration, 'id' | 'claim'>,
): Promise<boolean> {
  const released = await scope.sql`
    update generations set owner = null, lease_until = null, tries = tries - 1,
      status = case when last_seq = 0 then 'QUEUED' else status end
    where workspace_id = ${scope.workspaceId} and id = ${id} and claim = ${claim} and finished_at is null`;
  return released.count > 0;
}

/**
 * Asks whoever makes a generation to stop.
 * @returns null where there is no such generation; `isMade` where somebody is at it, or may be
 */
export async function requestStop(scope: WorkspaceScope, id: string): Promise<{ isMade: boolean } | null> {
  const [row] = await scope.sql<{ owner: string | null }[]>`
    update generations set stop_requested_at = case
      when finished_at is null then coalesce(stop_requested_at, clock_timestamp()) else stop_requested_at end
    where workspace_id = ${scope.workspaceId} and id = ${id} returning owner`;
  return row === undefined ? null : { isMade: row.owner !== null };
}

/** Takes a generation that waits and that nobody makes, so that it can be ended; null where that has changed. */
export async function takeWaiting(scope: WorkspaceScope, id: string, lease: Lease): Promise<TakenGeneration | null> {
  const [row] = await scope.sql<TakenGeneration[]>`
    update generations g set owner = ${lease.owner}, claim = claim + 1,
      lease_until = clock_timestamp() + make_interval(secs => ${lease.seconds}::float8)
    where workspace_id = ${scope.workspaceId} and id = ${id} and finished_at is null and owner is null
    returning ${takenColumns(scope)}`;
  return row ?? null;
}

export async function isStopRequested(scope: WorkspaceScope, id: string): Promise<boolean> {
  const rows = await scope.sql`
    select id from generations
    where workspace_id = ${scope.workspaceId} and id = ${id} and stop_requested_at is not null`;
  return rows.length > 0;
}

/** The writer's view of a generation: what it writes is refused where another one has taken over. */
export interface LogPlace {
  id: string;
  claim: number;
  /** Number of the last event that is written. */
  seq: number;
}

/** Another process has taken the generation over: nothing was written. */
export class LeaseLostError extends Error {
  override readonly name = 'LeaseLostError';

  constructor(id: string) {
    super(`another process has taken over ${id}`);
  }
}

/**
 * Appends to the log. May be called again where nobody knows whether the last call was committed.
 * @throws LeaseLostError
 */
export async function appendEntries(
  scope: WorkspaceScope,
  place: LogPlace,
  entries: readonly LogEntry[],
): Promise<void> {
  const model = modelIn(entries);
  const rows = await scope.sql`
    with fenced as (
      update generations set last_seq = last_seq + ${entries.length}::int, model = coalesce(${model}, model)
      where workspace_id = ${scope.workspaceId} and id = ${place.id} and claim = ${place.claim}
        and last_seq = ${place.seq} and finished_at is null
      returning id
    ), ${insertedEntries(scope, place, entries)}
    select seq from inserted`;
  if (rows.length === 0) await requireWritten(scope, place, entries.length);
  scope.ring(generationTopic(scope.workspaceId, place.id));
}

/** How a generation has ended. */
export interface GenerationEnd {
  status: Exclude<GenerationStatus, 'QUEUED' | 'STREAMING'>;
  /** What is left to be told, and the end. */
  entries: readonly [...LogEntry[], LogEnd];
  attempts: readonly Attempt[];
  usage: UsageAmount;
  /** When others look for what is still to be found out about the answer; absent: there is nothing. */
  findingsDueSeconds?: number;
}

/** As `appendEntries`, and nothing follows. */
export async function endGeneration(scope: WorkspaceScope, place: LogPlace, end: GenerationEnd): Promise<void> {
  const { status, entries, attempts, usage, findingsDueSeconds = null } = end;
  const rows = await scope.sql`
    with fenced as (
      update generations set last_seq = last_seq + ${entries.length}::int, model = coalesce(${modelIn(entries)}, model),
        status = ${status}, attempts = ${JSON.stringify(attempts)}::text::jsonb,
        usage = ${JSON.stringify(usage)}::text::jsonb, owner = null, lease_until = null,
        finished_at = clock_timestamp(),
        findings_due_at = clock_timestamp() + make_interval(secs => ${findingsDueSeconds}::float8)
      where workspace_id = ${scope.workspaceId} and id = ${place.id} and claim = ${place.claim}
        and last_seq = ${place.seq} and finished_at is null
      returning id
    ), ${insertedEntries(scope, place, entries)}
    select seq from inserted`;
  if (rows.length === 0) await requireWritten(scope, place, entries.length);
  scope.ring(generationTopic(scope.workspaceId, place.id));
}

/** A part of a statement that has `fenced`: one row where it may be written, else none. */
function insertedEntries(
  { sql, workspaceId }: WorkspaceScope,
  { id, seq }: LogPlace,
  entries: readonly LogEntry[],
): PendingQuery<Row[]> {
  return sql`inserted as (
      insert into generation_events (workspace_id, generation_id, seq, kind, data)
      select ${workspaceId}, ${id}, ${seq}::int + entry.position, entry.value->>'kind', entry.value->'data'
      from fenced, jsonb_array_elements(${JSON.stringify(entries)}::text::jsonb) with ordinality entry(value, position)
      returning seq
    )`;
}

async function requireWritten({ sql, workspaceId }: WorkspaceScope, place: LogPlace, entries: number): Promise<void> {
  const written = await sql`
    select id from generations
    where workspace_id = ${workspaceId} and id = ${place.id} and claim = ${place.claim}
      and last_seq = ${place.seq + entries}`;
  if (written.length === 0) throw new LeaseLostError(place.id);
}

function modelIn(entries: readonly LogEntry[]): string | null {
  let model: string | null = null;
  for (const { kind, data } of entries) {
    if (kind === 'STARTED') model = data.model;
    if (kind === 'RESTARTED') model = data.toModel;
  }
  return model;
}

function columns({ sql }: WorkspaceScope | SystemScope): PendingQuery<Row[]> {
  return sql`
    generations.id, generations.conversation_id, generations.question_id, generations.message_id, generations.status,
    generations.model, generations.attempts, generations.usage, generations.last_seq,
    coalesce(generations.started_at, generations.created_at) as started_at, generations.finished_at`;
}

function takenColumns({ sql }: WorkspaceScope | SystemScope): PendingQuery<Row[]> {
  return sql`
    g.workspace_id, g.id, g.conversation_id, g.question_id, g.message_id, g.status, g.model, g.attempts, g.usage,
    g.last_seq, coalesce(g.started_at, g.created_at) as started_at, g.finished_at, g.options, g.api_key_id, g.user_id, g.request_id, g.claim, g.tries,
    g.stop_requested_at`;
}
