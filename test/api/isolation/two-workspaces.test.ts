import { getNamedType } from 'graphql';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { schema } from '../../../src/schema/index.ts';
import { newId } from '../../../src/shared/ids.ts';
import { startTestServer, type TestServer } from '../server-harness.ts';
import { openWorkspace, type WorkspaceClient } from '../workspace-client.ts';
import { fullSelection } from './full-selection.ts';
import { fillWorkspace, readIds, type WorkspaceIds } from './neighbour.ts';

const SELECTION_DEPTH = 4;

/** Arguments to run each field of the Query type with; several for one that does several things. */
type Cases = Record<string, Record<string, string>>;

/** What differs between two runs of the same query on the same data. */
const VOLATILE = ['durationMs', 'lastUsedAt'];
/** What is made for the answer and not stored has an id and an instant of its own. */
const MADE_FOR_THE_ANSWER: Record<string, string[]> = { classify: ['id', 'classifiedAt'] };

let server: TestServer;
let workspace: WorkspaceClient;
let own: WorkspaceIds;
let foreign: WorkspaceIds;
let cases: Cases;
let alone: Map<string, string>;
let beside: Map<string, string>;
let afterwards: Map<string, string>;

function casesFor(ids: WorkspaceIds): Cases {
  const list = (values: string[]) => `[${values.map((id) => JSON.stringify(id)).join(', ')}]`;
  const text = '"The invoice shows the wrong currency, and the app crashes."';
  return {
    viewer: { viewer: '' },
    workspaces: { workspaces: '' },
    collections: { collections: '' },
    documents: {
      all: '(first: 100)',
      paged: '(first: 2)',
      filtered: '(filter: { metadata: { plan: "pro" }, classification: { taxonomy: "feedback", labels: ["bug", "praise"] } })',
    },
    search: {
      hybrid: '(query: "invoice in the wrong currency", first: 100)',
      'by rank': '(query: "invoice in the wrong currency", fusion: RECIPROCAL_RANK)',
      semantic: '(query: "login trouble", mode: SEMANTIC)',
      keyword: '(query: "crashes currency calendar", mode: KEYWORD)',
    },
    embed: { embed: '(texts: ["a shared text", "a text of its own"])' },
    classify: { feedback: `(text: ${text})`, 'own taxonomy': `(text: ${text}, taxonomy: "desk")` },
    sentiment: { sentiment: `(text: ${text})` },
    taxonomies: { taxonomies: '' },
    jobs: { jobs: '(first: 100)' },
    models: { models: '' },
    providerPlugins: { providerPlugins: '' },
    node: Object.fromEntries(Object.entries(ids).map(([kind, [id]]) => [kind, `(id: ${JSON.stringify(id)})`])),
    nodes: { nodes: `(ids: ${list(Object.values(ids).flatMap((some) => some.slice(0, 1)))})` },
    usage: { usage: '' },
  };
}

function documentOf(field: string, given: string): string {
  const type = schema.getQueryType()?.getFields()[field]?.type;
  if (type === undefined) throw new Error(`there is no query ${field}`);
  return `{ ${field}${given} ${fullSelection(getNamedType(type), SELECTION_DEPTH)} }`;
}

/** The bytes of an answer, without what is declared volatile. */
async function answerOf(field: string, given: string): Promise<string> {
  const response = await fetch(`${server.url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${workspace.ownerKey}` },
    body: JSON.stringify({ query: documentOf(field, given) }),
    signal: AbortSignal.timeout(20_000),
  });
  const names = [...VOLATILE, ...(MADE_FOR_THE_ANSWER[field] ?? [])].join('|');
  const volatile = new RegExp(`"(${names})":(?:null|[\\d.e+-]+|"[^"]*")`, 'g');
  return `${response.status} ${(await response.text()).replace(volatile, '"$1":"volatile"')}`;
}

/** Runs every case but usage, which all the others add to. */
async function answers(): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  for (const [field, given] of Object.entries(cases)) {
    if (field === 'usage') continue;
    for (const [name, text] of Object.entries(given)) found.set(`${field}: ${name}`, await answerOf(field, text));
  }
  return found;
}

beforeAll(async () => {
  server = await startTestServer();
  workspace = await openWorkspace(server);
  await fillWorkspace(server, workspace, { suffix: 'It was on Monday.', correction: 'question', label: 'money' });
  own = await readIds(workspace);
  cases = casesFor(own);
  // Twice: what the first run computes, stores and caches is there for all later ones.
  await answers();
  alone = await answers();
  alone.set('usage: usage', await answerOf('usage', ''));

  const neighbour = await openWorkspace(server);
  await fillWorkspace(server, neighbour, { suffix: 'It was on Tuesday.', correction: 'complaint', label: 'invoices' });
  await neighbour.read('query ($texts: [String!]!) { embed(texts: $texts) { cached } }', {
    texts: Array.from({ length: 50 }, (_, i) => `A text of the neighbour ${i}.`),
  });
  foreign = await readIds(neighbour);
  const usageBeside = await answerOf('usage', '');
  beside = (await answers()).set('usage: usage', usageBeside);

  const deletion = `mutation { deleteWorkspace(input: { id: "${neighbour.id}", confirmSlug: "${neighbour.slug}" }) { __typename } }`;
  const usageBefore = await answerOf('usage', '');
  await neighbour.read(deletion);
  expect(await answerOf('usage', '')).toBe(usageBefore);
  afterwards = (await answers()).set('usage: usage', usageBeside);
}, 120_000);
afterAll(() => server.close());

test('every field of the Query type is among the cases', () => {
  expect(Object.keys(cases).sort()).toEqual(Object.keys(schema.getQueryType()?.getFields() ?? {}).sort());
});

test('the cases ask for something: only what needs the root key is refused', () => {
  const refused = [...alone].filter(([, answer]) => answer.includes('"errors"')).map(([name]) => name);
  expect(refused).toEqual(['workspaces: workspaces']);
  for (const kind of Object.values(own)) expect(kind.length).toBeGreaterThan(0);
});

test('every query gives the same bytes with and without the data of another workspace', () => {
  expect([...beside.keys()].sort()).toEqual([...alone.keys()].sort());
  for (const [name, answer] of alone) expect(`${name} ${beside.get(name)}`).toBe(`${name} ${answer}`);
});

test('every query gives the same bytes after the other workspace was deleted', () => {
  for (const [name, answer] of alone) expect(`${name} ${afterwards.get(name)}`).toBe(`${name} ${answer}`);
});

test('no id of another workspace is in any answer', () => {
  const all = [...beside.values()].join('\n');
  for (const id of Object.values(foreign).flat()) expect(all).not.toContain(id);
  for (const id of own.document) expect(all).toContain(id);
});
