import { afterEach, expect, inject, test, vi } from 'vitest';
import { ConversationClient } from '../api/conversations/conversation-client.ts';
import { startTestServer } from '../api/server-harness.ts';
import { startChatVendor, vendorIntegration } from '../support/chat-vendor.ts';
import { testDatabaseTarget } from '../support/database.ts';
import { copyPreparedFolder } from '../support/prepared-folder.ts';
import { waitFor } from '../support/wait-for.ts';
import { ask, makeDataDir, startProcess } from './server-process.ts';

const ROOT_KEY = 'a-root-key-of-the-findings-tests';
/** Between two rounds of the upkeep. */
const ROUND_MS = 60_000;
const ACTIONS = [{ kind: 'ask', label: 'Ask about restores', text: 'Who tries out the restore?' }];

const closing: (() => unknown)[] = [];
afterEach(async () => {
  vi.useRealTimers();
  for (const close of closing.splice(0).reverse()) await close();
});

/** A database that outlives the process that is killed. */
async function makeTarget() {
  const data = makeDataDir();
  closing.push(data.remove);
  if (inject('testServer') === null) {
    await copyPreparedFolder(data.path);
    return { dataDir: data.path, databaseUrl: undefined, poolSize: 4 };
  }
  const { remove, databaseUrl } = await testDatabaseTarget();
  closing.push(remove);
  return { dataDir: data.path, databaseUrl, poolSize: 4 };
}

test('kill -9 right after an answer was stored: what is still to be found out about it is found out later, once', async () => {
  // The answer, then the question for actions, amid which the server is killed.
  const vendor = await startChatVendor((_request, place) => {
    if (place === 0) return { text: 'Restore it from the list of backups.' };
    return place === 1 ? { silent: true } : { json: { actions: ACTIONS } };
  });
  closing.push(vendor.close);
  const target = await makeTarget();
  const settings = {
    ...{ SIGNALBOX_DEMO: '0', SIGNALBOX_ROOT_KEY: ROOT_KEY, SIGNALBOX_ALLOW_PRIVATE_URLS: '1' },
    ...{ SIGNALBOX_SECRET_KEY: 'ab'.repeat(32), SIGNALBOX_DATA_DIR: target.dataDir },
    ...(target.databaseUrl === undefined ? {} : { DATABASE_URL: target.databaseUrl }),
  };
  const first = startProcess(settings);
  closing.push(() => first.child.exitCode ?? first.child.signalCode ?? first.end('SIGKILL'));
  const origin = await first.ready();
  const { createWorkspace } = await ask<{
    createWorkspace: { workspace: { id: string }; ownerKey: { secret: string } };
  }>(
    origin,
    ROOT_KEY,
    `mutation { createWorkspace(input: { name: "Talk", tier: ENTERPRISE }) {
      ... on CreatedWorkspace { workspace { id } ownerKey { secret } }
    } }`,
  );
  const { workspace, ownerKey } = createWorkspace;
  const integration = vendorIntegration(vendor);
  const models = [{ name: 'writer', capabilities: ['GENERATE', 'STRUCTURED_OUTPUT'] }];
  await ask(
    origin,
    ownerKey.secret,
    'mutation ($input: CreateIntegrationInput!) { createIntegration(input: $input) { __typename } }',
    {
      input: { ...integration, config: { ...integration.config, models } },
    },
  );
  const query = async (document: string, variables = {}) => ({
    ...{ status: 200, headers: new Headers() },
    body: { data: (await ask(origin, ownerKey.secret, document, variables)) as never },
  });
  const client = new ConversationClient({ url: origin, query }, ownerKey.secret);
  const { id, message } = await client.send(await client.create(), 'How do I restore a backup?', {
    ...{ model: 'vendor/writer', retrieval: false },
  });
  await waitFor('the question for actions', () => vendor.requests.length === 2);
  await first.end('SIGKILL');

  vi.useFakeTimers({ toFake: ['setInterval'] });
  const second = await startTestServer({ target, environment: settings });
  closing.push(second.close);
  const rows = <Row extends object>(text: string, value: string) =>
    second.app.database.withWorkspace(workspace.id, ({ sql }) => sql.unsafe<Row[]>(text, [value]));
  const generation = `select status, findings_due_at is null as is_done, findings_tries as tries from generations where id = $1`;
  expect(await rows(generation, id)).toMatchObject([{ status: 'COMPLETED', isDone: false, tries: 0 }]);
  await rows(`update generations set findings_due_at = now() - interval '1 second' where id = $1`, id);
  vi.advanceTimersByTime(ROUND_MS);
  const found = await waitFor('all to be found out', async () => {
    const [row] = await rows<{ isDone: boolean; tries: number }>(generation, id);
    return row?.isDone === true && row;
  });
  expect(found.tries).toBe(1);
  expect(vendor.requests).toHaveLength(3);
  expect(await rows('select suggested_actions as actions from messages where id = $1', message.id)).toMatchObject([
    { actions: [{ kind: 'ask', label: 'Ask about restores' }] },
  ]);
  const questions = `select intent is not null as is_judged, sentiment is not null as is_felt from messages
    where role = 'USER' and conversation_id = (select conversation_id from generations where id = $1)`;
  expect(await rows(questions, id)).toMatchObject([{ isJudged: true, isFelt: true }]);
}, 120_000);
