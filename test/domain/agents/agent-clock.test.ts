import { afterAll, beforeAll, beforeEach, expect, inject, test } from 'vitest';
import { AgentClock } from '../../../src/domain/agents/agent-clock.ts';
import type { AgentRuns } from '../../../src/domain/agents/agent-runs.ts';
import { noteChangedDocuments } from '../../../src/domain/agents/document-news-store.ts';
import { startTestServer, type TestServer } from '../../api/server-harness.ts';
import { openWorkspace, type WorkspaceClient } from '../../api/workspace-client.ts';
import { type AgentWorker, startAgentWorker } from '../../support/agent-worker.ts';
import { waitFor } from '../../support/wait-for.ts';

let server: TestServer;
/** Works no types: what is queued stays queued. */
let worker: AgentWorker;
/** As many servers as there may be: each looks by itself. */
let clocks: AgentClock[];
let workspace: WorkspaceClient;
beforeAll(async () => {
  server = await startTestServer({ environment: { SIGNALBOX_WORKER: '0' } });
  worker = await startAgentWorker(server.app, []);
  await worker.stop();
  const { database, logger } = server.app;
  clocks = Array.from({ length: 4 }, () => new AgentClock(database, logger, (scope, run) => startOf(scope, run)));
});
afterAll(() => server?.close());
beforeEach(async () => {
  workspace = await openWorkspace(server);
});

const startOf: ConstructorParameters<typeof AgentClock>[2] = (scope, run) =>
  (worker.runs as AgentRuns).start(scope, run);

/** Every server looks at once. */
const lookAll = () => Promise.all(clocks.map((clock) => clock.look()));

async function createAgent(input: object): Promise<string> {
  const given = { type: 'SCOUT', name: 'Watcher', ...input };
  const { createAgent: agent } = await workspace.read<{ createAgent: { id: string } }>(
    'mutation ($input: CreateAgentInput!) { createAgent(input: $input) { ... on Agent { id } ... on Error { message } } }',
    { input: given },
  );
  return agent.id;
}

/** Moves what the database says of an agent's times into the past. */
function backdate(id: string, column: 'next_run_at' | 'last_run_at', by: string): Promise<unknown> {
  return server.app.database.withWorkspace(
    workspace.id,
    ({ sql }) => sql`update agents set ${sql(column)} = now() - ${by}::interval where id = ${id}`,
  );
}

interface Seen {
  isActive: boolean;
  nextRunAt: string | null;
  runs: { id: string; cause: string; input: { changedSince?: string }; status: string }[];
}

async function see(id: string): Promise<Seen> {
  const { node } = await workspace.read<{ node: Omit<Seen, 'runs'> & { runs: { nodes: Seen['runs'] } } }>(
    'query ($id: ID!) { node(id: $id) { ... on Agent { isActive nextRunAt runs { nodes { id cause input status } } } } }',
    { id },
  );
  return { ...node, runs: node.runs.nodes };
}

/** As a worker would end it. */
function endRuns(agentId: string, status: 'COMPLETED' | 'DEAD' | 'CANCELLED' = 'COMPLETED'): Promise<unknown> {
  return server.app.database.withWorkspace(
    workspace.id,
    ({ sql }) => sql`
      update jobs set status = ${status}, finished_at = now()
      where id in (select job_id from agent_runs where agent_id = ${agentId} and finished_at is null)`,
  );
}

test('a schedule that is due starts one run, however many servers look, and its next time is after now', async () => {
  // Never while the test runs.
  const hour = (new Date().getUTCHours() + 12) % 24;
  const id = await createAgent({ schedule: `0 ${hour} * * *` });
  await lookAll();
  expect((await see(id)).runs).toEqual([]);
  await backdate(id, 'next_run_at', '3 seconds');
  await lookAll();
  await lookAll();
  const { runs, nextRunAt } = await see(id);
  expect(runs).toMatchObject([{ cause: 'SCHEDULE', input: {}, status: 'QUEUED' }]);
  expect(Date.parse(nextRunAt ?? '')).toBeGreaterThan(Date.now());
  expect(new Date(nextRunAt ?? 0).getUTCHours()).toBe(hour);
});

test('what was missed while nobody looked is one run', async () => {
  const id = await createAgent({ schedule: '* * * * *' });
  await backdate(id, 'next_run_at', '3 days');
  await lookAll();
  await lookAll();
  expect((await see(id)).runs).toHaveLength(1);
});

test('a time that comes while the last run is under way is passed over', async () => {
  const id = await createAgent({ schedule: '* * * * *' });
  await backdate(id, 'next_run_at', '1 minute');
  await lookAll();
  await backdate(id, 'next_run_at', '1 minute');
  const lookedAt = Date.now();
  await lookAll();
  const passed = await see(id);
  expect(passed.runs).toHaveLength(1);
  expect(Date.parse(passed.nextRunAt ?? '')).toBeGreaterThan(lookedAt - 1_000);
  await endRuns(id);
  await backdate(id, 'next_run_at', '1 minute');
  await lookAll();
  expect((await see(id)).runs).toHaveLength(2);
});

test('a time that comes while an agent has as many runs open as it may is passed over, and nobody looks again and again', async () => {
  const id = await createAgent({ schedule: '* * * * *' });
  await server.app.database.withWorkspace(
    workspace.id,
    ({ sql }) => sql`
      insert into agent_runs (workspace_id, id, agent_id, job_id, type, cause, status, input, configuration)
      select ${workspace.id}, 'run_' || n, ${id}, 'job_' || n, 'SCOUT', 'MANUAL', 'QUEUED', '{}', '{}'
      from generate_series(1, 100) n`,
  );
  await backdate(id, 'next_run_at', '1 minute');
  const lookedAt = Date.now();
  // A minute may begin amid one look, not amid each.
  await waitFor('a look after which nothing is due', async () => (await lookAll()).every((waitMs) => waitMs > 0));
  const { runs, nextRunAt } = await see(id);
  expect(runs.every(({ cause }) => cause === 'MANUAL')).toBe(true);
  expect(Date.parse(nextRunAt ?? '')).toBeGreaterThan(lookedAt - 1_000);
});

test('an agent that is not active runs neither by the clock nor on documents', async () => {
  const configuration = { runOnNewDocuments: true };
  const id = await createAgent({ schedule: '* * * * *', configuration, isActive: false });
  await backdate(id, 'next_run_at', '1 minute');
  await workspace.upsert({ collectionId: await workspace.createCollection(), documents: [{ text: 'New' }], tasks: [] });
  await lookAll();
  expect((await see(id)).runs).toEqual([]);
});

test('an agent that cannot be started holds up no other one', async () => {
  const broken = await createAgent({ schedule: '* * * * *' });
  const fine = await createAgent({ schedule: '* * * * *' });
  await server.app.database.withWorkspace(
    workspace.id,
    ({ sql }) => sql`update agents set schedule = 'CRON_TZ=Gone/Away * * * * *' where id = ${broken}`,
  );
  await backdate(broken, 'next_run_at', '2 minutes');
  await backdate(fine, 'next_run_at', '1 minute');
  await lookAll();
  expect((await see(fine)).runs).toHaveLength(1);
  expect((await see(broken)).nextRunAt).toBeNull();
});

test('documents that come in have an agent run once, told since when, and once more for those that come meanwhile', async () => {
  const configuration = { runOnNewDocuments: true };
  const id = await createAgent({ configuration });
  const deaf = await createAgent({});
  const collectionId = await workspace.createCollection();
  for (let write = 0; write < 5; write++) {
    await workspace.upsert({
      collectionId,
      documents: [{ text: `Document ${write}`, externalId: `${write}` }],
      tasks: [],
    });
  }
  await lookAll();
  await lookAll();
  const first = await see(id);
  expect(first.runs).toMatchObject([{ cause: 'DOCUMENTS', status: 'QUEUED' }]);
  const { documents } = await workspace.read<{ documents: { nodes: { updatedAt: string }[] } }>(
    '{ documents { nodes { updatedAt } } }',
  );
  const oldest = Math.min(...documents.nodes.map(({ updatedAt }) => Date.parse(updatedAt)));
  expect(Date.parse(first.runs[0]?.input.changedSince ?? '')).toBeLessThanOrEqual(oldest);
  expect((await see(deaf)).runs).toEqual([]);

  await workspace.upsert({ collectionId, documents: [{ text: 'Meanwhile' }], tasks: [] });
  await lookAll();
  expect((await see(id)).runs).toHaveLength(1);
  await endRuns(id);
  await backdate(id, 'last_run_at', '1 minute');
  await lookAll();
  await lookAll();
  expect((await see(id)).runs).toHaveLength(2);
  await endRuns(id);
  await backdate(id, 'last_run_at', '1 minute');
  await lookAll();
  expect((await see(id)).runs).toHaveLength(2);
});

test('documents that a run has failed over are among those of the next one', async () => {
  const id = await createAgent({ configuration: { runOnNewDocuments: true } });
  const collectionId = await workspace.createCollection();
  const runsAfter = async (end: 'COMPLETED' | 'DEAD' | 'CANCELLED') => {
    await endRuns(id, end);
    await backdate(id, 'last_run_at', '1 minute');
    await workspace.upsert({ collectionId, documents: [{ text: `After ${end}` }], tasks: [] });
    await lookAll();
    return (await see(id)).runs.map(({ input }) => Date.parse(input.changedSince ?? ''));
  };
  const [first = 0] = await runsAfter('COMPLETED');
  expect(first).toBeGreaterThan(0);
  expect(await runsAfter('DEAD')).toEqual([first, first]);
  const [afterCancelled = 0] = await runsAfter('CANCELLED');
  expect(afterCancelled).toBeGreaterThan(first);
  expect(await runsAfter('COMPLETED')).toHaveLength(4);
});

test('what came to one workspace in any number holds up no other one', async () => {
  const busy = workspace;
  const configuration = { runOnNewDocuments: true };
  await createAgent({ configuration });
  const collectionId = await busy.createCollection();
  await server.app.database.withWorkspace(
    busy.id,
    ({ sql }) => sql`
      insert into document_news (workspace_id, collection_id)
      select ${busy.id}, ${collectionId} from generate_series(1, 5001)`,
  );
  workspace = await openWorkspace(server);
  const quiet = await createAgent({ configuration });
  await workspace.upsert({
    collectionId: await workspace.createCollection(),
    documents: [{ text: 'The only one' }],
    tasks: [],
  });
  const [clock] = clocks as [AgentClock];
  expect(await clock.look()).toBe(0);
  expect((await see(quiet)).runs).toMatchObject([{ cause: 'DOCUMENTS' }]);
  expect(await clock.look()).toBeGreaterThan(0);
  const left = await server.app.database.withSystem(({ sql }) => sql`select from document_news`);
  expect(left).toHaveLength(0);
});

test('documents that are written as they were, or into other collections, have no agent run', async () => {
  const watched = await workspace.createCollection();
  const other = await workspace.createCollection();
  const documents = [{ text: 'As it was', externalId: 'same' }];
  await workspace.upsert({ collectionId: watched, documents, tasks: [] });
  const id = await createAgent({ configuration: { runOnNewDocuments: true, collections: [watched] } });
  await workspace.upsert({ collectionId: watched, documents, tasks: [] });
  await workspace.upsert({ collectionId: other, documents: [{ text: 'Elsewhere' }], tasks: [] });
  await lookAll();
  expect((await see(id)).runs).toEqual([]);
  await workspace.upsert({ collectionId: watched, documents: [{ text: 'Here' }], tasks: [] });
  await lookAll();
  expect((await see(id)).runs).toHaveLength(1);
});

test.runIf(inject('testServer') !== null)(
  'documents of a write that ends after a run for others was started bring another run',
  async () => {
    const id = await createAgent({ configuration: { runOnNewDocuments: true } });
    const collectionId = await workspace.createCollection();
    const noted = Promise.withResolvers<void>();
    const mayEnd = Promise.withResolvers<void>();
    const slow = server.app.database.withWorkspace(workspace.id, async (scope) => {
      await noteChangedDocuments(scope, collectionId);
      noted.resolve();
      await mayEnd.promise;
    });
    await noted.promise;
    await workspace.upsert({ collectionId, documents: [{ text: 'Quicker' }], tasks: [] });
    await lookAll();
    const [first] = (await see(id)).runs;
    expect(first?.cause).toBe('DOCUMENTS');
    mayEnd.resolve();
    await slow;
    await endRuns(id);
    await backdate(id, 'last_run_at', '1 minute');
    await lookAll();
    const { runs } = await see(id);
    expect(runs).toHaveLength(2);
    expect(Date.parse(runs[0]?.input.changedSince ?? '')).toBeLessThanOrEqual(
      Date.parse(first?.input.changedSince ?? ''),
    );
  },
);

test('a write that is rolled back has no agent run', async () => {
  const id = await createAgent({ configuration: { runOnNewDocuments: true } });
  const collectionId = await workspace.createCollection();
  const rolledBack = server.app.database.withWorkspace(workspace.id, async (scope) => {
    await noteChangedDocuments(scope, collectionId);
    throw new Error('the write failed');
  });
  await expect(rolledBack).rejects.toThrow('the write failed');
  await lookAll();
  expect((await see(id)).runs).toEqual([]);
});
