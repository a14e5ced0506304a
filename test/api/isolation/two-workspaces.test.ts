import { type GraphQLInterfaceType, getNamedType, isAbstractType } from 'graphql';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { schema } from '../../../src/schema/index.ts';
import { newId } from '../../../src/shared/ids.ts';
import { VENDOR_PLUGIN } from '../../support/vendor-plugin.ts';
import { startTestServer, type TestServer } from '../server-harness.ts';
import { openWorkspace, type WorkspaceClient } from '../workspace-client.ts';
import { fullSelection } from './full-selection.ts';
import { fillWorkspace, readIds, type WorkspaceIds } from './neighbour.ts';

const SELECTION_DEPTH = 3;
/** What has lists of things with documents: deeper, it would be refused as too costly. */
const DEPTHS: Readonly<Record<string, number>> = { AgentRun: 1, Insight: 2, Signal: 2 };

/**
 * Arguments to run each field of the Query type with; several for one that does several things. Where the field answers
 * with any kind of node, the name of the case is that of the type which is expected.
 */
type Cases = Record<string, Record<string, string>>;

/** What differs between two runs of the same query on the same data. */
const VOLATILE = ['durationMs', 'lastUsedAt', 'asOf', 'reportUrl'];
/** What is made for the answer and not stored has an id and an instant of its own. */
const MADE_FOR_THE_ANSWER: Record<string, string[]> = { classify: ['id', 'classifiedAt'] };

/** What every query adds to. */
const ADDED_TO = ['usage', 'cacheStats'];

let server: TestServer;
let workspace: WorkspaceClient;
let own: WorkspaceIds;
let neighbour: WorkspaceClient;
let foreign: WorkspaceIds;
let cases: Cases;
let alone: Map<string, string>;
let beside: Map<string, string>;

function casesFor(ids: WorkspaceIds): Cases {
  const eachType = (given: (some: string[]) => string) =>
    Object.fromEntries(Object.entries(ids).map(([type, some]) => [type, given(some)]));
  const text = '"The invoice shows the wrong currency, and the app crashes."';
  return {
    viewer: { viewer: '' },
    workspaces: { workspaces: '' },
    collections: { collections: '(first: 5)' },
    documents: {
      all: '(first: 10)',
      paged: '(first: 2)',
      filtered:
        '(first: 10, filter: { metadata: { plan: "pro" }, classification: { taxonomy: "feedback", labels: ["bug", "praise"] } })',
    },
    search: {
      hybrid: '(query: "invoice in the wrong currency", first: 6)',
      'by rank': '(query: "invoice in the wrong currency", fusion: RECIPROCAL_RANK, first: 6)',
      semantic: '(query: "login trouble", mode: SEMANTIC, first: 6)',
      keyword: '(query: "crashes currency calendar", mode: KEYWORD, first: 6)',
    },
    // The model that is chosen for it is out of reach: with a document to answer from it would be asked.
    ask: { ask: '(question: "What is wrong with the invoice?", filter: { metadata: { plan: "of nobody" } })' },
    embeddingQuality: { all: '', 'of a model': '(model: "local/use-lite-768")' },
    conversations: { conversations: '(first: 5)' },
    embed: { embed: '(texts: ["a shared text", "a text of its own"])' },
    classify: { feedback: `(text: ${text})`, 'own taxonomy': `(text: ${text}, taxonomy: "desk")` },
    sentiment: { sentiment: `(text: ${text})` },
    taxonomies: { taxonomies: '' },
    integrations: { integrations: '' },
    jobs: { jobs: '(first: 20)' },
    queues: { queues: '' },
    themes: {
      'of the workspace': '(first: 5)',
      'of a collection': `(first: 5, collectionId: "${ids.Collection?.[0]}")`,
    },
    models: { models: '' },
    providerPlugins: { providerPlugins: '' },
    node: eachType(([id]) => `(id: ${JSON.stringify(id)})`),
    nodes: eachType((some) => `(ids: ${JSON.stringify(some)})`),
    usage: { usage: '' },
    budgets: { budgets: '' },
    agents: { all: '(first: 5)', 'of a type': '(first: 5, type: DASHBOARD_INSIGHTS)' },
    insights: { all: '(first: 10)', narrowed: '(first: 10, minPriority: HIGH, status: [NEW])' },
    signals: { all: '(first: 10)', active: '(first: 10, status: [ACTIVE])' },
    alerts: { all: '', unseen: '(acknowledged: false)' },
    dailySummaries: { dailySummaries: '(from: "2026-01-01", to: "2026-12-31")' },
    costEstimate: { costEstimate: '(operation: EMBED, texts: ["dock"])' },
    cacheStats: { cacheStats: '' },
  };
}

function documentOf(field: string, caseName: string, given: string): string {
  const declared = schema.getQueryType()?.getFields()[field]?.type;
  const type = declared === undefined ? undefined : getNamedType(declared);
  const expected = type !== undefined && isAbstractType(type) ? schema.getType(caseName) : type;
  if (type === undefined || expected === undefined) throw new Error(`there is no ${field} of ${caseName}`);
  const selection = fullSelection(expected, DEPTHS[expected.name] ?? SELECTION_DEPTH);
  return `{ ${field}${given} ${expected === type ? selection : `{ ... on ${expected.name} ${selection} }`} }`;
}

/** The bytes of an answer, without what is declared volatile. */
async function answerOf(field: string, caseName: string, given: string): Promise<string> {
  const response = await fetch(`${server.url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${workspace.ownerKey}` },
    body: JSON.stringify({ query: documentOf(field, caseName, given) }),
    signal: AbortSignal.timeout(50_000),
  });
  const names = [...VOLATILE, ...(MADE_FOR_THE_ANSWER[field] ?? [])].join('|');
  const volatile = new RegExp(`"(${names})":(?:null|[\\d.e+-]+|"[^"]*")`, 'g');
  return `${response.status} ${(await response.text()).replace(volatile, '"$1":"volatile"')}`;
}

/** Runs every case but those that all the others add to. */
async function answers(): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  for (const [field, given] of Object.entries(cases)) {
    if (ADDED_TO.includes(field)) continue;
    for (const [name, text] of Object.entries(given)) found.set(`${field}: ${name}`, await answerOf(field, name, text));
  }
  return found;
}

beforeAll(async () => {
  server = await startTestServer({
    environment: { SIGNALBOX_ALLOW_PRIVATE_URLS: '1' },
    plugins: [VENDOR_PLUGIN],
  });
  workspace = await openWorkspace(server);
  await fillWorkspace(server, workspace, { suffix: 'It was on Monday.', correction: 'question', label: 'money' });
  own = await readIds(workspace);
  cases = casesFor(own);
  // Twice: what the first run computes, stores and caches is there for all later ones.
  await answers();
  alone = await answers();
  for (const field of ADDED_TO) alone.set(`${field}: ${field}`, await answerOf(field, field, ''));

  neighbour = await openWorkspace(server);
  await fillWorkspace(server, neighbour, { suffix: 'It was on Tuesday.', correction: 'complaint', label: 'invoices' });
  await neighbour.read('query ($texts: [String!]!) { embed(texts: $texts) { cached } }', {
    texts: Array.from({ length: 50 }, (_, i) => `A text of the neighbour ${i}.`),
  });
  foreign = await readIds(neighbour);
  const addedBeside = new Map<string, string>();
  for (const field of ADDED_TO) addedBeside.set(`${field}: ${field}`, await answerOf(field, field, ''));
  beside = new Map([...(await answers()), ...addedBeside]);
}, 120_000);
afterAll(() => server.close());

test('every field of the Query type is among the cases', () => {
  expect(Object.keys(cases).sort()).toEqual(Object.keys(schema.getQueryType()?.getFields() ?? {}).sort());
});

test('every type of node is among the cases', () => {
  const types = schema.getPossibleTypes(schema.getType('Node') as GraphQLInterfaceType).map(({ name }) => name);
  expect(Object.keys(own).sort()).toEqual(types.sort());
});

test('the cases ask for something: only what needs the root key is refused', () => {
  const refused = [...alone].filter(([, answer]) => answer.includes('"errors":[')).map(([name]) => name);
  expect(refused).toEqual(['workspaces: workspaces']);
  for (const [type, ids] of Object.entries(own)) expect(ids, type).not.toEqual([]);
});

test('every query gives the same bytes with and without the data of another workspace', () => {
  expect([...beside.keys()].sort()).toEqual([...alone.keys()].sort());
  for (const [name, answer] of alone) expect(`${name} ${beside.get(name)}`).toBe(`${name} ${answer}`);
});

test('no id of another workspace is in any answer', () => {
  const all = [...beside.values()].join('\n');
  for (const id of Object.values(foreign).flat()) expect(all).not.toContain(id);
  for (const id of own.Document ?? []) expect(all).toContain(id);
});

test('an id of another workspace is answered as one that was never given out', async () => {
  for (const [type, ids] of Object.entries(foreign)) {
    expect(ids, type).not.toEqual([]);
    const unknown = newId(type as 'Document');
    const missing = await answerOf('node', type, `(id: "${unknown}")`);
    expect(missing).toContain('"code":"NOT_FOUND"');
    for (const id of ids) {
      expect((await answerOf('node', type, `(id: "${id}")`)).replaceAll(id, unknown)).toBe(missing);
    }
    expect(await answerOf('nodes', type, `(ids: ${JSON.stringify(ids)})`)).toBe(
      `200 ${JSON.stringify({ data: { nodes: ids.map(() => null) } })}`,
    );
  }
});

test('a filter that names another workspace’s collection keeps nothing', async () => {
  const filter = { collectionIds: foreign.Collection };
  const { documents, search } = await workspace.read<Record<'documents' | 'search', { nodes: object[] }>>(
    `query ($filter: DocumentFilter) {
      documents(filter: $filter) { nodes { id } }
      search(query: "currency", filter: $filter) { nodes { rank } }
    }`,
    { filter },
  );
  expect([documents.nodes, search.nodes]).toEqual([[], []]);
});

test('every query gives the same bytes after the other workspace was deleted', async () => {
  const usage = await answerOf('usage', 'usage', '');
  await neighbour.read('mutation ($input: DeleteWorkspaceInput!) { deleteWorkspace(input: $input) { __typename } }', {
    input: { id: neighbour.id, confirmSlug: neighbour.slug },
  });
  expect(await answerOf('usage', 'usage', '')).toBe(usage);
  const afterwards = await answers();
  for (const [name, answer] of afterwards) expect(`${name} ${answer}`).toBe(`${name} ${alone.get(name)}`);
});
