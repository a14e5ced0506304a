import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { MAX_TOKENS } from '../../../src/shared/token-count.ts';
import { usageEvent } from '../../domain/usage/usage-fixtures.ts';
import { testDatabaseTarget } from '../../support/database.ts';
import { clearOfMidnight } from '../../support/midnight.ts';
import { startTestServer, type TestServer } from '../server-harness.ts';
import { openWorkspace, type WorkspaceClient, workspaceClient } from '../workspace-client.ts';

let server: TestServer;
let workspace: WorkspaceClient;
beforeAll(async () => {
  server = await startTestServer();
});
beforeEach(async () => {
  await clearOfMidnight();
  workspace = await openWorkspace(server);
});
afterAll(() => server.close());

interface Totals {
  requests: number;
  failed: number;
  cacheHits: number;
  embeddings: number;
  llmCalls: number;
  vectorQueries: number;
  inputTokens: number;
  outputTokens: number;
  totalTokens: number;
  costUsd: string;
  unpricedRequests: number;
  averageCostUsd: string;
  averageLatencyMs: number | null;
}
interface Report {
  from: string;
  to: string;
  total: Totals;
  groups: { key: Record<string, string | null>; totals: Totals }[];
  limits: { meter: string; used: number; limit: number | null; resetsAt: string }[];
  percentages: { meter: string; percent: number | null }[];
}

const TOTALS = `requests failed cacheHits embeddings llmCalls vectorQueries inputTokens outputTokens totalTokens costUsd
  unpricedRequests averageCostUsd averageLatencyMs`;
const USAGE = `query Usage($range: UsageRange, $by: [UsageDimension!]!) {
  usage(range: $range) {
    from to total { ${TOTALS} } groups(by: $by) { key totals { ${TOTALS} } }
    limits { meter used limit resetsAt } percentages { meter percent }
  }
}`;

async function report(
  by: string[] = ['OPERATION'],
  range?: Record<string, string>,
  client = workspace,
): Promise<Report> {
  return (await client.read<{ usage: Report }>(USAGE, { by, range })).usage;
}

/** Something of everything that is counted. */
async function doSomeWork(client = workspace): Promise<void> {
  const collectionId = await client.createCollection();
  await client.read('{ embed(texts: ["One.", "Two.", "One."]) { cached } }');
  await client.read('{ embed(texts: ["Two.", "One."]) { cached } }');
  const texts = ['North wind.', 'South wind.', 'East wind.', 'West wind.'];
  await client.store(
    collectionId,
    texts.map((text) => ({ text })),
  );
  await client.read('{ search(query: "storm", mode: SEMANTIC) { totalCount } }');
  await client.read('{ search(query: "wind", mode: KEYWORD) { totalCount } }');
  await client.read('{ classify(text: "The sail is torn.") { type } }');
}

const WORK_DONE = { requests: 5, failed: 0, cacheHits: 2, embeddings: 8, llmCalls: 0, vectorQueries: 1 };

test('a workspace that did nothing has used nothing', async () => {
  const { total, groups } = await report();
  expect(total).toMatchObject({ requests: 0, embeddings: 0, vectorQueries: 0, totalTokens: 0, averageLatencyMs: null });
  expect(groups).toEqual([]);
});

test('what was done is what is reported, at once', async () => {
  await doSomeWork();
  const { total } = await report();
  expect(total).toMatchObject({
    ...WORK_DONE,
    costUsd: '0',
    averageCostUsd: '0',
    unpricedRequests: 0,
    outputTokens: 0,
  });
  expect(total.inputTokens).toBeGreaterThan(0);
  expect(total.totalTokens).toBe(total.inputTokens);
  expect(total.averageLatencyMs).toBeGreaterThan(0);
});

test('tokens are reported however many there are', async () => {
  const tokens = { inputTokens: MAX_TOKENS, outputTokens: MAX_TOKENS };
  for (const costUsd of ['1', '2']) {
    server.app.recorder.record(usageEvent(workspace.id, { ...tokens, at: Date.now(), costUsd }));
  }
  const { total, groups } = await report(['DAY', 'MODEL']);
  const counted = { inputTokens: 2 * MAX_TOKENS, outputTokens: 2 * MAX_TOKENS, totalTokens: 4 * MAX_TOKENS };
  expect(total).toMatchObject({ requests: 2, costUsd: '3', ...counted });
  expect(groups.map(({ totals }) => totals)).toEqual([total]);
});

test('usage is split by operation', async () => {
  await doSomeWork();
  const { groups } = await report(['OPERATION']);
  const byOperation = Object.fromEntries(groups.map(({ key, totals }) => [key.operation, totals]));
  expect(Object.keys(byOperation).sort()).toEqual(['classify', 'embed', 'search', 'vector_query']);
  expect(byOperation.embed).toMatchObject({ requests: 3, embeddings: 6, cacheHits: 2 });
  expect(byOperation.search).toMatchObject({ requests: 1, embeddings: 1 });
  expect(byOperation.classify).toMatchObject({ requests: 1, embeddings: 1 });
  expect(byOperation.vector_query).toMatchObject({ requests: 0, vectorQueries: 1 });
});

test('the groups of any split add up to the total', async () => {
  await doSomeWork();
  const splits = [
    ['PROVIDER'],
    ['MODEL'],
    ['OPERATION'],
    ['API_KEY'],
    ['DAY'],
    ['OUTCOME'],
    ['DAY', 'MODEL', 'OUTCOME'],
  ];
  for (const by of splits) {
    const { total, groups } = await report(by);
    for (const field of ['requests', 'embeddings', 'cacheHits', 'vectorQueries', 'totalTokens'] as const) {
      expect([by, field, groups.reduce((sum, { totals }) => sum + totals[field], 0)]).toEqual([
        by,
        field,
        total[field],
      ]);
    }
  }
});

test('usage is told apart by the key that asked, also where a job did the work', async () => {
  const { id, secret } = await server.createKey(workspace.ownerKey, 'MEMBER');
  const member = workspaceClient(server, { ...workspace, ownerKey: secret });
  await member.store(await member.createCollection(), [{ text: 'Written with the second key.' }]);
  await workspace.read('{ embed(texts: ["Asked with the first key."]) { cached } }');
  const { groups } = await report(['API_KEY']);
  expect(groups).toHaveLength(2);
  expect(groups.find(({ key }) => key.apiKey === id)?.totals).toMatchObject({ embeddings: 1 });
});

test('one day of usage has the key of today and the models that were used', async () => {
  await workspace.read('{ embed(texts: ["Today."]) { cached } }');
  const { groups } = await report(['DAY', 'MODEL', 'PROVIDER', 'OUTCOME']);
  expect(groups.map(({ key }) => key)).toEqual([
    {
      day: new Date().toISOString().slice(0, 10),
      model: 'local/use-lite-768',
      provider: 'local',
      outcome: 'SUCCEEDED',
    },
  ]);
});

test('a report covers its range alone', async () => {
  await doSomeWork();
  const iso = (offsetMs: number) => new Date(Date.now() + offsetMs).toISOString();
  const hour = 3_600_000;
  expect((await report(['DAY'], { last: 'DAY' })).total).toMatchObject(WORK_DONE);
  expect((await report(['DAY'], { from: iso(-hour), to: iso(hour) })).total).toMatchObject(WORK_DONE);
  expect((await report(['DAY'], { from: iso(-48 * hour), to: iso(-hour) })).total.requests).toBe(0);
  expect((await report(['DAY'], { from: iso(hour) })).total.requests).toBe(0);
  const week = await report(['DAY'], { last: 'WEEK' });
  expect(Date.parse(week.to) - Date.parse(week.from)).toBe(7 * 24 * hour);
});

test('a range that is none is refused', async () => {
  const ranges = [
    { last: 'DAY', from: '2025-01-01T00:00:00Z' },
    { from: '2025-02-01T00:00:00Z', to: '2025-01-01T00:00:00Z' },
    { from: '2020-01-01T00:00:00Z', to: '2025-01-01T00:00:00Z' },
  ];
  for (const range of ranges) expect(await workspace.errorCode(USAGE, { by: ['DAY'], range })).toBe('BAD_INPUT');
  expect(await workspace.errorCode(USAGE, { by: [] })).toBe('BAD_INPUT');
});

test('limits and percentages are those of the tier', async () => {
  const free = await openWorkspace(server, { tier: 'FREE' });
  await free.read('{ embed(texts: ["a", "b", "c", "d", "e"]) { cached } }');
  const { limits, percentages } = await report(['DAY'], undefined, free);
  expect(limits.map(({ resetsAt: _, ...limit }) => limit)).toEqual([
    { meter: 'EMBEDDINGS', used: 5, limit: 1_000 },
    { meter: 'LLM_CALLS', used: 0, limit: 100 },
    { meter: 'VECTOR_QUERIES', used: 0, limit: null },
    { meter: 'TOKENS', used: expect.toSatisfy((used: number) => used >= 5), limit: null },
    { meter: 'IMAGES', used: 0, limit: null },
    { meter: 'AUDIO_SECONDS', used: 0, limit: null },
  ]);
  expect(Date.parse(limits[0]?.resetsAt ?? '')).toBeGreaterThan(Date.now() + 28 * 86_400_000);
  expect(percentages.map(({ percent }) => percent)).toEqual([0.5, 0, null, null, null, null]);
  await workspace.read('{ embed(texts: ["a", "b"]) { cached } }');
  const unlimited = await report(['DAY']);
  expect(unlimited.limits[0]).toMatchObject({ meter: 'EMBEDDINGS', used: 2, limit: null });
});

test('an answer tells in its extensions what it has spent, and nothing where it spent nothing', async () => {
  const embed = '{ embed(texts: ["Spent once.", "Spent once."]) { tokenCount } }';
  const first = await workspace.ask<{ embed: { tokenCount: number }[] }>(embed);
  const tokens = first.data?.embed[0]?.tokenCount;
  expect(first.extensions).toEqual({ usage: { costUsd: '0', tokens, cacheHits: 0, calls: 1 } });
  const second = await workspace.ask(embed);
  expect(second.extensions).toEqual({ usage: { costUsd: '0', tokens: 0, cacheHits: 1, calls: 0 } });
  expect((await workspace.ask('{ viewer { role } }')).extensions).toBeUndefined();
});

test('one workspace sees nothing of another’s usage', async () => {
  await doSomeWork();
  workspace = await openWorkspace(server);
  expect((await report()).total.requests).toBe(0);
});

test('a viewer may see usage, and nobody without a key', async () => {
  const { secret } = await server.createKey(workspace.ownerKey, 'VIEWER');
  const { body } = await server.query(USAGE, { by: ['DAY'] }, { key: secret });
  expect(body.errors).toBeUndefined();
  expect((await server.query(USAGE, { by: ['DAY'] })).body.errors?.[0]?.extensions.code).toBe('UNAUTHENTICATED');
});

test('a clean stop loses no usage: it is all there after the next start', async () => {
  const { remove, ...target } = await testDatabaseTarget();
  const onDisk = { ...target, inMemory: false };
  const first = await startTestServer({ target: onDisk });
  const owner = await first.createWorkspace();
  await doSomeWork(workspaceClient(first, owner));
  await first.close();
  const second = await startTestServer({ target: { ...onDisk, preparedFolder: undefined } });
  try {
    expect((await report(['DAY'], undefined, workspaceClient(second, owner))).total).toMatchObject(WORK_DONE);
  } finally {
    await second.close();
    await remove();
  }
});
