import { type Audit, serverAudits } from 'graphql-http';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestServer, type TestServer } from '../server-harness.ts';

let server: TestServer;
let key: string;
beforeAll(async () => {
  server = await startTestServer();
  key = (await server.createWorkspace()).ownerKey;
});
afterAll(() => server?.close());

/** Sends the requests of the audit with a key. */
const withKey = (input: RequestInfo, init: RequestInit = {}) => {
  const headers = new Headers(init.headers);
  headers.set('authorization', `Bearer ${key}`);
  return fetch(input, { ...init, headers });
};

const url = () => `${server.url}/graphql`;
const CALLERS: { caller: string; audits: Audit[] }[] = [
  { caller: 'without a key', audits: serverAudits({ url }) },
  { caller: 'with a key', audits: serverAudits({ url, fetchFn: withKey }) },
];

describe.each(CALLERS)('GraphQL over HTTP, asked $caller', ({ audits }) => {
  test('the audit has its full list of rules', () => {
    expect(audits.length).toBeGreaterThan(60);
  });

  test.each(audits.map(({ id, name, fn }) => [id, name, fn] as const))('%s: the server %s', async (_id, _name, fn) => {
    const result = await fn();
    if (result.status === 'ok') return;
    // A rule that only MAY hold is told as a notice.
    expect(result.status, `${result.reason}: ${await result.response.clone().text()}`).toBe('notice');
  });
});
