import type { SystemScope, WorkspaceScope } from '../../db/workspace-scope.ts';
import { newId } from '../../shared/ids.ts';
import { checkedSignal, type Finder, InvalidFindingError } from './finding.ts';
import { isNews, type NewsRange } from './finding-news.ts';
import { type NewSignal, type Signal, type SignalStatus, type SignalType, signalTopic } from './signal.ts';

/** Documents that a signal holds: of one that all the world writes of, the first ones. */
const EVIDENCE_MAX = 50;

/** What a list of signals is narrowed by; null: by nothing. */
export interface SignalFilter {
  companyId: string | null;
  types: readonly SignalType[] | null;
  status: readonly SignalStatus[] | null;
}

/**
 * Keeps a signal, or adds its evidence to the one of the same company, type and key, whichever agent found that. Where it
 * is stronger or surer than before it is so from then on; one that has expired and is found again lives, and is told,
 * again; one that a person judged gains the evidence alone. Two runs that find it at once keep one.
 * @returns its id
 * @throws InvalidFindingError where it is of no company of the workspace
 */
export async function recordSignal(scope: WorkspaceScope, finder: Finder, signal: NewSignal): Promise<string> {
  const { sql, workspaceId } = scope;
  const { evidenceIds, ...found } = checkedSignal(signal);
  const own = newId('Signal');
  const [kept] = await sql<{ id: string; isNew: boolean }[]>`
    insert into signals as known (workspace_id, id, company_id, type, key, strength, confidence, data, agent_id,
      detected_by, status, detected_at, expires_at)
    select ${workspaceId}, ${own}, id, ${found.type}, ${found.key}, ${found.strength}, ${found.confidence},
      ${sql.json(found.data as never)}, ${finder.agentId}, ${finder.agentName}, 'ACTIVE', ${found.detectedAt}, ${found.expiresAt}
    from documents where workspace_id = ${workspaceId} and id = ${found.companyId} and kind = 'COMPANY'
    on conflict (workspace_id, company_id, type, key) do update set ${whatFollows(scope)}
    returning id, transaction_id = pg_current_xact_id() as is_new`;
  if (kept === undefined) throw new InvalidFindingError(`a signal of "${found.companyId}", which is no company`);
  await addEvidence(scope, kept.id, evidenceIds);
  await sql`
    insert into signal_runs (workspace_id, run_id, signal_id)
    values (${workspaceId}, ${finder.runId}, ${kept.id}) on conflict do nothing`;
  if (kept.isNew) scope.ring(signalTopic(workspaceId));
  return kept.id;
}

/** Of `known`, found again as `excluded`. Greatest and least pass over what is null: a signal without an end stays so. */
function whatFollows(scope: WorkspaceScope) {
  const { sql } = scope;
  const judged = sql`known.status in ('ACTED_UPON', 'FALSE_POSITIVE')`;
  const isSurer = sql`excluded.confidence > known.confidence`;
  const endsAt = sql`case when known.expires_at is null or excluded.expires_at is null then null
    else greatest(known.expires_at, excluded.expires_at) end`;
  const lives = sql`(${endsAt} is null or ${endsAt} > now())`;
  const revived = sql`(${currentStatus(scope, sql`known.status`, sql`known.expires_at`)} = 'EXPIRED' and ${lives})`;
  return sql`
    strength = case when ${judged} or ${rankOf(scope, sql`known.strength`)} <= ${rankOf(scope, sql`excluded.strength`)}
      then known.strength else excluded.strength end,
    confidence = case when ${judged} then known.confidence else greatest(known.confidence, excluded.confidence) end,
    data = case when ${judged} or not ${isSurer} then known.data else excluded.data end,
    expires_at = case when ${judged} then known.expires_at else ${endsAt} end,
    status = case when ${revived} then 'ACTIVE' else known.status end,
    transaction_id = case when ${revived} then pg_current_xact_id() else known.transaction_id end,
    updated_at = now()`;
}

/** 1 for the strongest. */
function rankOf({ sql }: WorkspaceScope, strength: ReturnType<WorkspaceScope['sql']>) {
  return sql`array_position(array['VERY_STRONG', 'STRONG', 'MODERATE', 'WEAK'], ${strength})`;
}

async function addEvidence(
  { sql, workspaceId }: WorkspaceScope,
  signalId: string,
  evidenceIds: readonly string[],
): Promise<void> {
  await sql`
    insert into signal_evidence (workspace_id, signal_id, document_id)
    select ${workspaceId}, ${signalId}, id from (
      select d.id from documents d
      where d.workspace_id = ${workspaceId} and d.id = any(${[...evidenceIds]}::text[]) and not exists (
        select from signal_evidence e
        where e.workspace_id = ${workspaceId} and e.signal_id = ${signalId} and e.document_id = d.id)
      order by d.id
      limit greatest(0, ${EVIDENCE_MAX} - (
        select count(*) from signal_evidence where workspace_id = ${workspaceId} and signal_id = ${signalId}))
    ) added
    on conflict do nothing`;
}

/** Newest first. */
export async function listSignals(
  scope: WorkspaceScope,
  { companyId, types, status }: SignalFilter,
  page: { limit: number; after: string | null },
): Promise<Signal[]> {
  const { sql, workspaceId } = scope;
  return await sql<Signal[]>`
    select ${columnsOf(scope)} from signals
    where workspace_id = ${workspaceId} and (${page.after}::text is null or id < ${page.after})
      ${companyId === null ? sql`` : sql`and company_id = ${companyId}`}
      ${types === null ? sql`` : sql`and type = any(${[...types]}::text[])`}
      ${status === null ? sql`` : sql`and ${currentStatus(scope)} = any(${[...status]}::text[])`}
    order by id desc limit ${page.limit}`;
}

/** In no order; those that are not there are left out. */
export async function findSignals(scope: WorkspaceScope, ids: readonly string[]): Promise<Signal[]> {
  return await scope.sql<Signal[]>`
    select ${columnsOf(scope)} from signals where workspace_id = ${scope.workspaceId} and id = any(${[...ids]}::text[])`;
}

/** What was found between two moments and is active, by id. @param types of these alone; null: of all */
export async function newSignals(
  scope: WorkspaceScope,
  range: NewsRange,
  types: readonly SignalType[] | null,
): Promise<Signal[]> {
  const { sql } = scope;
  return await sql<Signal[]>`
    select ${columnsOf(scope)} from signals
    where ${isNews(scope, range)} and ${currentStatus(scope)} = 'ACTIVE'
      ${types === null ? sql`` : sql`and type = any(${[...types]}::text[])`}
    order by id limit ${range.limit}`;
}

/** Up to `limit` signals that each run has found, newest first. */
export async function signalsOfRuns(
  scope: WorkspaceScope,
  runIds: readonly string[],
  limit: number,
): Promise<(Signal & { runId: string })[]> {
  const { sql, workspaceId } = scope;
  return await sql<(Signal & { runId: string })[]>`
    select found.run_id, ${columnsOf(scope)} from unnest(${[...runIds]}::text[]) as run (run_id)
    cross join lateral (
      select run_id, signal_id from signal_runs
      where workspace_id = ${workspaceId} and run_id = run.run_id order by signal_id desc limit ${limit}
    ) found
    join signals on signals.workspace_id = ${workspaceId} and signals.id = found.signal_id
    order by id desc`;
}

/** What a run reads of a company's active signals, newest first. */
export async function activeSignalsOf(
  scope: WorkspaceScope,
  companyId: string,
  limit: number,
): Promise<(NewSignal & { id: string })[]> {
  const { sql, workspaceId } = scope;
  return await sql<(NewSignal & { id: string })[]>`
    select id, company_id, type, strength, confidence, data, detected_at, expires_at, key, (
      select coalesce(array_agg(document_id order by added_at, document_id), '{}') from signal_evidence e
      where e.workspace_id = ${workspaceId} and e.signal_id = signals.id) as evidence_ids
    from signals
    where workspace_id = ${workspaceId} and company_id = ${companyId} and ${currentStatus(scope)} = 'ACTIVE'
    order by id desc limit ${limit}`;
}

/** The documents of signals, in the order in which they were found. */
export async function evidenceOfSignals(
  { sql, workspaceId }: WorkspaceScope,
  ids: readonly string[],
): Promise<{ signalId: string; documentId: string }[]> {
  return await sql<{ signalId: string; documentId: string }[]>`
    select signal_id, document_id from signal_evidence
    where workspace_id = ${workspaceId} and signal_id = any(${[...ids]}::text[])
    order by signal_id, added_at, document_id`;
}

/** @returns null where there is no such signal; else how it stands now, which is EXPIRED where its time is over */
export async function judgeSignal(
  scope: WorkspaceScope,
  id: string,
  status: Exclude<SignalStatus, 'EXPIRED'>,
): Promise<SignalStatus | null> {
  const { sql, workspaceId } = scope;
  const [judged] = await sql<{ status: SignalStatus }[]>`
    update signals set
      status = case when ${status} = 'ACTIVE' and expires_at <= now() then 'EXPIRED' else ${status} end,
      updated_at = now()
    where workspace_id = ${workspaceId} and id = ${id} returning status`;
  return judged?.status ?? null;
}

/** Notes of signals that they have expired; at most `limit` at once. Returns how many there were. */
export async function expireSignals({ sql }: SystemScope, limit: number): Promise<number> {
  const expired = await sql`
    update signals set status = 'EXPIRED' where (workspace_id, id) in (
      select workspace_id, id from signals
      where status = 'ACTIVE' and expires_at is not null and expires_at <= now() limit ${limit})
      and status = 'ACTIVE' and expires_at <= now()`;
  return expired.count;
}

/** Drops what was neither found nor judged for so many days; at most `limit` at once. Returns how many went. */
export async function dropOldSignals({ sql }: SystemScope, days: number, limit: number): Promise<number> {
  const dropped = await sql`
    delete from signals where (workspace_id, id) in (
      select workspace_id, id from signals where updated_at < now() - make_interval(days => ${days}) limit ${limit})`;
  return dropped.count;
}

/** A signal's status: it expires when its time is over, also before anybody has noted it. */
function currentStatus(
  { sql }: WorkspaceScope,
  status: ReturnType<WorkspaceScope['sql']> = sql`status`,
  expiresAt: ReturnType<WorkspaceScope['sql']> = sql`expires_at`,
) {
  return sql`case when ${status} = 'ACTIVE' and ${expiresAt} <= now() then 'EXPIRED' else ${status} end`;
}

function columnsOf(scope: WorkspaceScope) {
  return scope.sql`id, company_id, type, strength, confidence, data, detected_by, ${currentStatus(scope)} as status,
    detected_at, expires_at, created_at, updated_at`;
}
