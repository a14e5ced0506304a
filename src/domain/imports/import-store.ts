import type { SystemScope, WorkspaceScope } from '../../db/workspace-scope.ts';
import type { BatchStart, Checkpoint, Import, ImportError } from './import.ts';
import { ERRORS_KEPT } from './import.ts';

export async function insertImport(
  scope: WorkspaceScope,
  row: Pick<
    Import,
    'id' | 'jobId' | 'collectionId' | 'fileName' | 'fileBytes' | 'dialect' | 'mapping' | 'tasks' | 'notes'
  >,
): Promise<void> {
  await scope.sql`
    insert into imports (workspace_id, id, job_id, collection_id, file_name, file_bytes, dialect, mapping, tasks, notes)
    values (${scope.workspaceId}, ${row.id}, ${row.jobId}, ${row.collectionId}, ${row.fileName}, ${row.fileBytes},
      ${JSON.stringify(row.dialect)}::text::jsonb, ${JSON.stringify(row.mapping)}::text::jsonb,
      ${JSON.stringify(row.tasks)}::text::jsonb, ${JSON.stringify(row.notes)}::text::jsonb)`;
}

export async function findImports(scope: WorkspaceScope, ids: readonly string[]): Promise<Import[]> {
  return await scope.sql<Import[]>`select ${columns(scope)} from imports where id = any(${[...ids]}::text[])`;
}

/** Imports by the jobs that store their records. */
export async function findImportsOfJobs(scope: WorkspaceScope, jobIds: readonly string[]): Promise<Import[]> {
  return await scope.sql<Import[]>`select ${columns(scope)} from imports where job_id = any(${[...jobIds]}::text[])`;
}

/** An import with its checkpoint, marked as begun; null where it is gone. */
export async function beginImport(scope: WorkspaceScope, id: string): Promise<(Import & Checkpoint) | null> {
  const [row] = await scope.sql<(Import & Checkpoint)[]>`
    update imports set started_at = coalesce(started_at, now()) where id = ${id}
    returning ${columns(scope)}, next_batch, resume_at, done_batches`;
  return row ?? null;
}

export async function storeTotal(scope: WorkspaceScope, id: string, totalRecords: number): Promise<void> {
  await scope.sql`update imports set total_records = ${totalRecords} where id = ${id}`;
}

/** What one batch has come to. */
export interface BatchOutcome {
  batch: number;
  imported: number;
  created: number;
  updated: number;
  unchanged: number;
  errors: readonly ImportError[];
  conversations: readonly string[];
}

/** What has become of an import since its batch was begun. */
export type BatchRecorded = 'recorded' | 'done before' | 'import gone';

/**
 * Records a batch, once: the last part of the transaction that stores its documents, which has to be rolled back unless
 * it was recorded.
 * @param low the first batch that is not known to be stored, and where it begins
 */
export async function recordBatch(
  scope: WorkspaceScope,
  importId: string,
  outcome: BatchOutcome,
  low: { batch: number; start: BatchStart },
): Promise<BatchRecorded> {
  const { sql } = scope;
  const { batch, imported, created, updated, unchanged, errors } = outcome;
  // Many batches meet the same conversations: each writes them in the same order, before it takes the import's row.
  await insertConversations(scope, importId, outcome.conversations);
  const [row] = await sql<(Checkpoint & { errorsKept: number })[]>`
    select next_batch, done_batches, errors_kept from imports where id = ${importId} for update`;
  if (row === undefined) return 'import gone';
  if (batch < row.nextBatch || row.doneBatches.includes(batch)) return 'done before';
  const kept = errors.slice(0, Math.max(0, ERRORS_KEPT - row.errorsKept));
  const nextBatch = Math.max(row.nextBatch, low.batch);
  const resumeAt = low.batch > row.nextBatch ? JSON.stringify(low.start) : null;
  const doneBatches = [...row.doneBatches, batch].filter((done) => done >= nextBatch);
  await insertErrors(scope, importId, kept);
  await sql`
    update imports set imported = imported + ${imported}, failed = failed + ${errors.length},
      created = created + ${created}, updated = updated + ${updated}, unchanged = unchanged + ${unchanged},
      errors_kept = errors_kept + ${kept.length}, next_batch = ${nextBatch},
      resume_at = coalesce(${resumeAt}::text::jsonb, resume_at), done_batches = ${doneBatches}::int[]
    where id = ${importId}`;
  return 'recorded';
}

async function insertErrors(scope: WorkspaceScope, importId: string, errors: readonly ImportError[]): Promise<void> {
  if (errors.length === 0) return;
  await scope.sql`
    insert into import_errors (workspace_id, import_id, record_number, line, message, record)
    select ${scope.workspaceId}, ${importId}, e."recordNumber", e."line", e."message", e."record"
    from jsonb_to_recordset(${JSON.stringify(errors)}::text::jsonb)
      as e ("recordNumber" int, "line" int, "message" text, "record" jsonb)`;
}

async function insertConversations(scope: WorkspaceScope, importId: string, names: readonly string[]): Promise<void> {
  if (names.length === 0) return;
  await scope.sql`
    insert into import_conversations (workspace_id, import_id, conversation)
    select ${scope.workspaceId}, ${importId}, c.name from unnest(${[...names]}::text[]) as c (name)
    order by c.name collate "C" on conflict do nothing`;
}

/** The end of the records: all are stored or are errors. */
export async function finishImport(scope: WorkspaceScope, id: string, totalRecords: number): Promise<Import | null> {
  const [row] = await scope.sql<Import[]>`
    update imports set total_records = ${totalRecords}, finished_at = coalesce(finished_at, now()) where id = ${id}
    returning ${columns(scope)}`;
  return row ?? null;
}

/** Errors in the order of the file, behind the record `after`. */
export async function listErrors(
  scope: WorkspaceScope,
  importId: string,
  page: { limit: number; after: number | null },
): Promise<ImportError[]> {
  return await scope.sql<ImportError[]>`
    select record_number, line, message, record from import_errors
    where import_id = ${importId} and record_number > ${page.after ?? 0}
    order by record_number limit ${page.limit}`;
}

/** Conversations that have no summary yet, in the order of their names. */
export async function pendingConversations(scope: WorkspaceScope, importId: string, limit: number): Promise<string[]> {
  const rows = await scope.sql<{ conversation: string }[]>`
    select conversation from import_conversations where import_id = ${importId} and not summarised
    order by conversation collate "C" limit ${limit}`;
  return rows.map(({ conversation }) => conversation);
}

export async function countConversations(
  scope: WorkspaceScope,
  importId: string,
): Promise<{ total: number; summarised: number }> {
  const [row] = await scope.sql<{ total: number; summarised: number }[]>`
    select count(*)::int as total, (count(*) filter (where summarised))::int as summarised
    from import_conversations where import_id = ${importId}`;
  return row ?? { total: 0, summarised: 0 };
}

export async function markSummarised(scope: WorkspaceScope, importId: string, conversation: string): Promise<void> {
  await scope.sql`
    update import_conversations set summarised = true
    where import_id = ${importId} and conversation = ${conversation}`;
}

/** Notes that a file is there, or will be, and when it has to go. */
export async function noteFile(
  scope: WorkspaceScope,
  file: { importId: string; fileKey: string; keptHours: number },
): Promise<void> {
  await scope.sql`
    insert into import_files (workspace_id, import_id, file_key, expires_at)
    values (${scope.workspaceId}, ${file.importId}, ${file.fileKey}, now() + make_interval(hours => ${file.keptHours}))
    on conflict (workspace_id, import_id) do update set expires_at = excluded.expires_at`;
}

export interface ExpiredFile {
  workspaceId: string;
  importId: string;
  fileKey: string;
}

/** Files whose time is over, or whose workspace is gone. */
export async function expiredFiles(scope: SystemScope, limit: number): Promise<ExpiredFile[]> {
  return await scope.sql<ExpiredFile[]>`
    select f.workspace_id, f.import_id, f.file_key from import_files f
    where f.expires_at < now() or not exists (select from workspaces w where w.id = f.workspace_id)
    order by f.expires_at limit ${limit}`;
}

export async function forgetFile(scope: SystemScope, { workspaceId, importId }: ExpiredFile): Promise<void> {
  await scope.sql`delete from import_files where workspace_id = ${workspaceId} and import_id = ${importId}`;
}

function columns({ sql }: WorkspaceScope) {
  return sql`id, job_id, collection_id, file_name, file_bytes::float8 as file_bytes, dialect, mapping, tasks, notes,
    total_records, imported, failed, created, updated, unchanged, errors_kept, created_at, started_at, finished_at`;
}
