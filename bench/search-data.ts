/** Generated workspaces for bench/search.ts: clustered vectors, texts of words with a natural frequency, filters that keep known shares. */
import type { Database } from '../src/db/client.ts';
import { writeChunkVectors } from '../src/db/vector.ts';

export const BENCH_MODEL = 'bench/clusters-768';
export const BENCH_DIMENSIONS = 768;

const CLUSTERS = 200;
const WORDS_PER_DOCUMENT = 60;
const VOCABULARY = 8_000;
const ROWS_PER_INSERT = 1_000;

/** Mulberry32: the same data in every run. */
export function seededRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

function normalised(vector: Float32Array): Float32Array {
  const norm = Math.hypot(...vector);
  return vector.map((value) => value / norm);
}

function noise(random: () => number, scale: number): Float32Array {
  // The sum of three uniform numbers is close enough to a normal distribution.
  return Float32Array.from({ length: BENCH_DIMENSIONS }, () => (random() + random() + random() - 1.5) * scale);
}

/** Makes vectors around fixed centres: cosine about .5 within a cluster, about 0 between two. */
export function clusteredVectors(seed: number): () => Float32Array {
  const centreRandom = seededRandom(4_242);
  const centres = Array.from({ length: CLUSTERS }, () => normalised(noise(centreRandom, 1)));
  const random = seededRandom(seed);
  return () => {
    const centre = centres[Math.floor(random() * CLUSTERS)] as Float32Array;
    const offset = noise(random, 2 / Math.sqrt(BENCH_DIMENSIONS));
    return normalised(centre.map((value, i) => value + (offset[i] as number)));
  };
}

/** Sentences of made-up words: the n-th word is about n times rarer than the first. */
export function wordSource(seed: number): (count: number) => string {
  const random = seededRandom(seed);
  const syllables = ['ka', 'lo', 'mi', 'ter', 'von', 'sur', 'pel', 'dra', 'nix', 'qua'];
  const word = (rank: number) => [...String(rank + 1_000)].map((digit) => syllables[Number(digit)] as string).join('');
  return (count) => Array.from({ length: count }, () => word(Math.floor(VOCABULARY ** random()) - 1)).join(' ');
}

/** Fills one workspace. Of its documents 1 and 10 % are kept by the filters of bench/search.ts, by independent draws. */
export async function fillWorkspace(
  database: Database,
  workspaceId: string,
  documents: number,
  seed: number,
): Promise<void> {
  await database.withSystem(
    (scope) => scope.sql`
      insert into workspaces (id, name, slug, tier) values (${workspaceId}, ${workspaceId}, ${workspaceId}, 'ENTERPRISE')`,
  );
  await database.withWorkspace(
    workspaceId,
    (scope) => scope.sql`
      insert into collections (workspace_id, id, name, slug, kind)
      select ${workspaceId}, name, name, name, 'TEXT' from unnest(array['one', 'nine', 'rest']) as name`,
  );
  const random = seededRandom(seed);
  const nextVector = clusteredVectors(seed + 1);
  const nextWords = wordSource(seed + 2);
  const share = <Value>(one: Value, nine: Value, rest: Value): Value => {
    const drawn = random();
    return drawn < 0.01 ? one : drawn < 0.1 ? nine : rest;
  };
  for (let start = 0; start < documents; start += ROWS_PER_INSERT) {
    const rows = Array.from({ length: Math.min(ROWS_PER_INSERT, documents - start) }, (_, i) => ({
      id: `doc_${String(start + i).padStart(8, '0')}`,
      collection_id: share('one', 'nine', 'rest'),
      kind: share('COMMIT', 'MESSAGE', 'TEXT'),
      metadata: { share: share(['hundredth', 'tenth'], ['tenth'], []) },
      title: nextWords(6),
      text: nextWords(WORDS_PER_DOCUMENT),
    }));
    await database.withWorkspace(workspaceId, async (scope) => {
      await scope.sql`
        insert into documents (workspace_id, id, collection_id, kind, title, text, source, metadata, content_hash, lexemes,
          embedding_status, embedding_model, chunk_count, created_at)
        select ${workspaceId}, r.id, r.collection_id, r.kind, r.title, r.text, '{}', r.metadata, ''::bytea,
          setweight(to_tsvector('english', r.title), 'A') || setweight(to_tsvector('english', r.text), 'D'),
          'READY', ${BENCH_MODEL}, 1, now()
        from jsonb_to_recordset(${scope.sql.json(rows)})
          as r (id text, collection_id text, kind text, metadata jsonb, title text, text text)`;
      await writeChunkVectors(
        scope,
        BENCH_MODEL,
        rows.map((row) => ({
          documentId: row.id,
          ordinal: 0,
          startOffset: 0,
          endOffset: row.text.length,
          embedding: nextVector(),
        })),
      );
    });
  }
}
