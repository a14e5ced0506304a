import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestServer, type TestServer } from '../server-harness.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server?.close());

type Result = {
  __typename: string;
  code?: string;
  count?: number;
  workspace?: { slug: string };
  name?: string;
  tier?: string;
};

async function change(field: string, input: object, key: string): Promise<Result | undefined> {
  const type = `${field[0]?.toUpperCase()}${field.slice(1)}Input`;
  const { body } = await server.query<Record<string, Result>>(
    `mutation ($input: ${type}!) { ${field}(input: $input) { __typename ... on Error { code }
      ... on CreatedWorkspace { workspace { slug } } ... on Workspace { name tier } ... on Deleted { count } } }`.replace(
      /\.\.\. on (\w+) \{ (?:workspace \{ slug \}|name tier|count) \}/g,
      (fragment, on: string) => (RESULTS[field] === on ? fragment : ''),
    ),
    { input },
    { key },
  );
  if (body.errors !== undefined) throw new Error(JSON.stringify(body.errors));
  return body.data?.[field];
}

const RESULTS: Record<string, string> = {
  createWorkspace: 'CreatedWorkspace',
  updateWorkspace: 'Workspace',
  deleteWorkspace: 'Deleted',
};

describe('making a workspace', () => {
  test('its slug is made from its name, and taken once', async () => {
    const made = await change('createWorkspace', { name: 'Møbel & Søn 7' }, server.rootKey);
    expect(made?.workspace?.slug).toMatch(/^[a-z0-9]+(-[a-z0-9]+)*$/);
    const again = await change('createWorkspace', { name: 'Møbel & Søn 7' }, server.rootKey);
    expect(again).toEqual({ __typename: 'ConflictError', code: 'CONFLICT' });
  });

  test.each(['', '   ', '\0', 'n'.repeat(201)])('it cannot be called %j', async (name) => {
    expect(await change('createWorkspace', { name, slug: 'fine' }, server.rootKey)).toMatchObject({
      code: 'BAD_INPUT',
    });
  });

  test.each(['Upper', 'with space', '-', '../etc', 'ø', ''])('its slug cannot be %j', async (slug) => {
    expect(await change('createWorkspace', { name: 'Fine', slug }, server.rootKey)).toMatchObject({
      code: 'BAD_INPUT',
    });
  });
});

describe('changing a workspace', () => {
  test('its owner renames it, and sees the new name at once', async () => {
    const { id, ownerKey } = await server.createWorkspace();
    expect(await change('updateWorkspace', { id, name: 'Renamed' }, ownerKey)).toMatchObject({ name: 'Renamed' });
    const { body } = await server.query('{ viewer { workspace { name } } }', {}, { key: ownerKey });
    expect(body.data).toEqual({ viewer: { workspace: { name: 'Renamed' } } });
  });

  test('its tier is the root key’s to change', async () => {
    const { id, ownerKey } = await server.createWorkspace({ tier: 'FREE' });
    expect(await change('updateWorkspace', { id, tier: 'ENTERPRISE' }, ownerKey)).toMatchObject({ code: 'FORBIDDEN' });
    expect(await change('updateWorkspace', { id, tier: 'PRO' }, server.rootKey)).toMatchObject({ tier: 'PRO' });
    const { body } = await server.query('{ viewer { workspace { tier } } }', {}, { key: ownerKey });
    expect(body.data).toEqual({ viewer: { workspace: { tier: 'PRO' } } });
  });
});

describe('deleting a workspace', () => {
  test('needs its slug, and then ends its keys and all that is in it', async () => {
    const { id, slug, ownerKey } = await server.createWorkspace();
    const other = await server.createWorkspace();
    await server.query('mutation { createCollection(input: { name: "x" }) { __typename } }', {}, { key: ownerKey });
    const refused = await change('deleteWorkspace', { id, confirmSlug: other.slug }, ownerKey);
    expect(JSON.stringify(refused)).not.toContain(slug);
    expect(refused).toMatchObject({
      code: 'BAD_INPUT',
    });
    expect(await change('deleteWorkspace', { id, confirmSlug: slug }, ownerKey)).toMatchObject({ count: 1 });
    expect((await server.query('{ viewer { role } }', {}, { key: ownerKey })).status).toBe(401);
    const [left] = await server.app.database.sql<{ rows: number }[]>`
      select (select count(*) from collections where workspace_id = ${id})::int
        + (select count(*) from api_keys where workspace_id = ${id})::int as rows`;
    expect(left?.rows).toBe(0);
    expect((await server.query('{ viewer { role } }', {}, { key: other.ownerKey })).status).toBe(200);
  });
});
