import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { startTestServer, type TestServer } from '../server-harness.ts';
import { openWorkspace, type WorkspaceClient } from '../workspace-client.ts';

let server: TestServer;
let workspace: WorkspaceClient;
beforeAll(async () => {
  server = await startTestServer();
});
beforeEach(async () => {
  workspace = await openWorkspace(server);
});
afterAll(() => server.close());

interface Taxonomy {
  __typename: string;
  id: string;
  name: string;
  builtIn: boolean;
  dimensions: { name: string; multi: boolean; openEnded: boolean; labels: { name: string; examples: string[] }[] }[];
  code: string;
  issues: { path: string[] }[];
}

const FIELDS = 'id name builtIn dimensions { name multi openEnded labels { name description examples } }';

async function list(): Promise<Taxonomy[]> {
  return (await workspace.read<{ taxonomies: Taxonomy[] }>(`{ taxonomies { ${FIELDS} } }`)).taxonomies;
}

async function upsert(input: Record<string, unknown>): Promise<Taxonomy> {
  const { upsertTaxonomy } = await workspace.read<{ upsertTaxonomy: Taxonomy }>(
    `mutation ($input: UpsertTaxonomyInput!) {
      upsertTaxonomy(input: $input) {
        __typename
        ... on Taxonomy { ${FIELDS} }
        ... on Error { code }
        ... on InvalidInputError { issues { path } }
      }
    }`,
    { input },
  );
  return upsertTaxonomy;
}

async function label(text: string, taxonomy: string): Promise<string | undefined> {
  const { classify } = await workspace.read<{ classify: { labels: { label: string }[] } }>(
    'query ($text: String!, $taxonomy: String) { classify(text: $text, taxonomy: $taxonomy) { labels { label } } }',
    { text, taxonomy },
  );
  return classify.labels[0]?.label;
}

const CARGO = {
  name: 'cargo',
  dimensions: [
    {
      name: 'goods',
      labels: [
        { name: 'fruit', description: 'Apples, pears, bananas and other fruit.', examples: ['A crate of ripe pears.'] },
        { name: 'machines', description: 'Engines, pumps, tools.', examples: ['A diesel engine on a pallet.'] },
      ],
    },
  ],
};

test('every workspace has the built-in taxonomies, first in the list', async () => {
  const names = (await list()).map(({ name, builtIn }) => [name, builtIn]);
  expect(names).toEqual([
    ['feedback', true],
    ['sentiment', true],
    ['intent', true],
    ['support_priority', true],
  ]);
});

test('a workspace’s own taxonomy can be classified by as soon as it is made', async () => {
  const made = await upsert(CARGO);
  expect(made).toMatchObject({ __typename: 'Taxonomy', name: 'cargo', builtIn: false });
  expect((await list()).at(-1)).toMatchObject({ id: made.id, name: 'cargo' });
  expect(await label('Twelve boxes of bananas and apples', 'cargo')).toBe('fruit');
  expect(await label('A spare pump and an engine', 'cargo')).toBe('machines');
});

test('an upsert by the same name replaces the taxonomy and keeps its id; documents get the new labels', async () => {
  const made = await upsert(CARGO);
  const collectionId = await workspace.createCollection();
  await workspace.store(collectionId, [{ text: 'Twelve boxes of bananas and apples' }]);
  const read = async () => {
    const { documents } = await workspace.read<{
      documents: { nodes: { classification: { labels: { label: string }[] } }[] };
    }>('{ documents { nodes { classification(taxonomy: "cargo") { labels { label } } } } }');
    return documents.nodes[0]?.classification.labels.map(({ label: name }) => name);
  };
  expect(await read()).toEqual(['fruit']);
  const renamed = CARGO.dimensions.map((dimension) => ({
    ...dimension,
    labels: dimension.labels.map((one) => ({ ...one, name: one.name === 'fruit' ? 'perishables' : one.name })),
  }));
  expect((await upsert({ name: 'Cargo', dimensions: renamed })).id).toBe(made.id);
  expect(await read()).toEqual(['perishables']);
});

test('a built-in taxonomy cannot be changed', async () => {
  expect(await upsert({ ...CARGO, name: 'Feedback' })).toMatchObject({ __typename: 'ConflictError', code: 'CONFLICT' });
});

test('a taxonomy that makes no sense is refused with every place where it does not', async () => {
  const refused = await upsert({
    name: '!!!',
    dimensions: [
      { name: 'empty', labels: [] },
      { name: 'twice', labels: [{ name: 'Same' }, { name: 'same' }] },
    ],
  });
  expect(refused.__typename).toBe('InvalidInputError');
  expect(refused.issues.map(({ path }) => path.join('.'))).toEqual([
    'name',
    'dimensions.0.labels',
    'dimensions.1.labels.1.name',
  ]);
  expect(await upsert({ name: 'none', dimensions: [] })).toMatchObject({ code: 'BAD_INPUT' });
  expect(await list()).toHaveLength(4);
});

test('a taxonomy of one workspace is none of another', async () => {
  const made = await upsert(CARGO);
  workspace = await openWorkspace(server);
  expect((await list()).map(({ name }) => name)).not.toContain('cargo');
  expect(await workspace.errorCode('query ($id: ID!) { node(id: $id) { id } }', { id: made.id })).toBe('NOT_FOUND');
  expect(await workspace.errorCode('{ classify(text: "pears", taxonomy: "cargo") { model } }')).toBe('NOT_FOUND');
});

test('a member may not change taxonomies', async () => {
  const { secret } = await server.createKey(workspace.ownerKey, 'MEMBER');
  const { body } = await server.query<{ upsertTaxonomy: { requiredPermission: string } }>(
    'mutation ($input: UpsertTaxonomyInput!) { upsertTaxonomy(input: $input) { ... on ForbiddenError { requiredPermission } } }',
    { input: CARGO },
    { key: secret },
  );
  expect(body.data?.upsertTaxonomy.requiredPermission).toBe('SETTINGS_MANAGE');
});
