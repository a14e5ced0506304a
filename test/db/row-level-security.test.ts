import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Database } from '../../src/db/client.ts';
import { writeChunkVectors } from '../../src/db/vector.ts';
import { type TestDatabase, testDatabase } from '../support/database.ts';
import { insertDocument, insertWorkspace } from '../support/rows.ts';

const INSUFFICIENT_PRIVILEGE = { code: '42501' };

let testing: TestDatabase;
let database: Database;

beforeAll(async () => {
  testing = await testDatabase();
  database = testing.database;
  for (const id of ['ws_a', 'ws_b']) {
    await insertWorkspace(database, id);
    await database.withWorkspace(id, async (scope) => {
      await insertDocument(scope, { id: `doc_${id}`, text: `invoice of ${id}`, metadata: { plan: 'team' } });
      const place = { documentId: `doc_${id}`, ordinal: 0, startOffset: 0, endOffset: 7 };
      await writeChunkVectors(scope, 'tiny', [{ ...place, embedding: Float32Array.of(1, 0) }]);
    });
  }
  await database.withWorkspace('ws_a', (scope) =>
    insertDocument(scope, { id: 'doc_secret', text: 'zebra merger', metadata: { project: 'zebra' } }),
  );
});

afterAll(() => testing?.close());

async function visibleIn(workspaceId: string, table: string): Promise<string[]> {
  const rows = await database.withWorkspace(
    workspaceId,
    ({ sql }) => sql<{ workspaceId: string }[]>`select distinct workspace_id from ${sql(table)}`,
  );
  return rows.map((row) => row.workspaceId);
}

describe('the scope of a workspace', () => {
  test('sees the rows of its workspace alone', async () => {
    for (const table of ['documents', 'chunks', 'collections']) {
      expect(await visibleIn('ws_a', table)).toEqual(['ws_a']);
      expect(await visibleIn('ws_b', table)).toEqual(['ws_b']);
      expect(await visibleIn('ws_of_nobody', table)).toEqual([]);
    }
    const workspaces = await database.withWorkspace('ws_a', ({ sql }) => sql`select id from workspaces`);
    expect(workspaces.map((row) => row.id)).toEqual(['ws_a']);
  });

  test('cannot add a row to another workspace', async () => {
    const adding = database.withWorkspace('ws_b', (scope) =>
      insertDocument(scope, { workspaceId: 'ws_a', id: 'doc_planted', text: 'planted' }),
    );
    await expect(adding).rejects.toMatchObject(INSUFFICIENT_PRIVILEGE);
  });

  test('cannot move its rows into another workspace', async () => {
    const moving = database.withWorkspace('ws_b', ({ sql }) => sql`update documents set workspace_id = 'ws_a'`);
    await expect(moving).rejects.toMatchObject(INSUFFICIENT_PRIVILEGE);
  });

  test('cannot change or delete a row of another workspace', async () => {
    const counts = await database.withWorkspace('ws_b', async ({ sql }) => {
      const changed = await sql`update documents set text = 'defaced' where workspace_id = 'ws_a'`;
      const deleted = await sql`delete from documents where workspace_id = 'ws_a'`;
      return [changed.count, deleted.count];
    });
    expect(counts).toEqual([0, 0]);
    const rows = await database.withWorkspace('ws_a', ({ sql }) => sql`select text from documents order by id`);
    expect(rows.map((row) => row.text)).toEqual(['zebra merger', 'invoice of ws_a']);
  });

  test('cannot attach a vector to a document of another workspace', async () => {
    const attaching = database.withWorkspace('ws_b', (scope) =>
      writeChunkVectors(scope, 'tiny', [
        { documentId: 'doc_ws_a', ordinal: 1, startOffset: 0, endOffset: 1, embedding: Float32Array.of(0, 1) },
      ]),
    );
    await expect(attaching).rejects.toThrow(/foreign key/);
  });

  test('cannot make or change a workspace', async () => {
    const promoting = database.withWorkspace('ws_b', ({ sql }) => sql`update workspaces set tier = 'ENTERPRISE'`);
    await expect(promoting).rejects.toMatchObject(INSUFFICIENT_PRIVILEGE);
  });

  test('ends with its transaction, also with one that fails', async () => {
    const failing = database.withWorkspace('ws_a', ({ sql }) => sql`select 1 / 0`);
    await expect(failing).rejects.toMatchObject({ code: '22012' });
    // More connections than the pool has: each one is looked at.
    const looks = Array.from(
      { length: 8 },
      () => database.sql<{ role: string; workspace: string }[]>`
        select current_setting('role') as role, coalesce(current_setting('app.workspace_id', true), '') as workspace`,
    );
    for (const [look] of await Promise.all(looks)) expect(look).toEqual({ role: 'none', workspace: '' });
  });
});

describe('the snapshot of a workspace', () => {
  test('sees the rows of its workspace alone, as they were at one moment, and cannot write', async () => {
    const seen = await database.withSnapshot(
      'ws_a',
      ({ sql }) =>
        sql<{ workspaces: string[]; isolation: string; isReadOnly: string; role: string }[]>`
        select
          array_agg(distinct workspace_id) as workspaces, current_setting('transaction_isolation') as isolation,
          current_setting('transaction_read_only') as is_read_only, current_user as role
        from documents`,
    );
    const [isolation, isReadOnly, role] = ['repeatable read', 'on', 'signalbox_app'];
    expect([...seen]).toEqual([{ workspaces: ['ws_a'], isolation, isReadOnly, role }]);
    const writing = database.withSnapshot('ws_a', ({ sql }) => sql`update documents set title = 'written'`);
    await expect(writing).rejects.toMatchObject({ code: '25006' });
    const [after] = await database.sql`select current_setting('transaction_isolation') as isolation`;
    expect(after).toEqual({ isolation: 'read committed' });
  });
});

describe('the application role without a scope', () => {
  test('sees nothing of any table that holds a workspace', async () => {
    const tables = await tenantTables();
    expect(tables).toContain('documents');
    await database.sql.begin(async (sql) => {
      await sql`set local role signalbox_app`;
      for (const table of [...tables, 'workspaces']) {
        const [row] = await sql<{ rows: number }[]>`select count(*)::int as rows from ${sql(table)}`;
        expect(row, table).toEqual({ rows: 0 });
      }
    });
  });
});

async function tenantTables(): Promise<string[]> {
  const rows = await database.sql<{ name: string }[]>`
    select c.relname as name from pg_class c
    join pg_attribute a on a.attrelid = c.oid and a.attname = 'workspace_id' and not a.attisdropped
    where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') order by c.relname`;
  return rows.map((row) => row.name);
}

describe('every table with a workspace_id column', () => {
  test('has forced row-level security', async () => {
    const tables = [...(await tenantTables()), 'workspaces'];
    const open = await database.sql<{ relname: string }[]>`
      select relname from pg_class
      where relnamespace = 'public'::regnamespace and relname in ${database.sql(tables)}
        and not (relrowsecurity and relforcerowsecurity)`;
    expect(open.map((row) => row.relname)).toEqual([]);
  });

  test('has exactly one policy for the application role, for all commands, which names the workspace of the scope', async () => {
    const policies = await database.sql<{ tablename: string; cmd: string; qual: string; withCheck: string | null }[]>`
      select tablename, cmd, qual, with_check from pg_policies
      where schemaname = 'public' and roles && array['signalbox_app', 'public']::name[] and tablename <> 'workspaces'
      order by tablename`;
    expect(policies.map((policy) => policy.tablename)).toEqual(await tenantTables());
    for (const policy of policies) {
      const workspaceOfScope =
        /^\(workspace_id = \( SELECT current_setting\('app\.workspace_id'::text, true\) AS current_setting\)\)$/;
      expect(policy.cmd, policy.tablename).toBe('ALL');
      expect(policy.qual, policy.tablename).toMatch(workspaceOfScope);
      expect(policy.withCheck, policy.tablename).toMatch(workspaceOfScope);
    }
  });

  test('has a primary key that starts with the workspace', async () => {
    const keys = await database.sql<{ name: string; first: string }[]>`
      select c.relname as name, a.attname as first from pg_index i
      join pg_class c on c.oid = i.indrelid
      join pg_attribute a on a.attrelid = c.oid and a.attnum = i.indkey[0]
      where i.indisprimary and c.relname in ${database.sql(await tenantTables())} order by c.relname`;
    expect(keys).toEqual((await tenantTables()).map((name) => ({ name, first: 'workspace_id' })));
  });
});

/** What each function that runs with its owner's rights answers, asked from a workspace about words of `ws_a`. */
async function askDefinerFunctions(workspaceId: string) {
  return await database.withWorkspace(workspaceId, async ({ sql }) => {
    const lexical = await sql<{ documentId: string }[]>`
      select document_id from lexical_candidates('{zebra,invoic}', '{1,1}', 'zebra | invoic') order by 1`;
    const frequencies = await sql<{ lexeme: string; frequency: number }[]>`
      select lexeme, frequency from document_frequencies('{zebra,invoic}', 10) order by lexeme`;
    const metadata = await sql<{ id: string }[]>`
      select id from documents_with_metadata('{}') as id order by id`;
    return {
      lexical: lexical.map((row) => row.documentId),
      frequencies: Object.fromEntries(frequencies.map((row) => [row.lexeme, row.frequency])),
      metadata: metadata.map((row) => row.id),
    };
  });
}

async function definerFunctions(): Promise<{ name: string; owner: string; volatility: string; public: boolean }[]> {
  return await database.sql`
    select p.proname as name, pg_get_userbyid(p.proowner) as owner, p.provolatile::text as volatility,
      exists (
        select from aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) g
        where g.grantee = 0 and g.privilege_type = 'EXECUTE'
      ) as public
    from pg_proc p where p.prosecdef and p.pronamespace = 'public'::regnamespace order by p.proname`;
}

describe('the functions that run with rights across workspaces', () => {
  test('answer about the workspace of the scope alone', async () => {
    expect(await askDefinerFunctions('ws_a')).toEqual({
      lexical: ['doc_secret', 'doc_ws_a'],
      frequencies: { invoic: 1, zebra: 1 },
      metadata: ['doc_secret', 'doc_ws_a'],
    });
    expect(await askDefinerFunctions('ws_b')).toEqual({
      lexical: ['doc_ws_b'],
      frequencies: { invoic: 1, zebra: 0 },
      metadata: ['doc_ws_b'],
    });
    expect(await askDefinerFunctions('ws_of_nobody')).toEqual({
      lexical: [],
      frequencies: { invoic: 0, zebra: 0 },
      metadata: [],
    });
  });

  test('are four, belong to the system role, cannot write, and are not for everyone to call', async () => {
    const limits = { owner: 'signalbox_system', volatility: 's', public: false };
    expect(await definerFunctions()).toEqual([
      { name: 'document_frequencies', ...limits },
      { name: 'documents_with_metadata', ...limits },
      { name: 'lexical_candidates', ...limits },
      { name: 'turn_goes_on', ...limits },
    ]);
  });
});

describe('the system scope', () => {
  test.each([
    ['add a document', `insert into documents select * from documents limit 1`],
    ['change a document', `update documents set text = 'defaced'`],
    ['delete a document', `delete from documents`],
    ['change a vector', `update chunks set ordinal = ordinal + 1`],
    ['delete a vector', `delete from chunks`],
    ['change a collection', `update collections set name = 'defaced'`],
    ['empty a table', `truncate documents cascade`],
  ])('cannot %s', async (_act, statement) => {
    const trying = database.withSystem(({ sql }) => sql.unsafe(statement));
    await expect(trying).rejects.toMatchObject(INSUFFICIENT_PRIVILEGE);
  });

  test('has none of the rights that get around row-level security, and neither has the application role', async () => {
    const roles = await database.sql`
      select rolname, rolsuper, rolbypassrls, rolcreaterole, rolcanlogin,
        exists (select from pg_auth_members m where m.member = r.oid) as is_member
      from pg_roles r where rolname like 'signalbox%' order by rolname`;
    const none = { rolsuper: false, rolbypassrls: false, rolcreaterole: false, rolcanlogin: false, isMember: false };
    expect([...roles]).toEqual([
      { rolname: 'signalbox_app', ...none },
      { rolname: 'signalbox_system', ...none },
    ]);
  });
});
