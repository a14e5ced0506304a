import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, type GenerateKeyPairResult, generateKeyPair, type JWTPayload, SignJWT, UnsecuredJWT } from 'jose';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestServer, type TestServer, type TestWorkspace } from '../server-harness.ts';

const ISSUER = 'https://login.example.com/';
const AUDIENCE = 'signalbox';
const KEY_ID = 'key-1';

let issuerKeys: GenerateKeyPairResult;
let strangerKeys: GenerateKeyPairResult;
let jwks: Server;
let jwksFails = false;
let server: TestServer;
let workspace: TestWorkspace;
beforeAll(async () => {
  issuerKeys = await generateKeyPair('RS256');
  strangerKeys = await generateKeyPair('RS256');
  const published = { keys: [{ ...(await exportJWK(issuerKeys.publicKey)), kid: KEY_ID, alg: 'RS256', use: 'sig' }] };
  jwks = createServer((_request, response) => {
    response.writeHead(jwksFails ? 500 : 200, { 'content-type': 'application/json' });
    response.end(jwksFails ? 'out of order' : JSON.stringify(published));
  });
  await new Promise<void>((resolve) => jwks.listen(0, '127.0.0.1', resolve));
  server = await startWithIssuer();
  workspace = await server.createWorkspace();
});
afterAll(async () => {
  await server?.close();
  jwks?.close();
});

function startWithIssuer(): Promise<TestServer> {
  return startTestServer({
    environment: {
      SIGNALBOX_JWT_JWKS_URL: `http://127.0.0.1:${(jwks.address() as AddressInfo).port}/jwks.json`,
      SIGNALBOX_JWT_ISSUER: ISSUER,
      SIGNALBOX_JWT_AUDIENCE: AUDIENCE,
    },
  });
}

interface TokenOptions {
  claims?: JWTPayload;
  issuer?: string;
  audience?: string;
  expiresAt?: string | number | null;
  signer?: GenerateKeyPairResult;
}

function sign({ claims, issuer, audience, expiresAt = '5m', signer = issuerKeys }: TokenOptions = {}): Promise<string> {
  const token = new SignJWT({ sub: 'user-7', workspace: workspace.id, role: 'member', ...claims })
    .setProtectedHeader({ alg: 'RS256', kid: KEY_ID })
    .setIssuer(issuer ?? ISSUER)
    .setAudience(audience ?? AUDIENCE)
    .setIssuedAt();
  if (expiresAt !== null) token.setExpirationTime(expiresAt);
  return token.sign(signer.privateKey);
}

const whoAmI = (key: string, at = server) =>
  at.query<{ viewer: { user: string | null; role: string; workspace: { id: string } } }>(
    '{ viewer { user role workspace { id } } }',
    {},
    { key },
  );

async function expectRefused(token: string): Promise<void> {
  const { status, body } = await whoAmI(token);
  expect([status, body.errors?.[0]?.extensions.code]).toEqual([401, 'UNAUTHENTICATED']);
  expect(JSON.stringify(body)).not.toContain(token);
}

describe('a token of the team’s own issuer', () => {
  test('says who asks, in which workspace and with which role', async () => {
    expect((await whoAmI(await sign())).body).toEqual({
      data: { viewer: { user: 'user-7', role: 'MEMBER', workspace: { id: workspace.id } } },
    });
  });

  test('may name the workspace by its slug', async () => {
    const token = await sign({ claims: { workspace: workspace.slug } });
    expect((await whoAmI(token)).body.data?.viewer.workspace.id).toBe(workspace.id);
  });

  test('without a role may look and no more', async () => {
    const token = await sign({ claims: { role: undefined } });
    expect((await whoAmI(token)).body.data?.viewer.role).toBe('VIEWER');
    const { body } = await server.query<{ createCollection: { __typename: string } }>(
      'mutation { createCollection(input: { name: "x" }) { __typename } }',
      {},
      { key: token },
    );
    expect(body.data?.createCollection.__typename).toBe('ForbiddenError');
  });

  test.each(['OWNER', 'admin', 'Member', 'viewer'])('has the role of its claim, such as %s', async (role) => {
    expect((await whoAmI(await sign({ claims: { role } }))).body.data?.viewer.role).toBe(role.toUpperCase());
  });

  test('sees its own workspace alone, whatever workspace a header names', async () => {
    const other = await server.createWorkspace();
    const { body } = await server.query<{ viewer: { workspace: { id: string } } }>(
      '{ viewer { workspace { id } } }',
      {},
      { key: await sign(), headers: { 'x-signalbox-workspace': other.id } },
    );
    expect(body.data?.viewer.workspace.id).toBe(workspace.id);
  });

  test('does not stop API keys from working', async () => {
    expect((await whoAmI(workspace.ownerKey)).body.data?.viewer.role).toBe('OWNER');
  });
});

describe('a token is refused with 401', () => {
  const REFUSED: [string, TokenOptions][] = [
    ['of another issuer', { issuer: 'https://evil.example.com/' }],
    ['for another audience', { audience: 'billing' }],
    ['signed by a stranger', {}],
    ['that has expired', { expiresAt: Math.floor(Date.now() / 1_000) - 120 }],
    ['that never expires', { expiresAt: null }],
    ['of an unknown workspace', { claims: { workspace: 'nowhere' } }],
    ['of no workspace', { claims: { workspace: undefined } }],
    ['of a workspace that is no text', { claims: { workspace: { id: 'x' } } }],
    ['with a role that there is not', { claims: { role: 'root' } }],
  ];
  test.each(REFUSED)('%s', async (what, options) => {
    await expectRefused(await sign(what === 'signed by a stranger' ? { signer: strangerKeys } : options));
  });

  test('that is not signed at all (alg none)', async () => {
    const claims = { sub: 'user-7', workspace: workspace.id, role: 'owner' };
    const token = new UnsecuredJWT(claims).setIssuer(ISSUER).setAudience(AUDIENCE).setExpirationTime('5m').encode();
    await expectRefused(`${token}x`);
    await expectRefused(`${token}`);
  });

  test('whose signature was made with the public key as a secret (HS256)', async () => {
    const { n } = await exportJWK(issuerKeys.publicKey);
    const token = await new SignJWT({ workspace: workspace.id, role: 'owner' })
      .setProtectedHeader({ alg: 'HS256', kid: KEY_ID })
      .setIssuer(ISSUER)
      .setAudience(AUDIENCE)
      .setExpirationTime('5m')
      .sign(Buffer.from(n ?? ''));
    await expectRefused(token);
  });

  test('whose claims were changed after it was signed', async () => {
    const [header, , signature] = (await sign()).split('.');
    const forged = Buffer.from(JSON.stringify({ workspace: workspace.id, role: 'owner', iss: ISSUER })).toString(
      'base64url',
    );
    await expectRefused(`${header}.${forged}.${signature}`);
  });

  test('that is three words with dots', async () => {
    await expectRefused('one.two.three');
  });
});

describe('where the issuer’s keys cannot be had', () => {
  test('a token is told 503 and not 401, keys work on, and tokens work again afterwards', async () => {
    jwksFails = true;
    const late = await startWithIssuer();
    try {
      const own = await late.createWorkspace();
      const token = await sign({ claims: { workspace: own.id } });
      const { status, body } = await whoAmI(token, late);
      expect([status, body.errors?.[0]?.extensions.code]).toEqual([503, 'UNAVAILABLE']);
      expect((await whoAmI(own.ownerKey, late)).status).toBe(200);
      jwksFails = false;
      expect((await whoAmI(token, late)).body.data?.viewer.role).toBe('MEMBER');
    } finally {
      jwksFails = false;
      await late.close();
    }
  });
});
