import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestServer, type TestServer } from '../server-harness.ts';
import { openWorkspace, type WorkspaceClient } from '../workspace-client.ts';

let server: TestServer;
let workspace: WorkspaceClient;

beforeAll(async () => {
  server = await startTestServer();
  workspace = await openWorkspace(server);
  const issues = await workspace.createCollection('JIRA_ISSUE');
  const commits = await workspace.createCollection('COMMIT');
  const issue = (key: string, summary: string, description: string) => ({
    source: { key, fields: { summary, description } },
  });
  const long = 'The cabin door sensor reports an open door although it is shut, and the lift waits. '.repeat(20);
  await workspace.store(issues, [
    { externalId: 'MOB-281', ...issue('MOB-281', 'Lift does not move', long) },
    issue('MOB-282', 'Lift moves twice', 'It goes up, and up again.'),
    { externalId: '281', title: 'Bell is silent', text: 'Nobody hears the bell.' },
  ]);
  await workspace.store(
    commits,
    Array.from({ length: 8 }, (_, i) => ({
      externalId: `c0ffee${i}`,
      text: `MOB-281: part ${i} of the mend. MOB-281 MOB-282`,
    })),
  );
});
afterAll(() => server?.close());

async function find(query: string, mode: string, fusion = 'WEIGHTED'): Promise<string[]> {
  const { search } = await workspace.read<{
    search: { nodes: { document: { externalId: string | null; title: string } }[] };
  }>(
    `query ($query: String!, $mode: SearchMode, $fusion: SearchFusion) {
      search(query: $query, mode: $mode, fusion: $fusion) { nodes { document { externalId title } } }
    }`,
    { query, mode, fusion },
  );
  return search.nodes.map(({ document }) => document.externalId ?? document.title);
}

describe.each([
  ['KEYWORD', 'WEIGHTED'],
  ['HYBRID', 'WEIGHTED'],
  ['HYBRID', 'RECIPROCAL_RANK'],
])('in %s by %s', (mode, fusion) => {
  test.each([
    ['MOB-281', 'MOB-281'],
    ['mob-281', 'MOB-281'],
    ['who mends (MOB-281)?', 'MOB-281'],
    ['MOB-282', 'Lift moves twice'],
    ['c0ffee3', 'c0ffee3'],
    ['281', '281'],
  ])('%s finds the document of that name before all that mention it', async (query, named) => {
    const found = await find(query, mode, fusion);
    expect(found[0]).toBe(named);
    if (query.includes('281') && query !== '281') expect(found[1]).toMatch(/^c0ffee/);
  });
});

test('an identifier is found by its parts too', async () => {
  expect(await find('mob 281', 'KEYWORD')).toContain('MOB-281');
  expect(await find('mob', 'KEYWORD')).toContain('Lift moves twice');
});

test('a number in a longer query is no identifier: it counts something', async () => {
  expect((await find('281 lift waits with an open cabin door', 'HYBRID'))[0]).toBe('MOB-281');
});
