import { afterAll, beforeAll, expect, test } from 'vitest';
import { followedUp, nextProcessed } from '../../../src/domain/documents/process-store.ts';
import { newId } from '../../../src/shared/ids.ts';
import { type TestDatabase, testDatabase } from '../../support/database.ts';
import { insertWorkspace } from '../../support/rows.ts';

const WORKSPACE = 'ws_a';
const DOCUMENTS = 2_000;

let given: TestDatabase;
beforeAll(async () => {
  given = await testDatabase();
  await insertWorkspace(given.database, WORKSPACE);
});
afterAll(() => given?.close());

test.each([
  ['QUEUED', true],
  ['RETRYING', true],
  ['DEAD', true],
  ['RUNNING', false],
  ['COMPLETED', false],
  ['CANCELLED', false],
])('a document whose follow-up is %s has one: %s', async (status, hasOne) => {
  const documentId = newId('Document');
  const payload = { documentIds: ['doc_other', documentId], tasks: ['EMBED'], isFollowUp: true };
  const known = await given.database.withWorkspace(WORKSPACE, async (scope) => {
    await scope.sql`
      insert into jobs (workspace_id, id, kind, queue, status, priority, max_attempts, payload)
      values (${WORKSPACE}, ${newId('Job')}, 'EMBED', 'STANDARD', ${status}, 5, 3, ${scope.sql.json(payload)})`;
    const work = { task: 'EMBED' as const, model: undefined };
    return followedUp(scope, 'EMBED', work, [documentId, 'doc_unknown']);
  });
  expect([...known]).toEqual(hasOne ? [documentId] : []);
});

test('a late page of a filter is read without the documents before it, however the database plans it', async () => {
  const { database } = given;
  await database.withWorkspace(
    WORKSPACE,
    ({ sql }) => sql`
      insert into documents (
        workspace_id, id, collection_id, kind, text, source, metadata, content_hash, lexemes, embedding_status, created_at)
      select ${WORKSPACE}, 'doc_' || lpad(n::text, 7, '0'), 'col_1', 'TEXT', 'note ' || n, '{}', '{}',
        sha256(convert_to('note ' || n, 'UTF8')), ''::tsvector, 'MISSING', now()
      from generate_series(1, ${DOCUMENTS}::int) n`,
  );
  await database.sql`analyze documents`;
  const which = {
    ...{ filter: { embedding: ['MISSING' as const] }, upTo: 'doc_9999999', missing: null },
    embeddingModel: 'local/use-lite-768',
  };
  const { page, read } = await database.withWorkspace(WORKSPACE, async (scope) => {
    // One plan for any page, as the planner may come to choose once it has seen the statement several times.
    await scope.sql`set local plan_cache_mode = force_generic_plan`;
    const ids = await nextProcessed(scope, which, `doc_${String(DOCUMENTS - 10).padStart(7, '0')}`, 100);
    const [counted] = await scope.sql<{ rows: number }[]>`
      select (seq_tup_read + coalesce(idx_tup_fetch, 0))::int as rows from pg_stat_xact_user_tables
      where relname = 'documents'`;
    return { page: ids, read: counted?.rows };
  });
  expect(page).toHaveLength(10);
  expect(read).toBe(10);
});
