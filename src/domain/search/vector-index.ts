import { createHash } from 'node:crypto';
import type { ReservedSql } from 'postgres';
import type { Database } from '../../db/client.ts';
import { vectorColumn } from '../../db/vector.ts';
import { indexedExpression, indexedOperators } from './stored-vectors.ts';

/**
 * Vectors of one model from which on it gets an index. A build on a server blocks nobody (60,000 × 768: 20 s on two
 * cores). In the embedded database it blocks everything (10,000 × 768: 20 s), and each later insert takes some
 * 10 ms, while the exact scan that it replaces takes 25 ms: there it waits until that scan takes a quarter of a second.
 */
export const INDEX_FROM_VECTORS = { postgres: 10_000, embedded: 100_000 } as const;

/** A build whose graph does not fit takes many times as long; 1 GB holds some 250,000 × 768. */
const BUILD_MEMORY = { postgres: '1GB', embedded: '256MB' } as const;

/** Any number that only this uses: one index is built at a time, however many workers there are. */
const BUILD_LOCK = 7_391_004_516;

/** The estimate may be off; from this share of the threshold on it is counted. */
const COUNT_FROM_SHARE = 0.5;
const PAGE_BYTES = 8_192;

const INDEX_PREFIX = 'chunks_hnsw_';

/** The index a model has, or would have. */
export function vectorIndexName(modelId: string): string {
  return `${INDEX_PREFIX}${createHash('sha256').update(modelId).digest('hex').slice(0, 16)}`;
}

/** Which models have an index; read again every minute, since another process may have made one. */
export class VectorIndexes {
  readonly #database: Database;
  readonly #ttlMs: number;
  #known: Promise<Map<string, number>> | null = null;
  #readAt = 0;

  constructor(database: Database, options: { ttlMs?: number } = {}) {
    this.#database = database;
    this.#ttlMs = options.ttlMs ?? 60_000;
  }

  /** About how many vectors, of all workspaces, are in the model's index; null where it has none. */
  async indexedVectors(modelId: string): Promise<number | null> {
    const now = performance.now();
    if (this.#known === null || now - this.#readAt > this.#ttlMs) {
      this.#readAt = now;
      this.#known = readIndexes(this.#database).catch((error: unknown) => {
        this.#known = null;
        throw error;
      });
    }
    return (await this.#known).get(vectorIndexName(modelId)) ?? null;
  }

  /** To be called where an index was made or dropped. */
  forget(): void {
    this.#known = null;
  }
}

/** System catalogues alone: no row-level security applies to them, and no tenant's row is read. */
async function readIndexes(database: Database): Promise<Map<string, number>> {
  const rows = await database.sql<{ name: string; vectors: number }[]>`
    select c.relname as name, greatest(c.reltuples, 0)::float8 as vectors
    from pg_index i join pg_class c on c.oid = i.indexrelid
    where i.indrelid = 'chunks'::regclass and i.indisvalid and c.relname like ${`${INDEX_PREFIX}%`}`;
  return new Map(rows.map((row) => [row.name, row.vectors]));
}

interface IndexableModel {
  model: string;
  dimensions: number;
  vectors: number;
}

export interface EnsureIndexesOptions {
  /** Vectors from which on a model gets an index. */
  fromVectors?: number;
}

/**
 * Makes the missing HNSW indexes, one after the other, each in the background on a server. Does nothing where another
 * process is at it. Takes seconds to minutes: for a job, never for a request.
 * @returns the models that now have a new index
 */
export async function ensureVectorIndexes(database: Database, options: EnsureIndexesOptions = {}): Promise<string[]> {
  const fromVectors = options.fromVectors ?? INDEX_FROM_VECTORS[database.kind];
  if ((await estimateUnindexed(database)) < fromVectors * COUNT_FROM_SHARE) return [];
  const models = await modelsWithManyVectors(database, fromVectors);
  if (models.length === 0) return [];
  const connection = await database.sql.reserve();
  try {
    const [lock] = await connection<{ held: boolean }[]>`select pg_try_advisory_lock(${BUILD_LOCK}) as held`;
    if (!lock?.held) return [];
    try {
      return await buildMissing(database, connection, models);
    } finally {
      await connection`select pg_advisory_unlock(${BUILD_LOCK})`;
    }
  } finally {
    connection.release();
  }
}

/**
 * About how many vectors are in no index, as the statistics have it: asked first, because counting reads the whole
 * table. Infinity where there are no statistics yet.
 */
async function estimateUnindexed(database: Database): Promise<number> {
  const [table] = await database.sql<{ rows: number; pages: number; bytes: number }[]>`
    select reltuples::float8 as rows, relpages::float8 as pages, pg_relation_size(oid)::float8 as bytes
    from pg_class where oid = 'chunks'::regclass`;
  if (table === undefined) throw new Error('there is no table of the chunks');
  if (table.bytes === 0) return 0;
  if (table.rows < 0 || table.pages === 0) return Number.POSITIVE_INFINITY;
  const indexed = [...(await readIndexes(database)).values()].reduce((sum, vectors) => sum + vectors, 0);
  return (table.rows * table.bytes) / (table.pages * PAGE_BYTES) - indexed;
}

function modelsWithManyVectors(database: Database, fromVectors: number): Promise<IndexableModel[]> {
  return database.withSystem(async ({ sql }) => {
    const rows = await sql<IndexableModel[]>`
      select counted.model, counted.vectors::float8 as vectors,
        (select coalesce(vector_dims(c.embedding), vector_dims(c.wide_embedding)) from chunks c
          where c.model = counted.model limit 1) as dimensions
      from (select model, count(*) as vectors from chunks group by model) counted
      where counted.vectors >= ${fromVectors}`;
    return rows.filter(({ dimensions }) => canIndex(database, dimensions));
  });
}

/**
 * WASM reckons in half precision by software: an insert of 3,072 dimensions takes 44 ms at 1,200 rows already, that of
 * 768 in full precision 2 ms. The exact scan takes 30 µs a row.
 */
function canIndex(database: Database, dimensions: number): boolean {
  return database.kind === 'postgres' || vectorColumn(dimensions).type === 'vector';
}

async function buildMissing(
  database: Database,
  connection: ReservedSql,
  models: readonly IndexableModel[],
): Promise<string[]> {
  const concurrently = database.kind === 'postgres' ? 'concurrently' : '';
  await dropInvalid(connection, concurrently);
  const present = await readNames(connection);
  const built: string[] = [];
  for (const { model, dimensions } of models) {
    const name = vectorIndexName(model);
    if (present.has(name)) continue;
    const [statement] = await connection<{ text: string }[]>`
      select format(
        'create index %s %I on chunks using hnsw ((%s) %s) where model = %L',
        ${concurrently}::text, ${name}::text, ${indexedExpression(dimensions)}::text,
        ${indexedOperators(dimensions)}::text, ${model}::text
      ) as text`;
    if (statement === undefined) throw new Error('format() gave no row');
    await withBuildMemory(connection, BUILD_MEMORY[database.kind], () => connection.unsafe(statement.text).simple());
    built.push(model);
  }
  return built;
}

/** What an interrupted `create index concurrently` leaves: it costs on every write and answers nothing. */
async function dropInvalid(connection: ReservedSql, concurrently: string): Promise<void> {
  const invalid = await connection<{ name: string }[]>`
    select c.relname as name from pg_index i join pg_class c on c.oid = i.indexrelid
    where i.indrelid = 'chunks'::regclass and not i.indisvalid and c.relname like ${`${INDEX_PREFIX}%`}`;
  for (const { name } of invalid) await connection.unsafe(`drop index ${concurrently} ${name}`).simple();
}

async function readNames(connection: ReservedSql): Promise<Set<string>> {
  const rows = await connection<{ name: string }[]>`
    select c.relname as name from pg_index i join pg_class c on c.oid = i.indexrelid
    where i.indrelid = 'chunks'::regclass`;
  return new Set(rows.map((row) => row.name));
}

/** A build may take longer than a statement of a request may. */
async function withBuildMemory(connection: ReservedSql, memory: string, build: () => Promise<unknown>): Promise<void> {
  await connection`
    select set_config('maintenance_work_mem', ${memory}, false), set_config('statement_timeout', '0', false)`;
  try {
    await build();
  } finally {
    await connection`reset maintenance_work_mem`;
    await connection`reset statement_timeout`;
  }
}
