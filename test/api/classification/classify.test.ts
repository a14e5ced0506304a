import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTestServer, type TestServer } from '../server-harness.ts';
import { openWorkspace, type WorkspaceClient } from '../workspace-client.ts';

let server: TestServer;
let workspace: WorkspaceClient;
beforeAll(async () => {
  server = await startTestServer();
  workspace = await openWorkspace(server);
});
afterAll(() => server.close());

interface Classification {
  taxonomy: string;
  type: string | null;
  urgency: string | null;
  productArea: string | null;
  confidence: number;
  reasoning: string | null;
  model: string;
  correctedBy: string | null;
  labels: { dimension: string; label: string; confidence: number }[];
}
interface Sentiment {
  label: string;
  score: number;
  confidence: number;
  model: string;
}

const CLASSIFY = /* GraphQL */ `
  query Classify($title: String, $text: String!, $taxonomy: String) {
    classify(title: $title, text: $text, taxonomy: $taxonomy) {
      taxonomy type urgency productArea confidence reasoning model correctedBy labels { dimension label confidence }
    }
  }
`;
const SENTIMENT = 'query ($text: String!) { sentiment(text: $text) { label score confidence model } }';

async function classify(text: string, taxonomy?: string, title?: string): Promise<Classification> {
  return (await workspace.read<{ classify: Classification }>(CLASSIFY, { text, taxonomy, title })).classify;
}

test.each([
  ['BUG', 'The app crashes with an error every time I press save.'],
  ['FEATURE_REQUEST', 'Please add a way to export the table to Excel, it would be great to have that feature.'],
  ['QUESTION', 'How do I change the email address of my account?'],
  ['PRAISE', 'Thank you, this is the best tool we have ever used. I love it!'],
])('feedback of the type %s is told apart', async (type, text) => {
  const found = await classify(text);
  expect(found).toMatchObject({ taxonomy: 'feedback', type, model: 'local/use-lite-768', correctedBy: null });
  expect(found.confidence).toBeGreaterThan(0);
  expect(found.confidence).toBeLessThanOrEqual(1);
  expect(found.reasoning).toEqual(expect.any(String));
  expect(found.labels.map(({ dimension }) => dimension)).toEqual(expect.arrayContaining(['type', 'urgency']));
});

test('an outage is more urgent than a wish', async () => {
  const outage = await classify('URGENT: production is completely down and we are losing data, nobody can work!');
  const wish = await classify('It would be nice if the icons were a bit rounder some day.');
  expect(outage.urgency).toBe('CRITICAL');
  expect(wish.urgency).toBe('NORMAL');
});

test('sentiment is negative, neutral or positive, with a score between -1 and 1', async () => {
  const of = async (text: string) => (await workspace.read<{ sentiment: Sentiment }>(SENTIMENT, { text })).sentiment;
  const bad = await of('This is terrible. I hate it, it ruined my whole day.');
  const good = await of('Wonderful! I love it, thank you so much.');
  expect([bad.label, good.label]).toEqual(['NEGATIVE', 'POSITIVE']);
  expect(bad.score).toBeLessThan(0);
  expect(good.score).toBeGreaterThan(0);
  for (const { score, confidence } of [bad, good]) {
    expect(Math.abs(score)).toBeLessThanOrEqual(1);
    expect(confidence).toBeGreaterThan(0);
    expect(confidence).toBeLessThanOrEqual(1);
  }
});

test('another built-in taxonomy can be named, and has none of the fields of feedback', async () => {
  const found = await classify('I would like to cancel my subscription.', 'intent');
  expect(found).toMatchObject({ taxonomy: 'intent', type: null, urgency: null, productArea: null });
  expect(found.labels.length).toBeGreaterThan(0);
});

test('nothing of a classified text is stored', async () => {
  const { documents } = await workspace.read<{ documents: { totalCount: number } }>('{ documents { totalCount } }');
  await classify('The export is broken.');
  const after = await workspace.read<{ documents: { totalCount: number } }>('{ documents { totalCount } }');
  expect(after.documents.totalCount).toBe(documents.totalCount);
});

test('a taxonomy that is not there is not found', async () => {
  expect(await workspace.errorCode(CLASSIFY, { text: 'x', taxonomy: 'moods of the sea' })).toBe('NOT_FOUND');
});

test('an empty text, and one of more than a million characters, are refused', async () => {
  for (const text of ['', '  \n', 'x'.repeat(1_000_001)]) {
    expect(await workspace.errorCode(CLASSIFY, { text })).toBe('BAD_INPUT');
    expect(await workspace.errorCode(SENTIMENT, { text })).toBe('BAD_INPUT');
  }
});

test('odd texts are classified too', async () => {
  for (const text of ['🧾', '請求書の通貨が間違っています', 'a\u0000b', '\ud800', '<script>alert(1)</script>', '???']) {
    expect((await classify(text)).labels.length).toBeGreaterThan(0);
  }
});

test('a document is classified when its labels are first read, keeps them, and gets new ones with a new text', async () => {
  const collectionId = await workspace.createCollection('FEEDBACK');
  const read = async () => {
    const { documents } = await workspace.read<{
      documents: { nodes: { classification: { id: string; type: string }; sentiment: { label: string } }[] };
    }>(
      `query ($ids: [ID!]) {
        documents(filter: { collectionIds: $ids }) { nodes { classification { id type } sentiment { label } } }
      }`,
      { ids: [collectionId] },
    );
    return documents.nodes[0];
  };
  await workspace.store(collectionId, [{ externalId: 'one', text: 'The app crashes with an error when I save.' }]);
  const first = await read();
  expect(first?.classification.type).toBe('BUG');
  expect(await read()).toEqual(first);
  const { node } = await workspace.read<{ node: { __typename: string } }>(
    'query ($id: ID!) { node(id: $id) { __typename } }',
    { id: first?.classification.id },
  );
  expect(node.__typename).toBe('Classification');
  await workspace.store(collectionId, [{ externalId: 'one', text: 'Thank you, I love it, it is wonderful!' }]);
  expect(await read()).toMatchObject({ classification: { type: 'PRAISE' }, sentiment: { label: 'POSITIVE' } });
});

test('tasks of an upsert label the documents before anybody reads them', async () => {
  const collectionId = await workspace.createCollection('FEEDBACK');
  const result = await workspace.upsert({
    collectionId,
    documents: [{ text: 'How do I change the language of the menu?' }],
    tasks: ['CLASSIFY', 'SENTIMENT', 'INTENT', 'EMBED'],
    wait: true,
  });
  expect(result.job).toMatchObject({ kind: 'PROCESS_DOCUMENTS', status: 'COMPLETED', error: null });
  const rows = await server.app.database.withWorkspace(
    workspace.id,
    ({ sql }) =>
      sql`select taxonomy from classifications where document_id = ${result.documents[0]?.id ?? ''} order by taxonomy`,
  );
  expect(rows.map(({ taxonomy }) => taxonomy)).toEqual(['feedback', 'intent', 'sentiment']);
});

test('a viewer reads the labels of documents, and may not have texts of their own classified', async () => {
  const { secret } = await server.createKey(workspace.ownerKey, 'VIEWER');
  const asked = await server.query(CLASSIFY, { text: 'The export is broken.' }, { key: secret });
  expect(asked.body.errors?.[0]?.extensions).toMatchObject({ code: 'FORBIDDEN', requiredPermission: 'AI_USE' });
  const read = await server.query<{ documents: { nodes: { classification: object | null }[] } }>(
    '{ documents(first: 1) { nodes { classification { type } } } }',
    {},
    { key: secret },
  );
  expect(read.body.errors).toBeUndefined();
  expect(read.body.data?.documents.nodes[0]?.classification).not.toBeNull();
});
