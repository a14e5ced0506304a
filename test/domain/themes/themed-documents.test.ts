import { afterAll, beforeAll, expect, test } from 'vitest';
import { writeChunkVectors } from '../../../src/db/vector.ts';
import { readDocumentVectors } from '../../../src/domain/themes/themed-documents.ts';
import { type TestDatabase, testDatabase } from '../../support/database.ts';
import { insertDocument, insertWorkspace } from '../../support/rows.ts';

let testing: TestDatabase;
beforeAll(async () => {
  testing = await testDatabase();
});
afterAll(() => testing?.close());

// Above 1,900 dimensions vectors are stored with half the precision.
test.each([3, 768, 2_560, 4_000])(
  'the vector of a document is the mean of its chunks’, in %i dimensions',
  async (dimensions) => {
    const workspaceId = `ws_${dimensions}`;
    const axis = (at: number) => Float32Array.from({ length: dimensions }, (_, i) => (i === at ? 1 : 0));
    await insertWorkspace(testing.database, workspaceId);
    const read = await testing.database.withWorkspace(workspaceId, async (scope) => {
      for (const id of ['doc_two', 'doc_none', 'doc_one']) await insertDocument(scope, { id, text: id });
      const place = { startOffset: 0, endOffset: 3 };
      await writeChunkVectors(scope, 'model', [
        { ...place, documentId: 'doc_two', ordinal: 0, embedding: axis(0) },
        { ...place, documentId: 'doc_two', ordinal: 1, embedding: axis(dimensions - 1) },
        { ...place, documentId: 'doc_one', ordinal: 0, embedding: axis(1) },
      ]);
      await scope.sql`update documents set embedding_status = 'READY', embedding_model = 'model'`;
      return readDocumentVectors(scope, { id: 'model', dimensions } as never, ['doc_one', 'doc_none', 'doc_two']);
    });
    expect(read.documentIds).toEqual(['doc_one', 'doc_two']);
    const [one, two] = [0, 1].map((row) => read.rows.values.slice(row * dimensions, (row + 1) * dimensions));
    expect(one).toEqual(axis(1));
    expect([two?.[0], two?.[1], two?.at(-1)]).toEqual([
      expect.closeTo(Math.SQRT1_2, 3),
      0,
      expect.closeTo(Math.SQRT1_2, 3),
    ]);
  },
);
