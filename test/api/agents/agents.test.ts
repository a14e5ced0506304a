import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { waitFor } from '../../support/wait-for.ts';
import { startTestServer, type TestServer } from '../server-harness.ts';
import { openWorkspace, type WorkspaceClient } from '../workspace-client.ts';

interface AgentResult {
  __typename: string;
  id: string;
  type: string;
  name: string;
  description: string | null;
  configuration: Record<string, unknown>;
  configurationSchema: { properties: Record<string, { description?: string; default?: unknown }> };
  isActive: boolean;
  schedule: string | null;
  nextRunAt: string | null;
  lastRunAt: string | null;
  successRate: number | null;
  code: string;
  message: string;
  issues: { path: string[]; message: string }[];
}

interface RunResult {
  __typename: string;
  id: string;
  status: string;
  cause: string;
  input: object;
  output: { model?: string } | null;
  error: string | null;
  steps: { name: string; status: string; attempts: number }[];
  metrics: { durationMs: number; itemsProcessed: number; apiCalls: number; tokensUsed: number; costUsd: string };
  code: string;
  message: string;
  issues: { path: string[]; message: string }[];
}

const AGENT = `__typename
  ... on Agent { id type name description configuration configurationSchema isActive schedule nextRunAt lastRunAt successRate }
  ... on Error { code message } ... on InvalidInputError { issues { path message } }`;
const RUN_FIELDS = `... on AgentRun { id status cause input output error steps { name status attempts }
    metrics { durationMs itemsProcessed apiCalls tokensUsed costUsd } }`;
const RUN = `__typename ${RUN_FIELDS} ... on Error { code message } ... on InvalidInputError { issues { path message } }`;

let server: TestServer;
let workspace: WorkspaceClient;
beforeAll(async () => {
  server = await startTestServer();
  workspace = await openWorkspace(server);
  const collection = await workspace.createCollection('FEEDBACK');
  await workspace.store(
    collection,
    Array.from({ length: 5 }, (_, i) => ({ text: `The export of report ${i} fails with a timeout every morning.` })),
  );
});
afterAll(() => server?.close());

async function create(input: object, client = workspace): Promise<AgentResult> {
  const document = `mutation ($input: CreateAgentInput!) { createAgent(input: $input) { ${AGENT} } }`;
  const given = { type: 'DASHBOARD_INSIGHTS', name: 'Numbers', ...input };
  return (await client.read<{ createAgent: AgentResult }>(document, { input: given })).createAgent;
}

async function update(input: object): Promise<AgentResult> {
  const document = `mutation ($input: UpdateAgentInput!) { updateAgent(input: $input) { ${AGENT} } }`;
  return (await workspace.read<{ updateAgent: AgentResult }>(document, { input })).updateAgent;
}

async function run(input: object): Promise<RunResult> {
  const document = `mutation ($input: RunAgentInput!) { runAgent(input: $input) { ${RUN} } }`;
  return (await workspace.read<{ runAgent: RunResult }>(document, { input })).runAgent;
}

async function readRun(id: string): Promise<RunResult> {
  return (await workspace.read<{ node: RunResult }>(`query ($id: ID!) { node(id: $id) { ${RUN_FIELDS} } }`, { id }))
    .node;
}

function untilOver(id: string): Promise<RunResult> {
  const look = async () => {
    const found = await readRun(id);
    if (found.error !== null && found.status === 'QUEUED') throw new Error(found.error);
    return ['QUEUED', 'RUNNING'].includes(found.status) ? null : found;
  };
  return waitFor(`the end of the run ${id}`, look);
}

describe('an agent', () => {
  test('is kept with the defaults of all that its configuration leaves out', async () => {
    const agent = await create({ name: '  Weekly numbers ', description: ' Looks at them. ' });
    expect(agent).toMatchObject({ name: 'Weekly numbers', description: 'Looks at them.', isActive: true });
    expect(agent.configuration).toMatchObject({ collections: [], runOnNewDocuments: false, limits: { calls: 5_000 } });
    expect(Object.keys(agent.configuration).toSorted()).toEqual(
      Object.keys(agent.configurationSchema.properties).toSorted(),
    );
  });

  test('says of every setting what it is for', async () => {
    const { configurationSchema } = await create({});
    for (const [name, setting] of Object.entries(configurationSchema.properties)) {
      expect(setting.description, name).toMatch(/\w/);
    }
  });

  test('is refused with a path for everything that is wrong', async () => {
    const configuration = { runOnNewDocument: true, limits: { usd: -1 }, collections: ['nowhere', 7] };
    const refused = await create({ configuration });
    expect(refused).toMatchObject({ __typename: 'InvalidInputError', code: 'BAD_INPUT' });
    expect(refused.issues.map(({ path }) => path.join('.')).toSorted()).toEqual([
      'configuration.collections.1',
      'configuration.limits.usd',
      'configuration.runOnNewDocument',
    ]);
    expect(refused.message).toContain('did you mean runOnNewDocuments?');
  });

  test('is limited to collections that are there', async () => {
    const refused = await create({ configuration: { collections: ['nowhere'] } });
    expect(refused.issues).toEqual([
      { path: ['configuration', 'collections'], message: expect.stringContaining('"nowhere"') },
    ]);
  });

  test.each([
    ['an empty name', { name: ' ' }, 'name'],
    ['a long name', { name: 'x'.repeat(101) }, 'name'],
    ['a name of two lines', { name: 'two\nlines' }, 'name'],
    ['a long description', { description: 'x'.repeat(2_001) }, 'description'],
    ['seconds in its schedule', { schedule: '0 0 7 * * *' }, 'schedule'],
    ['a zone that is none', { schedule: 'CRON_TZ=Europe/Londno 0 7 * * *' }, 'schedule'],
  ])('is refused with %s', async (_what, input, path) => {
    expect((await create(input)).issues.map((issue) => issue.path)).toEqual([[path]]);
  });

  test('shows when its schedule is due, and moves on when that is changed or it becomes active', async () => {
    const { id, nextRunAt, schedule } = await create({ schedule: 'CRON_TZ=Europe/London 0 7 1 1 *' });
    expect(schedule).toBe('CRON_TZ=Europe/London 0 7 1 1 *');
    expect(nextRunAt).toMatch(/^\d{4}-01-01T07:00:00/);
    expect((await update({ id, name: 'Renamed' })).nextRunAt).toBe(nextRunAt);
    expect((await update({ id, isActive: false })).nextRunAt).toBeNull();
    expect((await update({ id, schedule: '30 9 1 7 *' })).nextRunAt).toBeNull();
    expect((await update({ id, isActive: true })).nextRunAt).toMatch(/^\d{4}-07-01T09:30:00/);
    expect(await update({ id, schedule: null })).toMatchObject({ schedule: null, nextRunAt: null });
  });

  test('keeps what an update leaves out, and drops a description that is null', async () => {
    const configuration = { limits: { calls: 7 } };
    const { id } = await create({ description: 'Something', configuration });
    expect(await update({ id, name: 'Other' })).toMatchObject({ description: 'Something', configuration });
    expect(await update({ id, description: null })).toMatchObject({ name: 'Other', description: null });
    const changed = await update({ id, configuration: {} });
    expect(changed.configuration).toMatchObject({ limits: { calls: 5_000 } });
    expect((await update({ id, configuration: { nonsense: 1 } })).issues[0]?.path).toEqual([
      'configuration',
      'nonsense',
    ]);
  });

  test('is listed by its type, newest first, page by page', async () => {
    const own = await openWorkspace(server);
    const ids: string[] = [];
    for (const type of ['SCORING', 'SCOUT', 'SCORING', 'SCORING']) ids.push((await create({ type }, own)).id);
    const list = async (args: string) => {
      const { agents } = await own.read<{ agents: { nodes: { id: string }[]; pageInfo: { endCursor: string } } }>(
        `{ agents(${args}) { nodes { id } pageInfo { endCursor } } }`,
      );
      return { ids: agents.nodes.map(({ id }) => ids.indexOf(id)), cursor: agents.pageInfo.endCursor };
    };
    expect((await list('first: 10')).ids).toEqual([3, 2, 1, 0]);
    const page = await list('first: 2, type: SCORING');
    expect(page.ids).toEqual([3, 2]);
    expect((await list(`first: 2, type: SCORING, after: "${page.cursor}"`)).ids).toEqual([0]);
  });
});

describe('a run', () => {
  test('is done, and shows its steps, what it brought and what it took', async () => {
    const agent = await create({});
    const asked = await run({ agentId: agent.id });
    expect(asked).toMatchObject({ __typename: 'AgentRun', status: 'QUEUED', cause: 'MANUAL', output: null });
    const done = await untilOver(asked.id);
    expect(done).toMatchObject({ status: 'COMPLETED', error: null });
    expect(done.output?.model).toMatch(/\w/);
    expect(done.steps.length).toBeGreaterThan(0);
    for (const step of done.steps) expect(step).toMatchObject({ status: 'COMPLETED', attempts: 1 });
    const { node } = await workspace.read<{ node: AgentResult & { runs: { nodes: { id: string }[] } } }>(
      'query ($id: ID!) { node(id: $id) { ... on Agent { lastRunAt successRate runs { nodes { id } } } } }',
      { id: agent.id },
    );
    expect(node).toMatchObject({ lastRunAt: expect.any(String), successRate: 1, runs: { nodes: [{ id: asked.id }] } });
  });

  test('that is asked for twice with one key is one run', async () => {
    const { id: agentId } = await create({});
    const asked = { agentId, idempotencyKey: 'monday' };
    const runs = await Promise.all(Array.from({ length: 5 }, () => run(asked)));
    expect(new Set(runs.map(({ id }) => id)).size).toBe(1);
    const metrics = { visits: [{ at: '2026-01-01T00:00:00Z', value: 1 }] };
    expect(await run({ ...asked, input: { metrics } })).toMatchObject({ code: 'CONFLICT' });
    await update({ id: agentId, isActive: false });
    expect((await run(asked)).id).toBe(runs[0]?.id);
  });

  test('of an agent that is not active is a conflict', async () => {
    const { id: agentId } = await create({ isActive: false });
    expect(await run({ agentId })).toMatchObject({ __typename: 'ConflictError' });
  });

  test('is refused with an input that its type does not know', async () => {
    const { id: agentId } = await create({});
    expect((await run({ agentId, input: { colour: 'red' } })).issues.map(({ path }) => path)).toEqual([
      ['input', 'colour'],
    ]);
    expect(await run({ agentId, idempotencyKey: '' })).toMatchObject({ code: 'BAD_INPUT' });
    expect(await run({ agentId: 'agt_01j00000000000000000000000' })).toMatchObject({ code: 'NOT_FOUND' });
  });

  test('that is over cannot be cancelled', async () => {
    const { id: agentId } = await create({});
    const { id } = await untilOver((await run({ agentId })).id);
    const cancelled = await workspace.read<{ cancelAgentRun: RunResult }>(
      'mutation ($id: ID!) { cancelAgentRun(input: { id: $id }) { __typename } }',
      { id },
    );
    expect(cancelled.cancelAgentRun).toMatchObject({ __typename: 'ConflictError' });
  });

  test('a success rate over no days, or too many, is refused', async () => {
    await create({});
    expect(await workspace.errorCode('{ agents { nodes { successRate(days: 0) } } }')).toBe('BAD_INPUT');
    expect(await workspace.errorCode('{ agents { nodes { successRate(days: 366) } } }')).toBe('BAD_INPUT');
  });
});
