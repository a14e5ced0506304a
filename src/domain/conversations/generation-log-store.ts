import type { SystemScope, WorkspaceScope } from '../../db/workspace-scope.ts';
import { type GenerationEvent, type GenerationStatus, isOver, type LogEntry } from './generation.ts';

/** What one look at a log found. */
export interface LogRead {
  /** In their order. */
  events: GenerationEvent[];
  lastSeq: number;
  /** Whether the generation was over at the same moment. */
  isOver: boolean;
}

interface LogRow {
  status: GenerationStatus;
  lastSeq: number;
  isDropped: boolean;
  seq: number | null;
  at: Date;
  kind: LogEntry['kind'];
  data: never;
}

/**
 * The events behind `after`, up to `limit` of them. Where the log is dropped, what is left of it tells the same in fewer
 * events: the last restart, all of the text that `after` has not seen as one piece, and the end, each with a number that
 * it could have had.
 * @returns null where there is no such generation
 */
export async function readLog(
  scope: WorkspaceScope,
  generationId: string,
  after: number,
  limit: number,
): Promise<LogRead | null> {
  const rows = await scope.sql<LogRow[]>`
    select g.status, g.last_seq, g.log_dropped_at is not null as is_dropped, e.seq, e.at, e.kind, e.data
    from generations g left join lateral (
      select seq, at, kind, data from generation_events
      where workspace_id = g.workspace_id and generation_id = g.id and seq > ${after} order by seq limit ${limit}
    ) e on true
    where g.workspace_id = ${scope.workspaceId} and g.id = ${generationId} order by e.seq`;
  const [first] = rows;
  if (first === undefined) return null;
  const events = rows.flatMap(({ seq, at, kind, data }): GenerationEvent[] =>
    seq === null ? [] : [{ generationId, seq, at, kind, data }],
  );
  if (first.isDropped) await insertText(scope, generationId, after, events);
  return { events, lastSeq: first.lastSeq, isOver: isOver(first) };
}

/** What the logs of unfinished answers have told so far, since their last restart; none where that is nothing. */
export async function readTextSoFar(
  scope: WorkspaceScope,
  generationIds: readonly string[],
): Promise<Map<string, string>> {
  const rows = await scope.sql<{ generationId: string; text: string }[]>`
    select e.generation_id, string_agg(e.data->>'text', '' order by e.seq) as text
    from generation_events e
    where e.workspace_id = ${scope.workspaceId} and e.generation_id = any(${[...generationIds]}::text[])
      and e.kind = 'TEXT' and e.seq > coalesce((
        select max(r.seq) from generation_events r
        where r.workspace_id = e.workspace_id and r.generation_id = e.generation_id and r.kind = 'RESTARTED'), 0)
    group by e.generation_id`;
  return new Map(rows.map(({ generationId, text }) => [generationId, text]));
}

/**
 * Drops the logs of answers that are stored for so long, but for their beginning, last restart and end. How much of the
 * text each number had told stays known. @returns how many logs went, at most `limit`
 */
export async function dropLogs(scope: SystemScope, keptSeconds: number, limit: number): Promise<number> {
  const dropped = await scope.sql<{ workspaceId: string; id: string; restartSeq: number }[]>`
    with due as (
      select workspace_id, id from generations
      where finished_at < now() - make_interval(secs => ${keptSeconds}::float8) and log_dropped_at is null
      order by finished_at limit ${limit} for update skip locked
    ), restarted as (
      select due.*, coalesce((
        select max(e.seq) from generation_events e
        where e.workspace_id = due.workspace_id and e.generation_id = due.id and e.kind = 'RESTARTED'), 0) as restart_seq
      from due
    )
    update generations g set log_dropped_at = now(), restart_seq = r.restart_seq, text_marks = array(
      select (sum(case when e.kind = 'TEXT' then char_length(e.data->>'text') else 0 end) over (order by e.seq))::int
      from generation_events e
      where e.workspace_id = r.workspace_id and e.generation_id = r.id and e.seq > r.restart_seq order by e.seq)
    from restarted r where g.workspace_id = r.workspace_id and g.id = r.id
    returning g.workspace_id, g.id, g.restart_seq`;
  await scope.sql`
    delete from generation_events e
    using jsonb_to_recordset(${JSON.stringify(dropped)}::text::jsonb) as d("workspaceId" text, id text, "restartSeq" int)
    where e.workspace_id = d."workspaceId" and e.generation_id = d.id
      and (e.kind in ('TEXT', 'TOOL') or (e.kind = 'RESTARTED' and e.seq < d."restartSeq"))`;
  return dropped.length;
}

/** Puts what of the text is behind `after` before the end, in one piece. */
async function insertText(
  { sql, workspaceId }: WorkspaceScope,
  generationId: string,
  after: number,
  events: GenerationEvent[],
): Promise<void> {
  const [row] = await sql<{ seq: number; at: Date; text: string }[]>`
    select g.last_seq - 1 as seq, g.finished_at as at,
      substr(m.text, 1 + case when ${after}::int > g.restart_seq then coalesce(g.text_marks[${after}::int - g.restart_seq], 0) else 0 end) as text
    from generations g join messages m on m.workspace_id = g.workspace_id and m.id = g.message_id
    where g.workspace_id = ${workspaceId} and g.id = ${generationId}`;
  if (row === undefined || row.text === '' || row.seq <= after) return;
  const { seq, at, text } = row;
  events.splice(-1, 0, { generationId, seq, at, kind: 'TEXT', data: { text } });
}
