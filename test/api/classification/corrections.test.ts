import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { startTestServer, type TestServer } from '../server-harness.ts';
import { openWorkspace, type WorkspaceClient } from '../workspace-client.ts';

let server: TestServer;
let workspace: WorkspaceClient;
let collectionId: string;
beforeAll(async () => {
  server = await startTestServer();
});
beforeEach(async () => {
  workspace = await openWorkspace(server);
  collectionId = await workspace.createCollection('FEEDBACK');
});
afterAll(() => server.close());

interface Correction {
  __typename: string;
  type: string;
  urgency: string;
  confidence: number;
  model: string;
  correctedBy: string | null;
  reasoning: string | null;
  labels: { dimension: string; label: string }[];
  code: string;
  issues: { path: string[]; message: string }[];
}

const FIELDS = 'type urgency confidence model correctedBy reasoning labels { dimension label }';
const CORRECT = /* GraphQL */ `
  mutation Correct($input: CorrectClassificationInput!) {
    correctClassification(input: $input) {
      __typename
      ... on Classification { ${FIELDS} }
      ... on Error { code }
      ... on InvalidInputError { issues { path message } }
    }
  }
`;

async function correct(documentId: string, labels: Record<string, string>, taxonomy = 'feedback'): Promise<Correction> {
  const choices = Object.entries(labels).map(([dimension, label]) => ({ dimension, label }));
  const variables = { input: { documentId, taxonomy, labels: choices } };
  return (await workspace.read<{ correctClassification: Correction }>(CORRECT, variables)).correctClassification;
}

async function labelsOf(id: string, taxonomy = 'feedback'): Promise<Correction> {
  const { node } = await workspace.read<{ node: { classification: Correction } }>(
    `query ($id: ID!, $taxonomy: String) { node(id: $id) { ... on Document { classification(taxonomy: $taxonomy) { ${FIELDS} } } } }`,
    { id, taxonomy },
  );
  return node.classification;
}

async function classify(client: WorkspaceClient, text: string): Promise<string> {
  const { classify: found } = await client.read<{ classify: { type: string } }>(
    'query ($text: String!) { classify(text: $text) { type } }',
    { text },
  );
  return found.type;
}

async function storeOne(text: string): Promise<string> {
  const [document] = await workspace.store(collectionId, [{ externalId: 'one', text }]);
  return document?.id as string;
}

const CRASH = 'The app crashes with an error whenever the zorbling widget starts.';

test('a person’s word wins over the model’s, and keeps what the person did not speak of', async () => {
  const id = await storeOne(CRASH);
  const before = await labelsOf(id);
  expect(before).toMatchObject({ type: 'BUG', correctedBy: null });
  const corrected = await correct(id, { type: 'question' });
  expect(corrected).toMatchObject({ type: 'QUESTION', urgency: before.urgency, confidence: 1, model: 'person' });
  expect(corrected.correctedBy).toMatch(/^key_/);
  expect(corrected.reasoning).toBeNull();
  expect(await labelsOf(id)).toMatchObject({ type: 'QUESTION', model: 'person' });
});

test('a person’s word holds when the text is changed later', async () => {
  const id = await storeOne(CRASH);
  await correct(id, { type: 'question' });
  await storeOne('Thank you, this is wonderful, I love it!');
  expect(await labelsOf(id)).toMatchObject({ type: 'QUESTION', model: 'person' });
});

test('what a person said teaches at once: the next text like it is judged accordingly', async () => {
  const like = 'The app crashes with an error whenever a zorbling widget starts up.';
  expect(await classify(workspace, like)).toBe('BUG');
  await correct(await storeOne(CRASH), { type: 'question' });
  expect(await classify(workspace, like)).toBe('QUESTION');
});

test('documents that were classified before are judged again after a correction', async () => {
  const [first, second] = await workspace.store(collectionId, [
    { text: CRASH },
    { text: 'The app crashes with an error whenever a zorbling widget starts up.' },
  ]);
  const other = second?.id as string;
  expect((await labelsOf(other)).type).toBe('BUG');
  await correct(first?.id as string, { type: 'question' });
  expect(await labelsOf(other)).toMatchObject({ type: 'QUESTION', correctedBy: null });
});

test('a correction teaches nothing to another workspace', async () => {
  const stranger = await openWorkspace(server);
  await correct(await storeOne(CRASH), { type: 'question' });
  expect(await classify(workspace, CRASH)).toBe('QUESTION');
  expect(await classify(stranger, CRASH)).toBe('BUG');
});

test('a sentiment is corrected like any other label, and shows in the document’s sentiment', async () => {
  const id = await storeOne('This is terrible, I hate it.');
  await correct(id, { sentiment: 'positive' }, 'sentiment');
  const { node } = await workspace.read<{ node: { sentiment: { label: string; score: number; model: string } } }>(
    'query ($id: ID!) { node(id: $id) { ... on Document { sentiment { label score model } } } }',
    { id },
  );
  expect(node.sentiment).toEqual({ label: 'POSITIVE', score: 1, model: 'person' });
});

test('a label that the taxonomy does not have is refused with those that it has, and changes nothing', async () => {
  const id = await storeOne(CRASH);
  const refused = await correct(id, { type: 'catastrophe' });
  expect(refused).toMatchObject({ __typename: 'InvalidInputError', code: 'BAD_INPUT' });
  expect(refused.issues[0]?.path).toEqual(['labels', '0', 'label']);
  expect(refused.issues[0]?.message).toContain('feature_request');
  expect(await correct(id, { colour: 'red' })).toMatchObject({ __typename: 'InvalidInputError' });
  expect(await labelsOf(id)).toMatchObject({ type: 'BUG', correctedBy: null });
});

test('a document that is not there, or is another workspace’s, and an unknown taxonomy are not found', async () => {
  const id = await storeOne(CRASH);
  expect(await correct(id, { type: 'bug' }, 'no-such')).toMatchObject({ __typename: 'NotFoundError' });
  workspace = await openWorkspace(server);
  for (const documentId of [id, 'doc_nothing']) {
    expect(await correct(documentId, { type: 'bug' })).toMatchObject({ __typename: 'NotFoundError' });
  }
});

test('a viewer may not correct', async () => {
  const id = await storeOne(CRASH);
  const { secret } = await server.createKey(workspace.ownerKey, 'VIEWER');
  const input = { documentId: id, labels: [{ dimension: 'type', label: 'praise' }] };
  const { body } = await server.query<{ correctClassification: Correction }>(CORRECT, { input }, { key: secret });
  expect(body.data?.correctClassification).toMatchObject({ __typename: 'ForbiddenError', code: 'FORBIDDEN' });
  expect((await labelsOf(id)).type).toBe('BUG');
});

test('a product area that a person names is given to the same document and to similar ones, in that workspace alone', async () => {
  const stranger = await openWorkspace(server);
  const areaOf = async (client: WorkspaceClient, text: string) => {
    const read = 'query ($text: String!) { classify(text: $text) { productArea } }';
    return (await client.read<{ classify: { productArea: string | null } }>(read, { text })).classify.productArea;
  };
  const [first, second] = await workspace.store(collectionId, [
    { source: { title: 'Seats are sold twice', body: 'The balcony seats were sold twice last night.' } },
    { source: { title: 'Balcony trouble', body: 'Last night the seats of the balcony were sold twice.' } },
  ]);
  const areas = async (id: string | undefined) =>
    (await labelsOf(id as string)).labels.find(({ dimension }) => dimension === 'product_area')?.label;
  expect(await areas(second?.id)).toBeUndefined();
  await correct(first?.id as string, { product_area: 'Seating' });
  expect(await areas(first?.id)).toBe('Seating');
  expect(await areas(second?.id)).toBe('Seating');
  expect(await areaOf(workspace, 'Last night balcony seats were sold twice')).toBe('Seating');
  expect(await areaOf(workspace, 'My password is not accepted')).toBeNull();
  expect(await areaOf(stranger, 'Last night balcony seats were sold twice')).toBeNull();
});

test('a tag of the source that spells a type speaks for it, and a field that says the type decides', async () => {
  const body = 'Twelve trays in the walk-in cupboard this morning, version nine.';
  const [tagged, said] = await workspace.store(collectionId, [
    { source: { title: 'Version nine', body, tags: ['kitchen', 'praise'] } },
    { source: { title: 'Version nine', body, tags: ['praise'], type: 'Complaint' } },
  ]);
  expect((await labelsOf(tagged?.id as string)).type).toBe('PRAISE');
  expect((await labelsOf(said?.id as string)).type).toBe('COMPLAINT');
});
