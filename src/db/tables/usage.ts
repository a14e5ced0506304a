import { sql } from 'drizzle-orm';
import {
  bigint,
  boolean,
  check,
  date,
  doublePrecision,
  foreignKey,
  index,
  integer,
  numeric,
  pgTable,
  primaryKey,
  smallint,
  text,
} from 'drizzle-orm/pg-core';
import { instant } from './columns.ts';
import { workspaces } from './workspaces.ts';

/**
 * One row for each try at a provider, also the failed and the cached ones. Partitioned by month of `at` (UTC); the
 * partitions are made by `make_usage_partitions()` of the migrations. `record_usage` alone writes them, with their workspace
 * locked: in place of a foreign key, which would look that up again for each, a trigger deletes them with it.
 */
export const usageAttempts = pgTable(
  'usage_attempts',
  {
    workspaceId: text('workspace_id').notNull(),
    id: text('id').notNull(),
    at: instant('at').notNull(),
    apiKeyId: text('api_key_id'),
    userId: text('user_id'),
    requestId: text('request_id').notNull(),
    /** Id of the document, conversation, agent run or job that it was about; null where it was about none. */
    aboutId: text('about_id'),
    provider: text('provider').notNull(),
    model: text('model').notNull(),
    operation: text('operation').notNull(),
    outcome: text('outcome').notNull(),
    errorCode: text('error_code'),
    embeddings: integer('embeddings').notNull(),
    llmCalls: integer('llm_calls').notNull(),
    vectorQueries: integer('vector_queries').notNull(),
    cacheHits: integer('cache_hits').notNull(),
    inputTokens: integer('input_tokens').notNull(),
    outputTokens: integer('output_tokens').notNull(),
    cachedTokens: integer('cached_tokens').notNull(),
    /** Null where the price is not known. */
    costUsd: numeric('cost_usd'),
    latencyMs: doublePrecision('latency_ms').notNull(),
  },
  (table) => [primaryKey({ columns: [table.workspaceId, table.at, table.id] })],
);

/** What attempts add up to. */
const sums = () => ({
  requests: bigint('requests', { mode: 'number' }).notNull(),
  embeddings: bigint('embeddings', { mode: 'number' }).notNull(),
  llmCalls: bigint('llm_calls', { mode: 'number' }).notNull(),
  vectorQueries: bigint('vector_queries', { mode: 'number' }).notNull(),
  cacheHits: bigint('cache_hits', { mode: 'number' }).notNull(),
  inputTokens: bigint('input_tokens', { mode: 'number' }).notNull(),
  outputTokens: bigint('output_tokens', { mode: 'number' }).notNull(),
  costUsd: numeric('cost_usd').notNull(),
  /** Attempts whose price was not known: their cost is not in `costUsd`. */
  unpriced: bigint('unpriced', { mode: 'number' }).notNull(),
});

/** Attempts added up by day (UTC), written together with them. */
export const usageDaily = pgTable(
  'usage_daily',
  {
    workspaceId: text('workspace_id').notNull(),
    day: date('day', { mode: 'string' }).notNull(),
    provider: text('provider').notNull(),
    model: text('model').notNull(),
    operation: text('operation').notNull(),
    /** '' where no key made the call. */
    apiKeyId: text('api_key_id').notNull(),
    outcome: text('outcome').notNull(),
    ...sums(),
    cachedTokens: bigint('cached_tokens', { mode: 'number' }).notNull(),
    latencyMs: doublePrecision('latency_ms').notNull(),
  },
  (table) => [
    primaryKey({
      columns: [
        table.workspaceId,
        table.day,
        table.provider,
        table.model,
        table.operation,
        table.apiKeyId,
        table.outcome,
      ],
    }),
    foreignKey({ columns: [table.workspaceId], foreignColumns: [workspaces.id] }).onDelete('cascade'),
  ],
);

/**
 * Attempts added up by blocks of time and some of their dimensions: what reports read. Blocks of one length lie side by side
 * from 1970 on (UTC). Each has what it covers of the time between `carried_from` and `sealed_before` of `usage_sealed`; one that
 * is longer than a day has only days that are over by then. Those of hours are kept as long as the attempts.
 */
export const usageBlocks = pgTable(
  'usage_blocks',
  {
    workspaceId: text('workspace_id').notNull(),
    /** Which dimensions are kept, as `usage_slice_kinds()` of the migrations lists them; the others are ''. */
    slice: text('slice').notNull(),
    /** How long the block is. */
    hours: smallint('hours').notNull(),
    startsAt: instant('starts_at').notNull(),
    provider: text('provider').notNull(),
    model: text('model').notNull(),
    operation: text('operation').notNull(),
    apiKeyId: text('api_key_id').notNull(),
    outcome: text('outcome').notNull(),
    ...sums(),
    /** Requests that ended in FAILED, RETRIED or RESTARTED. */
    failed: bigint('failed', { mode: 'number' }).notNull(),
    /** Of requests, without vector queries. */
    latencyMs: doublePrecision('latency_ms').notNull(),
  },
  (table) => [
    primaryKey({
      name: 'usage_blocks_pk',
      columns: [
        table.workspaceId,
        table.slice,
        table.hours,
        table.startsAt,
        table.provider,
        table.model,
        table.operation,
        table.apiKeyId,
        table.outcome,
      ],
    }),
    foreignKey({ columns: [table.workspaceId], foreignColumns: [workspaces.id] }).onDelete('cascade'),
  ],
);

/**
 * The groups of a day that is over by each set of dimensions, with all that they add up to: as many of each set as a report
 * shows, most requests first. What reports by day read, where `usage_day_lists` has the day. The key is in that order.
 */
export const usageListedGroups = pgTable(
  'usage_listed_groups',
  {
    workspaceId: text('workspace_id').notNull(),
    /** Which dimensions are kept: 16 the provider, 8 the model, 4 the operation, 2 the key, 1 the outcome; the others are ''. */
    kind: smallint('kind').notNull(),
    day: date('day', { mode: 'string' }).notNull(),
    provider: text('provider').notNull(),
    model: text('model').notNull(),
    operation: text('operation').notNull(),
    apiKeyId: text('api_key_id').notNull(),
    outcome: text('outcome').notNull(),
    ...sums(),
    failed: bigint('failed', { mode: 'number' }).notNull(),
    latencyMs: doublePrecision('latency_ms').notNull(),
  },
  (table) => [
    primaryKey({
      name: 'usage_listed_groups_pk',
      columns: [
        table.workspaceId,
        table.kind,
        table.day,
        table.requests,
        table.provider,
        table.model,
        table.operation,
        table.apiKeyId,
        table.outcome,
      ],
    }),
    foreignKey({ columns: [table.workspaceId], foreignColumns: [workspaces.id] }).onDelete('cascade'),
  ],
);

/** Days that are over and have so many groups that lists of them are kept. */
export const usageDayLists = pgTable(
  'usage_day_lists',
  {
    workspaceId: text('workspace_id').notNull(),
    day: date('day', { mode: 'string' }).notNull(),
    /** False until the upkeep has made the lists, and again once an attempt of the day came late. */
    isListed: boolean('is_listed').notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.workspaceId, table.day] }),
    index('usage_day_lists_due').on(table.day).where(sql`not is_listed`),
    foreignKey({ columns: [table.workspaceId], foreignColumns: [workspaces.id] }).onDelete('cascade'),
  ],
);

/** One row: of which time the attempts of all workspaces are in the blocks. */
export const usageSealed = pgTable(
  'usage_sealed',
  {
    isOnly: boolean('is_only').primaryKey().default(true),
    /** A full hour. It never goes back. */
    sealedBefore: instant('sealed_before').notNull(),
    /** A midnight (UTC). It goes back day by day until all that was used before the blocks were made is in them. */
    carriedFrom: instant('carried_from').notNull(),
  },
  (table) => [check('usage_sealed_one_row', sql`${table.isOnly}`)],
);

/** What each tier limit counts, by day (UTC): taken before the call, given back when the call was not made. */
export const meterDays = pgTable(
  'meter_days',
  {
    workspaceId: text('workspace_id').notNull(),
    meter: text('meter').notNull(),
    day: date('day', { mode: 'string' }).notNull(),
    used: bigint('used', { mode: 'number' }).notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.workspaceId, table.meter, table.day] }),
    foreignKey({ columns: [table.workspaceId], foreignColumns: [workspaces.id] }).onDelete('cascade'),
  ],
);

/** What each cache gave and did not have, by day (UTC), written together with the attempts. */
export const cacheDays = pgTable(
  'cache_days',
  {
    workspaceId: text('workspace_id').notNull(),
    /** EMBEDDING or RESPONSE. */
    kind: text('kind').notNull(),
    day: date('day', { mode: 'string' }).notNull(),
    hits: bigint('hits', { mode: 'number' }).notNull(),
    misses: bigint('misses', { mode: 'number' }).notNull(),
    /** What the hits would have cost, as far as prices are known. */
    savedUsd: numeric('saved_usd').notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.workspaceId, table.kind, table.day] }),
    foreignKey({ columns: [table.workspaceId], foreignColumns: [workspaces.id] }).onDelete('cascade'),
  ],
);

/** What may be spent, by the whole workspace or by one of its API keys. */
export const budgets = pgTable(
  'budgets',
  {
    workspaceId: text('workspace_id').notNull(),
    /** '' for the workspace, else the id of an API key. */
    subject: text('subject').notNull(),
    /** DAY or MONTH, in UTC. */
    window: text('window').notNull(),
    limitUsd: numeric('limit_usd').notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.workspaceId, table.subject, table.window] }),
    foreignKey({ columns: [table.workspaceId], foreignColumns: [workspaces.id] }).onDelete('cascade'),
  ],
);

/** What the windows of a budget have taken. There are rows only for subjects that have a budget. */
export const budgetPeriods = pgTable(
  'budget_periods',
  {
    workspaceId: text('workspace_id').notNull(),
    subject: text('subject').notNull(),
    window: text('window').notNull(),
    startsOn: date('starts_on', { mode: 'string' }).notNull(),
    /** The first day after it. */
    endsOn: date('ends_on', { mode: 'string' }).notNull(),
    /** What the attempts of these days have cost, as far as their price is known. */
    usedUsd: numeric('used_usd').notNull(),
    /** The sum of the subject's reservations that were made before its end. */
    reservedUsd: numeric('reserved_usd').notNull(),
    /** When it last had no room for a call that may have some soon; to the second. */
    shortAt: instant('short_at'),
  },
  (table) => [
    primaryKey({ columns: [table.workspaceId, table.subject, table.window, table.startsOn] }),
    foreignKey({ columns: [table.workspaceId], foreignColumns: [workspaces.id] }).onDelete('cascade'),
  ],
);

/**
 * What each call under way may still cost. It counts in every period of its subjects that ends after its day: its cost
 * may fall into any of them.
 */
export const reservations = pgTable(
  'reservations',
  {
    workspaceId: text('workspace_id').notNull(),
    id: text('id').notNull(),
    /** '' where no key makes the call. */
    apiKeyId: text('api_key_id').notNull(),
    amountUsd: numeric('amount_usd').notNull(),
    /** Of the reservation, in UTC. */
    day: date('day', { mode: 'string' }).notNull(),
    /** By the database's clock: whoever made it has died by then. */
    expiresAt: instant('expires_at').notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.workspaceId, table.id] }),
    foreignKey({ columns: [table.workspaceId], foreignColumns: [workspaces.id] }).onDelete('cascade'),
    // A call that finds no room, and the upkeep, ask for those that have expired.
    index('reservations_by_expiry').on(table.expiresAt),
  ],
);
