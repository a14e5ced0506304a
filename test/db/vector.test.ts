import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Database } from '../../src/db/client.ts';
import { type ChunkVector, MAX_STORED_DIMENSIONS, vectorLiteral, writeChunkVectors } from '../../src/db/vector.ts';
import { newId } from '../../src/shared/ids.ts';
import { type TestDatabase, testDatabase } from '../support/database.ts';
import { insertDocument, insertWorkspace } from '../support/rows.ts';

let testing: TestDatabase;
let database: Database;

beforeAll(async () => {
  testing = await testDatabase();
  database = testing.database;
  await insertWorkspace(database, 'ws_1');
  await database.withWorkspace('ws_1', async (scope) => {
    await insertDocument(scope, { id: 'doc_1', text: 'a note' });
    await insertDocument(scope, { id: 'doc_ü_漢字', text: 'a note with a long id' });
  });
});

afterAll(() => testing?.close());

beforeEach(async () => {
  await database.withWorkspace('ws_1', ({ sql }) => sql`delete from chunks`);
});

/** Reads pgvector's text form. */
function parseVector(text: string): Float32Array {
  return Float32Array.from(text.slice(1, -1).split(','), Number);
}

async function readVectors(): Promise<(ChunkVector & { model: string })[]> {
  const rows = await database.withWorkspace(
    'ws_1',
    ({ sql }) => sql<(Omit<ChunkVector, 'embedding'> & { model: string; embedding: string })[]>`
      select model, document_id, ordinal, start_offset, end_offset,
        coalesce(embedding::text, wide_embedding::text) as embedding from chunks
      order by model, document_id, ordinal`,
  );
  return rows.map((row) => ({ ...row, embedding: parseVector(row.embedding) }));
}

const write = (model: string, rows: ChunkVector[]) =>
  database.withWorkspace('ws_1', (scope) => writeChunkVectors(scope, model, rows));

/** Deterministic numbers in -1..1 with all their bits in use. */
function noise(seed: number, dimensions: number): Float32Array {
  return Float32Array.from({ length: dimensions }, (_, i) => Math.sin(seed * 7_919 + i * 104_729));
}

describe('vectors of chunks', () => {
  test('are read back bit by bit as they were written, also the smallest and largest numbers', async () => {
    const rows = [
      { documentId: 'doc_1', ordinal: 0, startOffset: 0, endOffset: 6, embedding: Float32Array.of(1 / 3, -0, 1e-45) },
      {
        documentId: 'doc_1',
        ordinal: 1,
        startOffset: 7,
        endOffset: 9,
        embedding: Float32Array.of(3.4028235e38, -1, 0.1),
      },
      { documentId: 'doc_ü_漢字', ordinal: 0, startOffset: 0, endOffset: 2 ** 31 - 1, embedding: noise(1, 768) },
    ];
    await write('tiny', rows);
    expect(await readVectors()).toEqual(rows.map((row) => ({ ...row, model: 'tiny' })));
  });

  test('are all there where there are more of them than travel in one piece', async () => {
    const rows = Array.from({ length: 2_001 }, (_, ordinal) => ({
      documentId: 'doc_1',
      ordinal,
      startOffset: ordinal,
      endOffset: ordinal + 1,
      embedding: noise(ordinal, 8),
    }));
    await write('tiny', rows);
    const found = await readVectors();
    expect(found.length).toBe(rows.length);
    expect(found).toEqual(rows.map((row) => ({ ...row, model: 'tiny' })));
  });

  test('replace the earlier ones of the same model, and leave those of another model', async () => {
    const place = { documentId: 'doc_1', ordinal: 0, startOffset: 0, endOffset: 6 };
    await write('first', [{ ...place, embedding: Float32Array.of(1, 0) }]);
    await write('second', [{ ...place, embedding: Float32Array.of(1, 2, 3) }]);
    await write('first', [{ ...place, endOffset: 5, embedding: Float32Array.of(0, 1) }]);
    expect(await readVectors()).toEqual([
      { ...place, model: 'first', endOffset: 5, embedding: Float32Array.of(0, 1) },
      { ...place, model: 'second', embedding: Float32Array.of(1, 2, 3) },
    ]);
  });

  test('of more than 1,900 dimensions are rounded to the nearest number in half precision, shorter ones are not', async () => {
    const place = { documentId: 'doc_ü_漢字', startOffset: 0, endOffset: 6 };
    const full = noise(1, 1_900);
    const half = [noise(2, 1_901), noise(3, 3_072), noise(4, MAX_STORED_DIMENSIONS)];
    half[0]?.set([1 / 3, -0, 5e-8, 65_504, -(2 ** -14), 1 + 2 ** -11, 1 + 3 * 2 ** -11]);
    const given = [full, ...half].map((embedding, ordinal) => ({ ...place, ordinal, embedding }));
    await write('wide', given);
    const found = (await readVectors()).map(({ embedding }) => embedding);
    expect(found[0]).toEqual(full);
    expect(found.slice(1)).toEqual(half.map((vector) => Float32Array.from(new Float16Array(vector))));
    expect(found.slice(1)).not.toEqual(half);
    expect(found[1]?.slice(5, 7)).toEqual(Float32Array.of(1, 1 + 2 ** -9));
  });

  test('are in one column alone, also after their model has changed the length of its vectors', async () => {
    const place = { documentId: 'doc_1', ordinal: 0, startOffset: 0, endOffset: 6 };
    for (const dimensions of [3, 3_072, 4]) {
      await write('changing', [{ ...place, embedding: noise(dimensions, dimensions) }]);
      const rows = await database.withWorkspace(
        'ws_1',
        ({ sql }) => sql`select vector_dims(embedding) as full, vector_dims(wide_embedding) as half from chunks`,
      );
      expect([...rows]).toEqual([dimensions > 4 ? { full: null, half: dimensions } : { full: dimensions, half: null }]);
    }
    const both = database.withWorkspace('ws_1', ({ sql }) => sql`update chunks set wide_embedding = '[1]'`);
    await expect(both).rejects.toThrow('chunks_one_vector');
    const none = database.withWorkspace('ws_1', ({ sql }) => sql`update chunks set embedding = null`);
    await expect(none).rejects.toThrow('chunks_one_vector');
  });

  test('lie in their row with all else of it, unless the longest have names for which their page has no room', async () => {
    const documentId = newId('Document');
    await database.withWorkspace('ws_1', (scope) => insertDocument(scope, { id: documentId, text: 'a note' }));
    const place = { documentId, startOffset: 0, endOffset: 6 };
    const outside = async () => {
      const [row] = await database.sql<{ bytes: number }[]>`
        select pg_relation_size(reltoastrelid)::int as bytes from pg_class where oid = 'chunks'::regclass`;
      return row?.bytes;
    };
    for (const [ordinal, dimensions] of [768, 1_900, 3_072, MAX_STORED_DIMENSIONS].entries()) {
      await write('text-embedding-3-large', [{ ...place, ordinal, embedding: noise(1, dimensions) }]);
    }
    expect(await outside()).toBe(0);
    const longName = 'a-model-of-a-long-name-'.repeat(9);
    await write(longName, [{ ...place, ordinal: 0, embedding: noise(1, MAX_STORED_DIMENSIONS) }]);
    expect((await readVectors()).map(({ model }) => model)).toContain(longName);
  });

  test('are gone when the transaction that wrote them is rolled back, with all else of it', async () => {
    const writing = database.withWorkspace('ws_1', async (scope) => {
      await insertDocument(scope, { id: 'doc_undone', text: 'never was' });
      const place = { documentId: 'doc_undone', ordinal: 0, startOffset: 0, endOffset: 5 };
      await writeChunkVectors(scope, 'tiny', [{ ...place, embedding: Float32Array.of(1, 0) }]);
      const [seen] = await scope.sql`select count(*)::int as chunks from chunks`;
      expect(seen).toEqual({ chunks: 1 });
      throw new Error('changed my mind');
    });
    await expect(writing).rejects.toThrow('changed my mind');
    expect(await readVectors()).toEqual([]);
    const documents = await database.withWorkspace(
      'ws_1',
      ({ sql }) => sql`select 1 from documents where id = 'doc_undone'`,
    );
    expect(documents.length).toBe(0);
  });

  test('go when their document is deleted', async () => {
    await database.withWorkspace('ws_1', async (scope) => {
      await insertDocument(scope, { id: 'doc_brief', text: 'gone soon' });
      const place = { documentId: 'doc_brief', ordinal: 0, startOffset: 0, endOffset: 4 };
      await writeChunkVectors(scope, 'tiny', [{ ...place, embedding: Float32Array.of(1, 0) }]);
    });
    await database.withWorkspace('ws_1', ({ sql }) => sql`delete from documents where id = 'doc_brief'`);
    expect(await readVectors()).toEqual([]);
  });
});

test('a vector sent as a parameter arrives as the same numbers', async () => {
  const sent = noise(3, 768);
  const [row] = await database.sql<{ text: string }[]>`select (${vectorLiteral(sent)}::vector)::text as text`;
  expect(parseVector(row?.text ?? '')).toEqual(sent);
});
