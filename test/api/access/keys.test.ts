import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestServer, type TestServer, type TestWorkspace } from '../server-harness.ts';

let server: TestServer;
let workspace: TestWorkspace;
beforeAll(async () => {
  server = await startTestServer();
  workspace = await server.createWorkspace();
});
afterAll(() => server?.close());

const CREATE = /* GraphQL */ `
  mutation ($input: CreateApiKeyInput!) {
    createApiKey(input: $input) {
      __typename
      ... on ApiKeyCreated { secret apiKey { id name prefix role expiresAt revokedAt lastUsedAt } }
      ... on Error { code message }
    }
  }
`;
const REVOKE = /* GraphQL */ `
  mutation ($id: ID!) {
    revokeApiKey(input: { id: $id }) {
      __typename
      ... on ApiKey { revokedAt }
      ... on Error { code }
    }
  }
`;
const VIEWER = '{ viewer { role apiKey { id lastUsedAt } workspace { id } } }';

interface Created {
  createApiKey: {
    __typename: string;
    code?: string;
    secret: string;
    apiKey: { id: string; name: string; prefix: string; role: string; expiresAt: string | null };
  };
}

const create = async (input: object, key = workspace.ownerKey) => {
  const { body } = await server.query<Created>(CREATE, { input }, { key });
  if (body.data == null) throw new Error(JSON.stringify(body.errors));
  return body.data.createApiKey;
};
const revoke = (id: string, key = workspace.ownerKey) =>
  server.query<{ revokeApiKey: { __typename: string; revokedAt?: string; code?: string } }>(REVOKE, { id }, { key });
const whoAmI = (key: string) =>
  server.query<{ viewer: { role: string; apiKey: { id: string; lastUsedAt: string | null } } }>(VIEWER, {}, { key });

describe('making keys', () => {
  test('a key works at once, and its secret is shown this once', async () => {
    const made = await create({ name: '  CI  ', role: 'MEMBER' });
    expect(made.apiKey).toMatchObject({ name: 'CI', role: 'MEMBER', expiresAt: null });
    expect(made.secret.startsWith(made.apiKey.prefix)).toBe(true);
    expect(made.secret.length).toBeGreaterThanOrEqual(43);
    expect((await whoAmI(made.secret)).body.data?.viewer).toMatchObject({
      role: 'MEMBER',
      apiKey: { id: made.apiKey.id },
    });
    const list = await server.query(
      '{ viewer { workspace { apiKeys { nodes { id name prefix } } } } }',
      {},
      { key: workspace.ownerKey },
    );
    expect(JSON.stringify(list.body)).toContain(made.apiKey.id);
    expect(JSON.stringify(list.body)).not.toContain(made.secret);
  });

  test('the database holds no secret', async () => {
    const { secret, apiKey } = await create({ name: 'hashed', role: 'VIEWER' });
    const rows = await server.app.database.sql<
      { row: string }[]
    >`select k::text as row from api_keys k where id = ${apiKey.id}`;
    expect(rows).toHaveLength(1);
    expect(rows[0]?.row).not.toContain(secret.slice(10));
    expect(rows[0]?.row).not.toContain(Buffer.from(secret).toString('hex'));
  });

  test.each([
    ['a name of spaces', { name: '   ', role: 'VIEWER' }],
    ['a name of 201 characters', { name: 'n'.repeat(201), role: 'VIEWER' }],
    ['an expiry that is over', { name: 'late', role: 'VIEWER', expiresAt: '2020-01-01T00:00:00Z' }],
  ])('%s is refused as input', async (_what, input) => {
    expect(await create(input)).toMatchObject({ __typename: 'InvalidInputError', code: 'BAD_INPUT' });
  });

  test('an ADMIN makes no key that may do more than itself', async () => {
    const admin = await server.createKey(workspace.ownerKey, 'ADMIN');
    expect(await create({ name: 'more', role: 'OWNER' }, admin.secret)).toMatchObject({ code: 'FORBIDDEN' });
    expect(await create({ name: 'same', role: 'ADMIN' }, admin.secret)).toMatchObject({ __typename: 'ApiKeyCreated' });
  });

  test.each(['MEMBER', 'VIEWER'] as const)('a %s cannot make a key', async (role) => {
    const { secret } = await server.createKey(workspace.ownerKey, role);
    expect(await create({ name: 'x', role: 'VIEWER' }, secret)).toMatchObject({ __typename: 'ForbiddenError' });
  });
});

describe('the end of a key', () => {
  test('a revoked key is refused with 401 from the next request on', async () => {
    const { id, secret } = await server.createKey(workspace.ownerKey, 'MEMBER');
    expect((await whoAmI(secret)).status).toBe(200);
    expect((await revoke(id)).body.data?.revokeApiKey.revokedAt).toEqual(expect.any(String));
    const { status, body } = await whoAmI(secret);
    expect([status, body.errors?.[0]?.extensions.code]).toEqual([401, 'UNAUTHENTICATED']);
    expect(body.errors?.[0]?.message).toContain('revoked');
  });

  test('to revoke twice keeps the first time', async () => {
    const { id } = await server.createKey(workspace.ownerKey, 'MEMBER');
    const first = (await revoke(id)).body.data?.revokeApiKey;
    expect((await revoke(id)).body.data?.revokeApiKey).toEqual(first);
  });

  test('nobody revokes a key that may do more than theirs', async () => {
    const owner = await server.createKey(workspace.ownerKey, 'OWNER');
    const admin = await server.createKey(workspace.ownerKey, 'ADMIN');
    expect((await revoke(owner.id, admin.secret)).body.data?.revokeApiKey.code).toBe('FORBIDDEN');
    expect((await whoAmI(owner.secret)).status).toBe(200);
  });

  test('the last OWNER key stays, also when two owners revoke each other at once', async () => {
    const alone = await server.createWorkspace();
    const first = (await whoAmI(alone.ownerKey)).body.data?.viewer.apiKey?.id ?? '';
    expect((await revoke(first, alone.ownerKey)).body.data?.revokeApiKey.code).toBe('CONFLICT');
    const second = await server.createKey(alone.ownerKey, 'OWNER');
    const answers = await Promise.all([revoke(second.id, alone.ownerKey), revoke(first, second.secret)]);
    expect(answers.filter(({ body }) => body.data?.revokeApiKey.revokedAt != null)).toHaveLength(1);
    const alive = await Promise.all([whoAmI(alone.ownerKey), whoAmI(second.secret)]);
    expect(alive.filter(({ status }) => status === 200)).toHaveLength(1);
  });

  test('an expired key is refused with 401', async () => {
    // A busy machine may take longer to make a key than a short one lives.
    const makeKey = async (lifeMs: number): Promise<{ secret: string; expiresAtMs: number }> => {
      const expiresAtMs = Date.now() + lifeMs;
      const { secret } = await create({
        name: 'short',
        role: 'MEMBER',
        expiresAt: new Date(expiresAtMs).toISOString(),
      });
      const { status } = await whoAmI(secret);
      if (status !== 200 && Date.now() >= expiresAtMs) return makeKey(lifeMs * 4);
      expect(status).toBe(200);
      return { secret, expiresAtMs };
    };
    const { secret, expiresAtMs } = await makeKey(1_500);
    await new Promise((resolve) => setTimeout(resolve, expiresAtMs - Date.now() + 100));
    const { status, body } = await whoAmI(secret);
    expect(status).toBe(401);
    expect(body.errors?.[0]?.message).toContain('expired');
  });

  test('a key that is not there, and a key of another workspace, are NOT_FOUND alike', async () => {
    const other = await server.createWorkspace();
    const foreign = await server.createKey(other.ownerKey, 'MEMBER');
    for (const id of [foreign.id, 'key_01h455vb4pex5vsknk084sn02q']) {
      expect((await revoke(id)).body.data?.revokeApiKey).toEqual({ __typename: 'NotFoundError', code: 'NOT_FOUND' });
    }
    expect((await whoAmI(foreign.secret)).status).toBe(200);
  });
});

describe('credentials that are none', () => {
  test.each([
    ['an unknown key', 'Bearer sbx_unknown'],
    ['another scheme', 'Basic dXNlcjpwYXNz'],
    ['a scheme without a key', 'Bearer '],
    ['two keys', 'Bearer one two'],
    ['a key of 100,000 characters', `Bearer ${'x'.repeat(10_000)}`],
  ])('%s is refused with 401, whatever is asked for', async (_what, authorization) => {
    const { status, body } = await server.query('{ __typename }', {}, { headers: { authorization } });
    expect([status, body.errors?.[0]?.extensions.code]).toEqual([401, 'UNAUTHENTICATED']);
  });

  test('without a key only what needs none is answered', async () => {
    expect((await server.query('{ __typename }')).body).toEqual({ data: { __typename: 'Query' } });
    expect((await server.query('{ viewer { role } }')).status).toBe(401);
  });

  test('when a key was last used is told', async () => {
    const { secret, id } = await server.createKey(workspace.ownerKey, 'MEMBER');
    await whoAmI(secret);
    const { body } = await server.query<{ node: { lastUsedAt: string | null } }>(
      'query ($id: ID!) { node(id: $id) { ... on ApiKey { lastUsedAt } } }',
      { id },
      { key: workspace.ownerKey },
    );
    expect(Date.now() - Date.parse(body.data?.node.lastUsedAt ?? '')).toBeLessThan(60_000);
  });
});
