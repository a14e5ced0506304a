/**
 * What does a search cost beside its SQL written by hand, and does it find what an exact scan finds?
 *
 * Peer: one statement on the same connection settings, without row-level security, plan, totals or passages: the ten
 * nearest chunks through the HNSW index where the planner chose it, else by comparing all that the filter leaves.
 * Generated workspaces of clustered vectors and Zipf-like words; filters by collection, kind and metadata. HYBRID stands
 * beside them without a peer.
 *
 * Run: node bench/search.ts                      the embedded database, 10,000 documents
 *      DATABASE_URL=… node bench/search.ts       an empty database of a server, 10,000 and 50,000 documents
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Sql } from 'postgres';
import { type Database, openDatabase } from '../src/db/client.ts';
import { vectorLiteral } from '../src/db/vector.ts';
import type { DocumentFilter } from '../src/domain/documents/document.ts';
import type { SearchMode, SearchPage } from '../src/domain/search/search.ts';
import { SearchService } from '../src/domain/search/search-service.ts';
import { ensureVectorIndexes } from '../src/domain/search/vector-index.ts';
import { BENCH_DIMENSIONS, BENCH_MODEL, clusteredVectors, fillWorkspace, wordSource } from './search-data.ts';

const QUERIES = 25;
const ROUNDS = 3;
const PAGE = 10;

interface Case {
  kept: string;
  filter: DocumentFilter | null;
  /** The filter as one would write it by hand, on `documents d`. */
  condition: string;
}

const CASES: Case[] = [
  { kept: '100 %', filter: null, condition: '' },
  {
    kept: '10 % collection',
    filter: { collectionIds: ['one', 'nine'] },
    condition: `d.collection_id in ('one', 'nine')`,
  },
  { kept: '10 % kind', filter: { kinds: ['COMMIT', 'MESSAGE'] }, condition: `d.kind in ('COMMIT', 'MESSAGE')` },
  {
    kept: '10 % metadata',
    filter: { metadata: { share: ['tenth'] } },
    condition: `d.metadata @> '{"share":["tenth"]}'`,
  },
  { kept: '1 % collection', filter: { collectionIds: ['one'] }, condition: `d.collection_id = 'one'` },
  { kept: '1 % kind', filter: { kinds: ['COMMIT'] }, condition: `d.kind = 'COMMIT'` },
  {
    kept: '1 % metadata',
    filter: { metadata: { share: ['hundredth'] } },
    condition: `d.metadata @> '{"share":["hundredth"]}'`,
  },
];

interface Question {
  text: string;
  vector: Float32Array;
}

function byHand(sql: Sql, workspaceId: string, { condition }: Case, vector: string, isIndexed: boolean) {
  const params = [workspaceId, BENCH_MODEL, vector];
  const owner = 'c.workspace_id = $1 and c.model = $2';
  const matching = `from documents d where d.workspace_id = $1 and d.id = c.document_id and ${condition}`;
  const text = isIndexed
    ? `select c.document_id from chunks c where ${owner} ${condition && `and exists (select ${matching} offset 0)`}
       order by (c.embedding::vector(${BENCH_DIMENSIONS})) <=> $3::vector(${BENCH_DIMENSIONS}) limit ${PAGE}`
    : `select c.document_id from chunks c ${condition && 'join documents d on d.workspace_id = $1 and d.id = c.document_id'}
       where ${owner} ${condition && `and ${condition}`} order by c.embedding <#> $3::vector limit ${PAGE}`;
  return sql.unsafe<{ documentId: string }[]>(text, params, { prepare: true });
}

/** The settings that a careful hand would give its connections. */
async function prepareConnection(sql: Sql): Promise<void> {
  await sql`
    select set_config('plan_cache_mode', 'force_custom_plan', false), set_config('jit', 'off', false),
      set_config('max_parallel_workers_per_gather', '0', false), set_config('hnsw.ef_search', '100', false),
      set_config('hnsw.iterative_scan', 'relaxed_order', false)`;
}

async function compare(database: Database, workspaceId: string, questions: Question[], one: Case): Promise<string> {
  const service = new SearchService(database);
  const times = { ours: [] as number[], hand: [] as number[], hybrid: [] as number[] };
  const ask = (question: Question, mode: SearchMode): Promise<SearchPage> =>
    service.search({
      workspaceId,
      query: question.text,
      queryVector: question.vector,
      model: { id: BENCH_MODEL, dimensions: BENCH_DIMENSIONS, hybridVectorWeight: 0.3 },
      mode,
      filter: one.filter,
      first: PAGE,
    });
  const first = await ask(questions[0] as Question, 'SEMANTIC');
  const isIndexed = first.plan.strategy === 'HNSW';
  let found = 0;
  let hybrid = '';
  for (let round = 0; round < ROUNDS; round++) {
    for (const question of questions) {
      const literal = vectorLiteral(question.vector);
      times.hand.push(await timed(() => byHand(database.sql, workspaceId, one, literal, isIndexed)));
      let page = first;
      times.ours.push(await timed(async () => (page = await ask(question, 'SEMANTIC'))));
      times.hybrid.push(await timed(async () => (hybrid = (await ask(question, 'HYBRID')).plan.strategy)));
      if (round > 0) continue;
      const truth = new Set(
        (await byHand(database.sql, workspaceId, one, literal, false)).map((row) => row.documentId),
      );
      found += page.hits.filter((hit) => truth.has(hit.documentId)).length;
    }
  }
  const cells = [
    workspaceId,
    one.kept,
    first.plan.strategy,
    median(times.ours).toFixed(1),
    median(times.hand).toFixed(1),
    (median(times.ours) / median(times.hand)).toFixed(2),
    (found / (questions.length * PAGE)).toFixed(3),
    hybrid,
    median(times.hybrid).toFixed(1),
  ];
  return `| ${cells.join(' | ')} |`;
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await work();
  return performance.now() - started;
}

function median(values: readonly number[]): number {
  return [...values].sort((left, right) => left - right)[Math.floor(values.length / 2)] ?? Number.NaN;
}

const databaseUrl = process.env.DATABASE_URL;
const dataDir = mkdtempSync(join(tmpdir(), 'signalbox-bench-'));
const database = await openDatabase({ databaseUrl, poolSize: 1, dataDir, inMemory: true });
try {
  const sizes = databaseUrl === undefined ? { ten: 10_000 } : { ten: 10_000, fifty: 50_000 };
  for (const [index, [workspaceId, documents]] of Object.entries(sizes).entries()) {
    const [present] = await database.withWorkspace(workspaceId, (scope) => scope.sql`select 1 from documents limit 1`);
    if (present === undefined) await fillWorkspace(database, workspaceId, documents, index * 10 + 1);
  }
  await database.sql`analyze`;
  const built = await timed(() => ensureVectorIndexes(database));
  await prepareConnection(database.sql);
  const nextVector = clusteredVectors(99);
  const nextWords = wordSource(98);
  const questions = Array.from({ length: QUERIES }, () => ({ text: nextWords(6), vector: nextVector() }));
  console.log(`${database.kind}, ${QUERIES} queries × ${ROUNDS} rounds, load ${loadavg()[0]?.toFixed(1)}`);
  console.log(`indexes looked after in ${(built / 1000).toFixed(1)} s\n`);
  console.log(
    '| workspace | filter keeps | plan | ours, ms | by hand, ms | ratio | recall@10 | hybrid plan | hybrid, ms |',
  );
  console.log('|---|---|---|---|---|---|---|---|---|');
  for (const workspaceId of Object.keys(sizes)) {
    for (const one of CASES) console.log(await compare(database, workspaceId, questions, one));
  }
} finally {
  await database.close();
  rmSync(dataDir, { recursive: true, force: true });
}
