import type { WorkspaceScope } from '../../../db/workspace-scope.ts';
import { SENTIMENT_TAXONOMY } from '../../classification/classification.ts';
import type { Series } from '../agent-tools.ts';
import type { RunReach } from './run-reach.ts';

/** Which days (UTC): `from` included, `to` not. */
export interface SeriesPeriod {
  from: Date;
  to: Date;
}

/** Classes, collections, themes and providers that have a series of their own: those with most. */
const CLASSES_MAX = 20;
const PARTS_MAX = 20;
const THEMES_MAX = 10;

type Point = Series['points'][number];

/** How many documents of the reach were created on each day. */
export async function documentsByDay(scope: WorkspaceScope, reach: RunReach, period: SeriesPeriod): Promise<Point[]> {
  const { sql } = scope;
  return await sql<Point[]>`
    select ${dayOfDocument(scope)} as at, count(*)::float8 as value from documents d
    where ${isCounted(scope, reach, period)} group by 1 order by 1`;
}

/** A day of one of the parts that something is divided into. */
export interface PartPoint extends Point {
  part: string;
  label: string;
}

/** How many documents of each day are in each of the largest collections. */
export async function collectionsByDay(
  scope: WorkspaceScope,
  reach: RunReach,
  period: SeriesPeriod,
): Promise<PartPoint[]> {
  const { sql } = scope;
  return await sql<PartPoint[]>`
    with counted as (
      select d.collection_id as part, ${dayOfDocument(scope)} as at, count(*)::float8 as value from documents d
      where ${isCounted(scope, reach, period)} and ${comesByItself(scope)} group by 1, 2
    ), largest as (select part from counted group by part order by sum(value) desc, part limit ${PARTS_MAX})
    select c.part, k.name as label, c.at, c.value
    from counted c join collections k on k.workspace_id = ${scope.workspaceId} and k.id = c.part
    where c.part in (select part from largest) order by c.part, c.at`;
}

/** How many documents of each day are of each kind. */
export async function kindsByDay(scope: WorkspaceScope, reach: RunReach, period: SeriesPeriod): Promise<PartPoint[]> {
  return await scope.sql<PartPoint[]>`
    select d.kind as part, d.kind as label, ${dayOfDocument(scope)} as at, count(*)::float8 as value from documents d
    where ${isCounted(scope, reach, period)} and ${comesByItself(scope)} group by d.kind, 3 order by d.kind, 3`;
}

/** How many documents of each day are about each of the workspace's largest themes. */
export async function themesByDay(scope: WorkspaceScope, reach: RunReach, period: SeriesPeriod): Promise<PartPoint[]> {
  const { sql, workspaceId } = scope;
  return await sql<PartPoint[]>`
    with counted as (
      select k.theme_id as part, ${dayOfDocument(scope)} as at, count(*)::float8 as value
      from documents d join document_themes k on k.workspace_id = d.workspace_id and k.document_id = d.id
      where ${isCounted(scope, reach, period)} and k.scope = ${workspaceId} and k.theme_id is not null group by 1, 2
    ), largest as (select part from counted group by part order by sum(value) desc, part limit ${THEMES_MAX})
    select c.part, t.name as label, c.at, c.value
    from counted c join themes t on t.workspace_id = ${workspaceId} and t.id = c.part and t.retired_at is null
    where c.part in (select part from largest) order by c.part, c.at`;
}

/** Of the documents of each day that were judged: their mean sentiment, -1 to 1, and the share of negative ones. */
export async function sentimentByDay(
  scope: WorkspaceScope,
  reach: RunReach,
  period: SeriesPeriod,
): Promise<{ at: Date; score: number; negative: number }[]> {
  const { sql } = scope;
  return await sql<{ at: Date; score: number; negative: number }[]>`
    select ${dayOfDocument(scope)} as at, avg(k.score)::float8 as score,
      avg((k.labels @> '[{"label": "NEGATIVE"}]')::int)::float8 as negative
    from documents d join classifications k on k.workspace_id = d.workspace_id and k.document_id = d.id
    where ${isCounted(scope, reach, period)} and k.taxonomy = ${SENTIMENT_TAXONOMY} and k.score is not null
    group by 1 order by 1`;
}

/** How many documents of each day have each label of the feedback taxonomy's first dimension. */
export async function classesByDay(
  scope: WorkspaceScope,
  reach: RunReach,
  period: SeriesPeriod,
): Promise<(Point & { label: string })[]> {
  const { sql } = scope;
  return await sql<(Point & { label: string })[]>`
    with labelled as (
      select ${dayOfDocument(scope)} as at, given->>'label' as label
      from documents d join classifications k on k.workspace_id = d.workspace_id and k.document_id = d.id
        cross join lateral jsonb_array_elements(k.labels) given
      where ${isCounted(scope, reach, period)} and k.taxonomy = 'feedback' and given->>'dimension' = 'type'
    ), largest as (select label from labelled group by label order by count(*) desc, label limit ${CLASSES_MAX})
    select label, at, count(*)::float8 as value from labelled where label in (select label from largest)
    group by label, at order by label, at`;
}

/** What the whole workspace asked of models on a day. */
export interface UsageDay {
  at: Date;
  requests: number;
  failed: number;
  tokens: number;
  costUsd: number;
  /** Null: there was no request that a provider answered. */
  latencyMs: number | null;
}

/** The days on which the whole workspace asked models for anything. */
export async function usageByDay({ sql, workspaceId }: WorkspaceScope, period: SeriesPeriod): Promise<UsageDay[]> {
  return await sql<UsageDay[]>`
    select day::timestamp at time zone 'utc' as at, sum(requests)::float8 as requests,
      coalesce(sum(requests) filter (where outcome in ('FAILED', 'RETRIED', 'RESTARTED')), 0)::float8 as failed,
      sum(input_tokens + output_tokens)::float8 as tokens, sum(cost_usd)::float8 as cost_usd,
      sum(latency_ms) filter (where ${isAnswered({ sql })})::float8
        / nullif(sum(requests) filter (where ${isAnswered({ sql })}), 0)::float8 as latency_ms
    from usage_daily where workspace_id = ${workspaceId} and ${isUsedIn({ sql }, period)}
    group by day order by day`;
}

/** What each provider was asked for, and what it cost, on each day. */
export async function providersByDay(
  { sql, workspaceId }: WorkspaceScope,
  period: SeriesPeriod,
): Promise<{ provider: string; at: Date; requests: number; costUsd: number }[]> {
  return await sql<{ provider: string; at: Date; requests: number; costUsd: number }[]>`
    with used as (
      select provider, day, sum(requests)::float8 as requests, sum(cost_usd)::float8 as cost_usd
      from usage_daily where workspace_id = ${workspaceId} and ${isUsedIn({ sql }, period)}
      group by provider, day
    ), largest as (select provider from used group by provider order by sum(requests) desc, provider limit ${PARTS_MAX})
    select provider, day::timestamp at time zone 'utc' as at, requests, cost_usd
    from used where provider in (select provider from largest) order by provider, day`;
}

function isAnswered({ sql }: Pick<WorkspaceScope, 'sql'>) {
  return sql`operation <> 'vector_query' and outcome not in ('CACHED', 'FAILED', 'RETRIED', 'RESTARTED')`;
}

function isUsedIn({ sql }: Pick<WorkspaceScope, 'sql'>, { from, to }: SeriesPeriod) {
  return sql`day >= (${from}::timestamptz at time zone 'utc')::date and day < (${to}::timestamptz at time zone 'utc')::date`;
}

function dayOfDocument({ sql }: WorkspaceScope) {
  return sql`date_trunc('day', d.created_at at time zone 'utc') at time zone 'utc'`;
}

function isCounted({ sql, workspaceId }: WorkspaceScope, { collectionIds }: RunReach, { from, to }: SeriesPeriod) {
  const within = collectionIds === null ? sql`true` : sql`d.collection_id = any(${[...collectionIds]}::text[])`;
  return sql`d.workspace_id = ${workspaceId} and d.created_at >= ${from} and d.created_at < ${to} and ${within}`;
}

/** How many companies were put on file on a day tells of whoever keeps the file. */
function comesByItself({ sql }: WorkspaceScope) {
  return sql`d.kind <> 'COMPANY'`;
}
