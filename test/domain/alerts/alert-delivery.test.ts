import { createHmac, timingSafeEqual } from 'node:crypto';
import OpenAI from 'openai';
import type { PgBoss } from 'pg-boss';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Database } from '../../../src/db/client.ts';
import type { WorkspaceCaller } from '../../../src/domain/access/caller.ts';
import { AlertService } from '../../../src/domain/alerts/alert-service.ts';
import { AlertWatch } from '../../../src/domain/alerts/alert-watch.ts';
import { newWebhookSecret, sealWebhook, signedHeaders } from '../../../src/domain/alerts/alert-webhook.ts';
import { deleteWebhook, writeWebhook } from '../../../src/domain/alerts/alert-webhook-store.ts';
import { alertDelivery, deliveryDelayMs } from '../../../src/domain/alerts/jobs.ts';
import { CredentialVault } from '../../../src/domain/integrations/credential-vault.ts';
import { secretKeyOf } from '../../../src/domain/integrations/secret-key.ts';
import { startBoss } from '../../../src/jobs/boss.ts';
import type { JobDefinition } from '../../../src/jobs/define-job.ts';
import { JobQueue } from '../../../src/jobs/queue.ts';
import { type RunningWorker, startWorker } from '../../../src/jobs/run-worker.ts';
import { PluginNetwork } from '../../../src/plugins/network.ts';
import { readFromRoot } from '../../docs/page.ts';
import { type TestDatabase, testDatabase } from '../../support/database.ts';
import { waitFor } from '../../support/wait-for.ts';
import { addWorkspace, readableLogger, usageEvent } from '../usage/usage-fixtures.ts';
import { openWatch } from './alert-fixtures.ts';
import { startReceiver, type WebhookReceiver } from './webhook-receiver.ts';

const HOUR_MS = 3_600_000;

const vault = new CredentialVault({ current: secretKeyOf('a key of more than thirty-two characters'), previous: null });
const { logger, lines } = readableLogger();
let opened: TestDatabase;
let database: Database;
let boss: PgBoss;
let worker: RunningWorker;
let network: PluginNetwork;
let receiver: WebhookReceiver;
/** How far the workers' clock is ahead. */
let aheadMs = 0;

beforeAll(async () => {
  opened = await testDatabase();
  database = opened.database;
  boss = await startBoss(database, logger);
});
beforeEach(async () => {
  aheadMs = 0;
  receiver = await startReceiver();
});
afterEach(async () => {
  await worker?.stop();
  await network?.close();
  await receiver.close();
});
afterAll(async () => {
  await boss.stop({ graceful: false });
  await opened.close();
});

/** One server that raises alerts and delivers them. */
async function open({ allowPrivate = true, answerTimeoutMs = 10_000 } = {}) {
  network = new PluginNetwork({ allowPrivate });
  const delivery = alertDelivery({
    ...{ database, vault, network, answerTimeoutMs },
    now: () => Date.now() + aheadMs,
    retryDelayMs: () => 30,
  });
  const queue = new JobQueue(boss);
  worker = await startWorker({ boss, database, definitions: [delivery as unknown as JobDefinition], logger });
  const workspace = await addWorkspace(database, 'FREE');
  const secret = newWebhookSecret();
  const setWebhook = (to: string) =>
    database.withWorkspace(workspace.id, (scope) =>
      writeWebhook(scope, sealWebhook(vault, workspace.id, { url: to, secret })),
    );
  await setWebhook(receiver.url);
  const watch = new AlertWatch({
    ...{ database, logger },
    send: async (scope, [alertId = '']) => {
      await queue.enqueue(scope, delivery, { task: 'DELIVER_ALERT', alertId });
    },
  });
  const { recorder } = openWatch(database, { now: Date.now() });
  recorder.onWritten(() => undefined);
  /** Uses 85 % of the embeddings. */
  const raise = async () => {
    recorder.record(usageEvent(workspace.id, { at: Date.now(), embeddings: 850 }));
    await recorder.flush();
    await watch.check([workspace.id]);
  };
  const job = async () => {
    const [row] = await database.withWorkspace(
      workspace.id,
      ({ sql }) => sql<{ kind: string; status: string; error: string | null; result: unknown }[]>`
        select kind, status, error, result from jobs`,
    );
    return row;
  };
  /** Why tries failed, oldest first: the job itself tells of the latest, until it is tried again. */
  const failures = async () => {
    const rows = await database.withWorkspace(
      workspace.id,
      ({ sql }) => sql<{ message: string }[]>`
        select event.message from jobs cross join lateral unnest(state_events) event
        where event.status = 'RETRYING' order by event.seq`,
    );
    return rows.map(({ message }) => message);
  };
  const until = (status: string) =>
    waitFor(`the job to be ${status}`, async () => ((await job())?.status === status ? job() : null));
  return { ...workspace, secret, setWebhook, raise, job, failures, until };
}

/** By a program of somebody else, which throws where it is not signed as the specification has it. */
async function verify({ headers, body }: WebhookReceiver['calls'][number], secret: string): Promise<void> {
  const { webhooks } = new OpenAI({ apiKey: 'none' });
  await webhooks.verifySignature(body, headers as Record<string, string>, secret);
}

describe('an alert', () => {
  test('is sent to the webhook of its workspace, signed so that others can verify it', async () => {
    const { id, slug, secret, raise, until } = await open();
    await raise();
    expect(await until('COMPLETED')).toMatchObject({ kind: 'MAINTENANCE', result: { delivered: true, status: 204 } });
    const [call, ...others] = receiver.calls;
    expect(others).toEqual([]);
    if (call === undefined) throw new Error('nothing was sent');
    expect(call).toMatchObject({ method: 'POST', path: '/alerts?token=of-the-receiver' });
    const sent = JSON.parse(call.body);
    expect(sent).toEqual({
      type: 'alert.raised',
      timestamp: expect.stringMatching(/^\d{4}-.*Z$/),
      data: {
        ...{ id: call.headers['webhook-id'], level: 'WARNING', subject: 'meter/EMBEDDINGS', percent: 85 },
        message: '850 of the 1,000 embeddings that the tier includes in 30 days are used (85 %)',
        at: sent.timestamp,
        workspace: { id, slug },
      },
    });
    await verify(call, secret);
    await expect(verify({ ...call, body: call.body.replace('85', '86') }, secret)).rejects.toThrow();
    await expect(verify(call, newWebhookSecret())).rejects.toThrow();
  });

  test('is sent again where the receiver fails, under the same id and a signature of its own time', async () => {
    receiver.react(500, 429, 200);
    const { secret, raise, until } = await open();
    await raise();
    expect(await until('COMPLETED')).toMatchObject({ result: { delivered: true, status: 200 } });
    expect(receiver.calls).toHaveLength(3);
    expect(new Set(receiver.calls.map(({ headers }) => headers['webhook-id'])).size).toBe(1);
    for (const call of receiver.calls) await verify(call, secret);
  });

  test('is sent again where the receiver hangs', async () => {
    receiver.react('silence', 200);
    const { raise, until, failures } = await open({ answerTimeoutMs: 250 });
    await raise();
    await until('COMPLETED');
    expect(await failures()).toContainEqual(expect.stringContaining('not answered within 0.25'));
    // More where this machine is too slow to answer in time itself.
    expect(receiver.calls.length).toBeGreaterThanOrEqual(2);
  });

  test('does not follow a redirect, and says so', async () => {
    const other = await startReceiver();
    receiver.react({ redirectTo: other.url }, 200);
    const { raise, until, failures } = await open();
    await raise();
    await until('COMPLETED');
    expect(await failures()).toContainEqual(expect.stringContaining('status 307, and redirects are not followed'));
    expect(other.calls).toEqual([]);
    await other.close();
  });

  test('goes to no private address where those are not allowed, and neither address nor secret are told', async () => {
    const { secret, raise, job } = await open({ allowPrivate: false });
    await raise();
    const waiting = await waitFor('a try', async () => ((await job())?.error == null ? null : job()));
    expect(waiting?.error).toContain('the address 127.0.0.1 is private');
    expect(receiver.calls).toEqual([]);
    const log = JSON.stringify(lines);
    expect(log).toContain('could not be sent to its webhook yet');
    for (const hidden of [secret, 'of-the-receiver']) {
      expect(log).not.toContain(hidden);
      expect(JSON.stringify(waiting)).not.toContain(hidden);
    }
  });

  test('goes to the address that there is by then, and nowhere where the webhook was taken away', async () => {
    receiver.react(500);
    const next = await startReceiver();
    const { id, raise, until, setWebhook } = await open();
    await raise();
    await waitFor('a try', () => receiver.calls.length > 0);
    await setWebhook(next.url);
    await until('COMPLETED');
    expect(next.calls).toHaveLength(1);
    await next.close();
    const second = await open();
    await database.withWorkspace(second.id, deleteWebhook);
    await second.raise();
    expect(await second.until('COMPLETED')).toMatchObject({ result: { delivered: false } });
    expect(id).not.toBe(second.id);
  });

  test('is given up a day after it was raised, logged, and left for people to see', async () => {
    receiver.react(500);
    aheadMs = 25 * HOUR_MS;
    const { raise, until } = await open();
    await raise();
    expect(await waitFor('the end', async () => until('RETRYING'))).toMatchObject({
      error: 'the webhook answered with the status 500',
    });
    expect(
      lines.some(({ level, msg }) => level === 50 && msg.includes('could not be sent to its webhook within a day')),
    ).toBe(true);
  });
});

test('an address of the private network is refused when it is set, where those are not allowed', async () => {
  const workspace = await addWorkspace(database, 'FREE');
  const caller: WorkspaceCaller = { kind: 'user', workspace, role: 'ADMIN', apiKeyId: null, userId: 'ann' };
  const strict = new AlertService({ database, vault, allowPrivateUrls: false });
  for (const url of [receiver.url, 'http://169.254.169.254/latest', 'http://[::1]/', 'http://localhost:1/']) {
    await expect(strict.setWebhook(caller, url)).rejects.toMatchObject({ code: 'BAD_INPUT' });
  }
  const open = new AlertService({ database, vault, allowPrivateUrls: true });
  expect(await open.setWebhook(caller, receiver.url)).toMatchObject({ url: receiver.url });
});

test('what the page on security says verifies a signature, and refuses another', () => {
  const [, , code = ''] =
    /## Alert webhooks[\s\S]*?```(js)\n([\s\S]*?)```/.exec(readFromRoot('docs/security.md')) ?? [];
  const isOurs = new Function('headers', 'body', 'secret', 'createHmac', 'timingSafeEqual', `${code}; return isOurs;`);
  const [secret, body] = [newWebhookSecret(), '{"type":"alert.raised"}'];
  const headers = signedHeaders(secret, { id: 'alr_1', atMs: Date.now(), body });
  expect(isOurs(headers, body, secret, createHmac, timingSafeEqual)).toBe(true);
  expect(isOurs(headers, `${body} `, secret, createHmac, timingSafeEqual)).toBe(false);
  expect(isOurs({ ...headers, 'webhook-id': 'alr_2' }, body, secret, createHmac, timingSafeEqual)).toBe(false);
});

test('tries are some seconds apart at first and hours in the end, some twenty in a day', () => {
  const ages: number[] = [0];
  while ((ages.at(-1) ?? 0) < 24 * HOUR_MS)
    ages.push((ages.at(-1) ?? 0) + deliveryDelayMs(ages.at(-1) ?? 0, () => 0.5));
  expect(ages[1]).toBeGreaterThanOrEqual(5_000);
  expect(ages[1]).toBeLessThan(10_000);
  expect(ages.length).toBeGreaterThan(15);
  expect(ages.length).toBeLessThan(25);
  expect(deliveryDelayMs(20 * HOUR_MS, () => 0)).toBe(4 * HOUR_MS);
  expect(deliveryDelayMs(20 * HOUR_MS, () => 1)).toBe(4.8 * HOUR_MS);
});
