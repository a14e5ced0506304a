import { createClient } from 'graphql-ws';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { WebSocket } from 'ws';
import type { Finder } from '../../../src/domain/insights/finding.ts';
import { recordInsight } from '../../../src/domain/insights/insight-store.ts';
import { recordSignal } from '../../../src/domain/insights/signal-store.ts';
import { anInsight, aSignal, insertAgentWithRuns } from '../../domain/insights/finding-rows.ts';
import { testDatabaseTarget } from '../../support/database.ts';
import { waitFor } from '../../support/wait-for.ts';
import { startTestServer, type TestServer } from '../server-harness.ts';
import { openWorkspace, type WorkspaceClient } from '../workspace-client.ts';

let server: TestServer;
let workspace: WorkspaceClient;
let finder: Finder;
let companyId: string;
let otherCompanyId: string;
beforeAll(async () => {
  server = await startTestServer({ environment: { SIGNALBOX_WORKER: '0' } });
  workspace = await openWorkspace(server);
  [finder] = (await insertAgentWithRuns(server.app.database, workspace.id, 'agt_1', ['run_1'])) as [Finder];
  [companyId, otherCompanyId] = (await storeCompanies(workspace)) as [string, string];
});
afterAll(() => server?.close());

async function storeCompanies(client: WorkspaceClient): Promise<string[]> {
  const companies = ['Alder Freight', 'Birch Ports'].map((title) => ({ kind: 'COMPANY' as const, title, text: title }));
  const collectionId = await client.createCollection('COMPANY');
  return (await client.upsert({ collectionId, documents: companies, tasks: [] })).documents.map(({ id }) => id);
}

function findInsight(changes: Parameters<typeof anInsight>[0]): Promise<string> {
  const insight = anInsight({ documentIds: [companyId], ...changes });
  return server.app.database.withWorkspace(workspace.id, (scope) => recordInsight(scope, finder, insight));
}

function findSignal(changes: Parameters<typeof aSignal>[0]): Promise<string> {
  const signal = aSignal({ companyId, evidenceIds: [companyId], ...changes });
  return server.app.database.withWorkspace(workspace.id, (scope) => recordSignal(scope, finder, signal));
}

/** What a subscription tells, from when it listens on. */
async function subscribe<Told>(query: string, client = workspace, on: TestServer = server) {
  const before = on.app.database.bus.listenerCount;
  const connectionParams = { authorization: `Bearer ${client.ownerKey}` };
  const socket = createClient({ url: on.wsUrl, webSocketImpl: WebSocket, retryAttempts: 0, connectionParams });
  const results = socket.iterate<Record<string, Told>>({ query: `subscription { ${query} }` });
  const first = results.next();
  await waitFor('the subscription', () => on.app.database.bus.listenerCount > before);
  let next: ReturnType<typeof results.next> | null = first;
  return {
    next: async (): Promise<Told> => {
      const { value, done } = await (next ?? results.next());
      next = null;
      if (done || value.data == null) throw new Error(JSON.stringify(value?.errors ?? 'over'));
      return Object.values(value.data)[0] as Told;
    },
    /** Until nothing of it is left: the next one is told apart by the count. */
    leave: async () => {
      await socket.dispose();
      await waitFor('the end of the subscription', () => on.app.database.bus.listenerCount <= before);
    },
  };
}

describe('an insight', () => {
  test('is told once, when it is new, to those who asked for its priority', async () => {
    const all = await subscribe<{ title: string }>('insightCreated { title }');
    const pressing = await subscribe<{ title: string }>('insightCreated(minPriority: HIGH) { title priority }');
    await findInsight({ key: 'told', title: 'Told', priority: 'LOW' });
    await findInsight({ key: 'told', title: 'Told again', priority: 'CRITICAL' });
    expect(await all.next()).toEqual({ title: expect.stringContaining('Told') });
    await findInsight({ key: 'pressing', title: 'Pressing', priority: 'HIGH' });
    expect(await all.next()).toEqual({ title: 'Pressing' });
    expect(await pressing.next()).toMatchObject({ priority: expect.stringMatching(/HIGH|CRITICAL/) });
    await pressing.leave();
    await all.leave();
  });

  test('that is rolled back is not told', async () => {
    const told = await subscribe<{ title: string }>('insightCreated { title }');
    const rolledBack = server.app.database.withWorkspace(workspace.id, async (scope) => {
      await recordInsight(scope, finder, anInsight({ key: 'undone', title: 'Undone', documentIds: [] }));
      throw new Error('undone');
    });
    await expect(rolledBack).rejects.toThrow('undone');
    await findInsight({ key: 'done', title: 'Done' });
    expect(await told.next()).toEqual({ title: 'Done' });
    await told.leave();
  });

  test('of which more are new than a page holds are all told, each once', async () => {
    const told = await subscribe<{ title: string }>('insightCreated { title }');
    await server.app.database.withWorkspace(workspace.id, async (scope) => {
      for (let i = 0; i < 230; i++) {
        await recordInsight(scope, finder, anInsight({ key: `many ${i}`, title: `Many ${i}`, documentIds: [] }));
      }
    });
    const titles = new Set<string>();
    for (let i = 0; i < 230; i++) titles.add((await told.next()).title);
    expect(titles.size).toBe(230);
    await told.leave();
  });

  test('has its documents, and takes the last word of a person', async () => {
    const id = await findInsight({ key: 'judged' });
    const update = async (status: string) => {
      const { updateInsight } = await workspace.read<{ updateInsight: object }>(
        `mutation { updateInsight(input: { id: "${id}", status: ${status} }) {
          ... on Insight { status documents { id } dataPoints { metric value at } } ... on Error { code } } }`,
      );
      return updateInsight;
    };
    expect(await update('DISMISSED')).toEqual({
      ...{ status: 'DISMISSED', documents: [{ id: companyId }] },
      dataPoints: [{ metric: 'documents a day', value: 4, at: '2026-05-04T00:00:00.000Z' }],
    });
    expect(await update('SEEN')).toMatchObject({ status: 'SEEN' });
    expect(await update('NEW')).toEqual({ code: 'BAD_INPUT' });
  });
});

describe('a signal', () => {
  test('is told when it is new, and when it lives again, to those who asked for its type', async () => {
    const told = await subscribe<{ type: string; data: { n: number } }>(
      'signalDetected(types: [EXPANSION]) { type data }',
    );
    const inAnHour = new Date(Date.now() + 3_600_000);
    const anHourAgo = new Date(Date.now() - 3_600_000);
    await findSignal({ key: 'other type', type: 'JOB_POSTING', data: { n: 0 } });
    await findSignal({ key: 'over already', type: 'EXPANSION', data: { n: 1 }, expiresAt: anHourAgo });
    await findSignal({ key: 'new', type: 'EXPANSION', data: { n: 2 }, expiresAt: inAnHour });
    expect(await told.next()).toEqual({ type: 'EXPANSION', data: { n: 2 } });
    await findSignal({ key: 'new', type: 'EXPANSION', data: { n: 3 }, expiresAt: inAnHour });
    await findSignal({ key: 'over already', type: 'EXPANSION', expiresAt: inAnHour });
    expect(await told.next()).toEqual({ type: 'EXPANSION', data: { n: 1 } });
    await told.leave();
  });

  test('is listed by company, type and state, with its company and evidence', async () => {
    const id = await findSignal({ companyId: otherCompanyId, key: 'listed', type: 'COMPETITOR_MENTION' });
    const passed = { companyId: otherCompanyId, key: 'passed', expiresAt: new Date(Date.now() - 1_000) };
    await findSignal(passed);
    const list = async (args: string) => {
      const { signals } = await workspace.read<{ signals: { nodes: object[] } }>(
        `{ signals(companyId: "${otherCompanyId}"${args}) { nodes { id status company { title } evidence { id } detectedBy } } }`,
      );
      return signals.nodes;
    };
    expect(await list('')).toHaveLength(2);
    const expected = { status: 'ACTIVE', company: { title: 'Birch Ports' }, evidence: [{ id: companyId }] };
    expect(await list(', status: [ACTIVE]')).toEqual([{ id, ...expected, detectedBy: 'Agent agt_1' }]);
    expect(await list(', types: [COMPETITOR_MENTION]')).toHaveLength(1);
    expect(await list(', status: [EXPIRED]')).toMatchObject([{ status: 'EXPIRED' }]);
  });

  test('takes the last word of a person, but none about its time', async () => {
    const update = async (id: string, status: string) => {
      const { updateSignal } = await workspace.read<{ updateSignal: { status?: string; code?: string } }>(
        `mutation { updateSignal(input: { id: "${id}", status: ${status} }) { ... on Signal { status } ... on Error { code } } }`,
      );
      return updateSignal.status ?? updateSignal.code;
    };
    const id = await findSignal({ key: 'to judge' });
    expect(await update(id, 'FALSE_POSITIVE')).toBe('FALSE_POSITIVE');
    expect(await update(id, 'ACTIVE')).toBe('ACTIVE');
    expect(await update(id, 'EXPIRED')).toBe('BAD_INPUT');
    const passed = await findSignal({ key: 'passed too', expiresAt: new Date(Date.now() - 1_000) });
    expect(await update(passed, 'ACTIVE')).toBe('CONFLICT');
    expect(await update(passed, 'ACTED_UPON')).toBe('ACTED_UPON');
  });
});

test('what another workspace finds is told to nobody here', async () => {
  const neighbour = await openWorkspace(server);
  const [theirs] = (await insertAgentWithRuns(server.app.database, neighbour.id, 'agt_1', ['run_1'])) as [Finder];
  const told = await subscribe<{ title: string }>('insightCreated { title }');
  await server.app.database.withWorkspace(neighbour.id, (scope) =>
    recordInsight(scope, theirs, anInsight({ key: 'theirs', title: 'Theirs', documentIds: [] })),
  );
  await findInsight({ key: 'ours', title: 'Ours' });
  expect(await told.next()).toEqual({ title: 'Ours' });
  await told.leave();
});

test.runIf(inject('testServer') !== null)('what one server finds is told by another', async () => {
  const { remove, ...target } = await testDatabaseTarget();
  const environment = { SIGNALBOX_WORKER: '0' };
  const working = await startTestServer({ target, environment });
  const watching = await startTestServer({ target, environment });
  try {
    const client = await openWorkspace(working);
    const [one] = (await insertAgentWithRuns(working.app.database, client.id, 'agt_1', ['run_1'])) as [Finder];
    const told = await subscribe<{ title: string }>('insightCreated { title }', client, watching);
    await working.app.database.withWorkspace(client.id, (scope) =>
      recordInsight(scope, one, anInsight({ title: 'From elsewhere', documentIds: [] })),
    );
    expect(await told.next()).toEqual({ title: 'From elsewhere' });
    await told.leave();
  } finally {
    await watching.close();
    await working.close();
    await remove();
  }
});
