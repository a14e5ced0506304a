import { createClient as createSseClient } from 'graphql-sse';
import { createClient } from 'graphql-ws';
import OpenAI from 'openai';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, test } from 'vitest';
import { WebSocket } from 'ws';
import { startReceiver, type WebhookReceiver } from '../../domain/alerts/webhook-receiver.ts';
import { testDatabaseTarget } from '../../support/database.ts';
import { clearOfMidnight } from '../../support/midnight.ts';
import { makeTempFolder } from '../../support/temp-folder.ts';
import { waitFor } from '../../support/wait-for.ts';
import { ScriptedModels, says } from '../openai-door/scripted-provider.ts';
import { startTestServer, type TestServer } from '../server-harness.ts';
import { openWorkspace, type WorkspaceClient, workspaceClient } from '../workspace-client.ts';

/** 40 answers of 0.000025 USD; the last ones do not fit, because they could cost more. */
const BUDGET_USD = '0.001';
const FOR_A_WARNING = 32;
const FOR_A_CRITICAL_ONE = 38;
const PRIVATE_URLS = { SIGNALBOX_ALLOW_PRIVATE_URLS: '1' };

interface Alert {
  id: string;
  level: string;
  subject: string;
  message: string;
  percent: number;
  at: string;
  acknowledgedAt: string | null;
}

const ALERT = 'id level subject message percent at acknowledgedAt';
const SUBSCRIPTION = `subscription { alertRaised { ${ALERT} } }`;

const models = new ScriptedModels();
let server: TestServer;
let workspace: WorkspaceClient;
beforeAll(async () => {
  server = await startTestServer({ wrapProvider: models.wrap, environment: PRIVATE_URLS });
});
beforeEach(async () => {
  await clearOfMidnight();
  models.play('writer', says('yes'));
  workspace = await budgeted(server);
});
afterAll(() => server?.close());

const closings: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closings.splice(0).reverse()) await close();
});

async function budgeted(on: TestServer): Promise<WorkspaceClient> {
  const client = await openWorkspace(on);
  await client.read(
    `mutation { setBudget(input: { window: DAY, limitUsd: "${BUDGET_USD}" }) { ... on Budget { limitUsd } } }`,
  );
  return client;
}

let prompts = 0;

/** Has a model answer so often, at once. */
async function spend(answers: number, key = workspace.ownerKey, url = server.url) {
  const answer = async () => {
    // Short: what it can cost at the most has to fit until the end.
    const messages = [{ role: 'user', content: String(prompts++) }];
    const response = await fetch(`${url}/v1/chat/completions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      body: JSON.stringify({ model: 'local/writer', max_tokens: 7, messages }),
    });
    expect({ status: response.status, body: await response.text() }).toMatchObject({ status: 200 });
  };
  await Promise.all(Array.from({ length: answers }, answer));
}

async function alerts(args = '', client = workspace): Promise<Alert[]> {
  return (await client.read<{ alerts: { nodes: Alert[] } }>(`{ alerts${args} { nodes { ${ALERT} } } }`)).alerts.nodes;
}

const untilAlerts = (count: number) =>
  waitFor(`${count} alerts`, async () => {
    const found = await alerts();
    return found.length === count ? found : null;
  });

function overWebSocket(on: TestServer, key: string) {
  const client = createClient({
    ...{ url: on.wsUrl, webSocketImpl: WebSocket, retryAttempts: 0 },
    connectionParams: { authorization: `Bearer ${key}` },
  });
  closings.push(() => client.dispose());
  return follow((sink) => client.subscribe({ query: SUBSCRIPTION }, sink));
}

function overSse(on: TestServer, key: string) {
  const client = createSseClient({
    ...{ url: `${on.url}/graphql`, singleConnection: false, retryAttempts: 0 },
    headers: { authorization: `Bearer ${key}` },
  });
  closings.push(() => client.dispose());
  return follow((sink) => client.subscribe({ query: SUBSCRIPTION }, sink));
}

interface Sink {
  next(result: { data?: unknown; errors?: unknown }): void;
  error(error: unknown): void;
  complete(): void;
}

/** What a subscriber hears. */
function follow(subscribe: (sink: Sink) => unknown): Alert[] {
  const heard: Alert[] = [];
  subscribe({
    next: ({ data, errors }) => {
      if (errors !== undefined) throw new Error(JSON.stringify(errors));
      heard.push((data as { alertRaised: Alert }).alertRaised);
    },
    error: () => undefined,
    complete: () => undefined,
  });
  return heard;
}

/** Each subscription listens to the bus of its server. */
const untilListening = (on: TestServer, listeners: number) =>
  waitFor('the subscriptions', () => on.app.database.bus.listenerCount >= listeners);

describe('a budget', () => {
  test('that is spent to 80 % warns, and to 95 % warns again, in words', async () => {
    await spend(FOR_A_WARNING);
    const [warning] = await untilAlerts(1);
    expect(warning).toEqual({
      ...{ id: expect.stringMatching(/^alr_/), level: 'WARNING', subject: 'budget/workspace/DAY', percent: 80 },
      message: '0.0008 of the 0.001 USD that the budget of the workspace allows a day are spent (80 %)',
      ...{ at: expect.any(String), acknowledgedAt: null },
    });
    await spend(FOR_A_CRITICAL_ONE - FOR_A_WARNING);
    const found = await untilAlerts(2);
    expect(found[0]).toMatchObject({ level: 'CRITICAL', percent: 95 });
    expect(found[1]).toEqual(warning);
  });

  test('of a key is told with its name', async () => {
    const { createApiKey } = await workspace.read<{ createApiKey: { secret: string; apiKey: { id: string } } }>(
      `mutation { createApiKey(input: {
        name: "the importer", role: MEMBER, budget: { window: MONTH, limitUsd: "0.0001" }
      }) { ... on ApiKeyCreated { secret apiKey { id } } } }`,
    );
    await spend(1, createApiKey.secret);
    await workspace.read(`mutation { setBudget(input: {
      window: MONTH, limitUsd: "0.000028", apiKeyId: "${createApiKey.apiKey.id}"
    }) { ... on Budget { limitUsd } } }`);
    const [alert] = await untilAlerts(1);
    expect(alert).toMatchObject({ subject: `budget/${createApiKey.apiKey.id}/MONTH`, percent: 89.28 });
    expect(alert?.message).toContain('the API key "the importer" (key_');
  });
});

test('an allowance that is used to 80 % warns of it', async () => {
  workspace = await openWorkspace(server, { tier: 'FREE' });
  await spend(79);
  await spend(1);
  const [alert] = await untilAlerts(1);
  expect(alert).toMatchObject({ level: 'WARNING', subject: 'meter/LLM_CALLS', percent: 80 });
});

describe('alertRaised', () => {
  test('is heard alike over WebSocket and SSE, in order, and by no other workspace', async () => {
    const other = await budgeted(server);
    const heard = [
      overWebSocket(server, workspace.ownerKey),
      overSse(server, workspace.ownerKey),
      overWebSocket(server, other.ownerKey),
    ];
    await untilListening(server, 3);
    await spend(FOR_A_CRITICAL_ONE);
    await waitFor('both alerts', () => heard[0]?.length === 2 && heard[1]?.length === 2);
    expect(heard[0]?.map(({ level }) => level)).toEqual(['WARNING', 'CRITICAL']);
    expect(heard[1]).toEqual(heard[0]);
    expect((await alerts()).reverse()).toEqual(heard[0]);
    await spend(FOR_A_WARNING, other.ownerKey);
    await waitFor('the alert of the other', () => heard[2]?.length === 1);
    expect(heard[2]?.[0]?.id).not.toBe(heard[0]?.[0]?.id);
    expect(heard[0]).toHaveLength(2);
  });

  test('ends its listening when the client leaves', async () => {
    const before = server.app.database.bus.listenerCount;
    const client = createClient({
      ...{ url: server.wsUrl, webSocketImpl: WebSocket, retryAttempts: 0 },
      connectionParams: { authorization: `Bearer ${workspace.ownerKey}` },
    });
    follow((sink) => client.subscribe({ query: SUBSCRIPTION }, sink));
    await untilListening(server, before + 1);
    await client.dispose();
    await waitFor('the end', () => server.app.database.bus.listenerCount === before);
  });
});

describe('an alert', () => {
  const ACKNOWLEDGE = `mutation ($id: ID!) {
    acknowledgeAlert(input: { id: $id }) { ... on Alert { id acknowledgedAt } ... on Error { code } }
  }`;

  test('is acknowledged once: the first time and who it was stay', async () => {
    await spend(FOR_A_CRITICAL_ONE);
    const [critical, warning] = await untilAlerts(2);
    const admin = await server.createKey(workspace.ownerKey, 'ADMIN');
    const adminClient = workspaceClient(server, { ...workspace, ownerKey: admin.secret });
    const first = await adminClient.read<{ acknowledgeAlert: Alert }>(ACKNOWLEDGE, { id: warning?.id });
    expect(first.acknowledgeAlert.acknowledgedAt).not.toBeNull();
    expect(await workspace.read(ACKNOWLEDGE, { id: warning?.id })).toEqual(first);
    expect((await alerts('(acknowledged: true)')).map(({ id }) => id)).toEqual([warning?.id]);
    expect((await alerts('(acknowledged: false)')).map(({ id }) => id)).toEqual([critical?.id]);
    expect((await alerts('(first: 1)')).map(({ id }) => id)).toEqual([critical?.id]);
    const [row] = await server.app.database.withWorkspace(
      workspace.id,
      ({ sql }) => sql`select acknowledged_by from alerts where id = ${warning?.id ?? ''}`,
    );
    expect(row?.acknowledgedBy).toBe(admin.id);
  });

  test('is seen by viewers, acknowledged by those who manage budgets, and unknown to others', async () => {
    await spend(FOR_A_WARNING);
    const [alert] = await untilAlerts(1);
    const id = alert?.id ?? '';
    const viewer = await server.createKey(workspace.ownerKey, 'VIEWER');
    const viewerClient = workspaceClient(server, { ...workspace, ownerKey: viewer.secret });
    expect(await alerts('', viewerClient)).toHaveLength(1);
    expect(await viewerClient.read(ACKNOWLEDGE, { id })).toEqual({ acknowledgeAlert: { code: 'FORBIDDEN' } });
    const stranger = await openWorkspace(server);
    expect(await stranger.read(ACKNOWLEDGE, { id })).toEqual({ acknowledgeAlert: { code: 'NOT_FOUND' } });
    expect(await stranger.errorCode(`{ node(id: "${id}") { id } }`)).toBe('NOT_FOUND');
    expect(await alerts('', stranger)).toEqual([]);
    expect(await workspace.read(`{ node(id: "${id}") { ... on Alert { level } } }`)).toEqual({
      node: { level: 'WARNING' },
    });
    expect((await alerts())[0]?.acknowledgedAt).toBeNull();
  });
});

describe('the webhook', () => {
  const SET = `mutation ($url: String!) {
    setAlertWebhook(input: { url: $url }) {
      ... on Webhook { url secret } ... on Error { code message }
    }
  }`;
  let receiver: WebhookReceiver;
  beforeEach(async () => {
    receiver = await startReceiver();
    closings.push(() => receiver.close());
  });
  const set = async (url: string, client = workspace) =>
    (await client.read<{ setAlertWebhook: { url: string; secret: string; code?: string } }>(SET, { url }))
      .setAlertWebhook;

  test('gets each alert, signed with the secret that was shown when it was set', async () => {
    const { url, secret } = await set(receiver.url);
    expect(url).toBe(receiver.url);
    await spend(FOR_A_CRITICAL_ONE);
    await waitFor('both calls', () => receiver.calls.length === 2);
    const { webhooks } = new OpenAI({ apiKey: 'none' });
    for (const { body, headers } of receiver.calls) {
      await webhooks.verifySignature(body, headers as Record<string, string>, secret);
    }
    const levels = receiver.calls.map(({ body }) => JSON.parse(body).data.level);
    expect(levels.sort()).toEqual(['CRITICAL', 'WARNING']);
    expect(JSON.parse(receiver.calls[0]?.body ?? '').data.workspace).toEqual({
      id: workspace.id,
      slug: workspace.slug,
    });
  });

  test('has a new secret each time it is set, which is kept sealed; "" takes it away', async () => {
    const secrets = [(await set(receiver.url)).secret, (await set(receiver.url)).secret];
    for (const secret of secrets) expect(secret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
    expect(new Set(secrets).size).toBe(2);
    const rows = () =>
      server.app.database.withWorkspace(
        workspace.id,
        ({ sql }) => sql<{ sealed: Uint8Array }[]>`select sealed from alert_webhooks`,
      );
    const [row, ...others] = await rows();
    expect(others).toEqual([]);
    const stored = Buffer.from(row?.sealed ?? []).toString('latin1');
    for (const hidden of ['whsec_', '127.0.0.1', 'of-the-receiver']) expect(stored).not.toContain(hidden);
    expect(await set('')).toEqual({ url: '', secret: null });
    expect([...(await rows())]).toEqual([]);
    await spend(FOR_A_WARNING);
    await untilAlerts(1);
    expect(await workspace.read('{ jobs { nodes { id } } }')).toEqual({ jobs: { nodes: [] } });
    expect(receiver.calls).toEqual([]);
  });

  test.each([
    ['without a scheme', 'not a url'],
    ['of another scheme', 'ftp://example.com/'],
    ['with a password', 'http://user:word@example.com/'],
    ['of more than 2,048 characters', `https://e.com/${'x'.repeat(2_050)}`],
  ])('is not set to an address %s', async (_what, url) => {
    expect(await set(url)).toMatchObject({ code: 'BAD_INPUT' });
  });

  test('is set by those who manage budgets alone', async () => {
    const { secret } = await server.createKey(workspace.ownerKey, 'MEMBER');
    const member = workspaceClient(server, { ...workspace, ownerKey: secret });
    expect(await set(receiver.url, member)).toMatchObject({ code: 'FORBIDDEN' });
  });
});

test('a range of days that is none is BAD_INPUT', async () => {
  expect(await workspace.errorCode('{ dailySummaries(from: "today", to: "2026-01-01") { date } }')).toBe('BAD_INPUT');
  expect(await workspace.read('{ dailySummaries(from: "2026-01-01", to: "2026-01-31") { date } }')).toEqual({
    dailySummaries: [],
  });
});

describe.skipIf(inject('testServer') === null)('two servers', () => {
  test('raise each alert once, and a subscriber of one hears what the other has raised', async () => {
    const target = await testDatabaseTarget();
    const { remove, ...shared } = target;
    closings.push(remove);
    const servers = await Promise.all(
      [1, 2].map(async () => {
        const folder = makeTempFolder('alerts');
        const environment = {
          ...PRIVATE_URLS,
          SIGNALBOX_SECRET_KEY: 'a secret key that both servers share',
          SIGNALBOX_ROOT_KEY: 'a-root-key-of-the-alerts-tests',
        };
        const options = { wrapProvider: models.wrap, environment, target: { ...shared, dataDir: folder.path } };
        const started = await startTestServer(options);
        closings.push(async () => {
          await started.close();
          await folder.remove();
        });
        return started;
      }),
    );
    const [first, second] = servers as [TestServer, TestServer];
    workspace = await budgeted(first);
    const receiver = await startReceiver();
    closings.push(() => receiver.close());
    await workspace.read(`mutation { setAlertWebhook(input: { url: "${receiver.url}" }) { ... on Webhook { url } } }`);
    const heard = overSse(second, workspace.ownerKey);
    await untilListening(second, 1);
    await Promise.all(servers.map(({ url }) => spend(FOR_A_CRITICAL_ONE / 2, workspace.ownerKey, url)));
    await waitFor('both alerts', () => heard.length === 2);
    expect(heard.map(({ level }) => level)).toEqual(['WARNING', 'CRITICAL']);
    await waitFor('both calls', () => receiver.calls.length === 2);
    expect(await alerts()).toHaveLength(2);
  });
});
