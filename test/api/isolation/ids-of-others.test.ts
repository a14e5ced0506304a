import { type GraphQLInputType, type GraphQLNamedType, getNamedType, isInputObjectType } from 'graphql';
import { createClient } from 'graphql-sse';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { schema } from '../../../src/schema/index.ts';
import { type IdKind, newId } from '../../../src/shared/ids.ts';
import { postForm, uploadForm } from '../../support/upload-form.ts';
import { VENDOR_PLUGIN } from '../../support/vendor-plugin.ts';
import { waitFor } from '../../support/wait-for.ts';
import { ConversationClient } from '../conversations/conversation-client.ts';
import { startTestServer, type TestServer } from '../server-harness.ts';
import { openWorkspace, type WorkspaceClient } from '../workspace-client.ts';
import { fullSelection } from './full-selection.ts';
import { fillWorkspace, readIds, type WorkspaceIds } from './neighbour.ts';

/** What differs between two looks at the same thing. */
const VOLATILE = /"(lastUsedAt|reportUrl|asOf)":("[^"]*"|null)/g;

/** Ids of models name no thing of a workspace. */
const MODEL = /\bmodel$/;

/** What is asked with the id of a neighbour's thing in place of `"ID"`, by the argument that takes it. */
const CASES: Record<string, { type: IdKind; document: string }> = {
  'acknowledgeAlert.input.id': { type: 'Alert', document: mutation('acknowledgeAlert', 'id: "ID"') },
  'backfillEmbeddings.input.collectionId': {
    type: 'Collection',
    document: mutation('backfillEmbeddings', 'collectionId: "ID"'),
  },
  'backfillEmbeddings.input.documentIds': {
    type: 'Document',
    document: mutation('backfillEmbeddings', 'documentIds: ["ID"]'),
  },
  'cancelAgentRun.input.id': { type: 'AgentRun', document: mutation('cancelAgentRun', 'id: "ID"') },
  'cancelJob.input.id': { type: 'Job', document: mutation('cancelJob', 'id: "ID"') },
  'correctClassification.input.documentId': {
    type: 'Document',
    document: mutation('correctClassification', 'documentId: "ID", labels: [{ dimension: "type", label: "bug" }]'),
  },
  'createIntegration.input.fallbackId': {
    type: 'Integration',
    document: mutation('createIntegration', 'name: "leaning", pluginId: "local", fallbackId: "ID"'),
  },
  'deleteAgent.input.id': { type: 'Agent', document: mutation('deleteAgent', 'id: "ID"', 'count') },
  'deleteDocuments.input.filter.collectionIds': {
    type: 'Collection',
    document: mutation('deleteDocuments', 'filter: { collectionIds: ["ID"] }', 'count'),
  },
  'deleteDocuments.input.ids': { type: 'Document', document: mutation('deleteDocuments', 'ids: ["ID"]', 'count') },
  'deleteIntegration.input.id': { type: 'Integration', document: mutation('deleteIntegration', 'id: "ID"') },
  'deleteWorkspace.input.id': {
    type: 'Workspace',
    document: mutation('deleteWorkspace', 'id: "ID", confirmSlug: "SLUG"'),
  },
  'importDocuments.input.collectionId': {
    type: 'Collection',
    document: `mutation ($file: File!) { importDocuments(input: { collectionId: "ID", tasks: [], file: $file }) {
      __typename ... on Error { code message } } }`,
  },
  'invalidateCache.input.documentIds': {
    type: 'Document',
    document:
      'mutation { invalidateCache(input: { documentIds: ["ID"] }) { __typename ... on Error { code message } } }',
  },
  'processDocuments.input.documentIds': {
    type: 'Document',
    document: mutation('processDocuments', 'documentIds: ["ID"], tasks: [SENTIMENT]'),
  },
  'processDocuments.input.filter.collectionIds': {
    type: 'Collection',
    document: mutation('processDocuments', 'filter: { collectionIds: ["ID"] }, tasks: [SENTIMENT]'),
  },
  'sendMessage.input.conversationId': {
    type: 'Conversation',
    document: mutation('sendMessage', 'conversationId: "ID", text: "planted"'),
  },
  'sendMessage.input.filter.collectionIds': {
    type: 'Collection',
    document: mutation(
      'sendMessage',
      'conversationId: "NEW_CONVERSATION", text: "What of the export?", filter: { collectionIds: ["ID"] }',
    ),
  },
  'stopGeneration.input.id': { type: 'Generation', document: mutation('stopGeneration', 'id: "ID"') },
  'runAgent.input.agentId': { type: 'Agent', document: mutation('runAgent', 'agentId: "ID"') },
  'retryJob.input.id': { type: 'Job', document: mutation('retryJob', 'id: "ID"') },
  'revokeApiKey.input.id': { type: 'ApiKey', document: mutation('revokeApiKey', 'id: "ID"') },
  'setBudget.input.apiKeyId': {
    type: 'ApiKey',
    document: mutation('setBudget', 'apiKeyId: "ID", window: DAY, limitUsd: "1"'),
  },
  'testIntegration.input.id': { type: 'Integration', document: mutation('testIntegration', 'id: "ID"') },
  'updateAgent.input.id': { type: 'Agent', document: mutation('updateAgent', 'id: "ID", name: "Taken"') },
  'updateInsight.input.id': { type: 'Insight', document: mutation('updateInsight', 'id: "ID", status: SEEN') },
  'updateIntegration.input.fallbackId': {
    type: 'Integration',
    document: mutation('updateIntegration', 'id: "OWN_INTEGRATION", fallbackId: "ID"'),
  },
  'updateIntegration.input.id': {
    type: 'Integration',
    document: mutation('updateIntegration', 'id: "ID", isActive: false'),
  },
  'updateSignal.input.id': { type: 'Signal', document: mutation('updateSignal', 'id: "ID", status: ACTED_UPON') },
  'updateWorkspace.input.id': { type: 'Workspace', document: mutation('updateWorkspace', 'id: "ID", name: "Taken"') },
  'upsertDocuments.input.collectionId': {
    type: 'Collection',
    document: mutation('upsertDocuments', 'collectionId: "ID", documents: [{ text: "planted" }]'),
  },
  'ask.filter.collectionIds': {
    type: 'Collection',
    document:
      '{ ask(question: "What about the PDF export?", filter: { collectionIds: ["ID"] }) { citations { quote } } }',
  },
  'costEstimate.filter.collectionIds': {
    type: 'Collection',
    document: '{ costEstimate(operation: EMBED, filter: { collectionIds: ["ID"] }) { documents inputTokens highUsd } }',
  },
  'documents.filter.collectionIds': {
    type: 'Collection',
    document: '{ documents(filter: { collectionIds: ["ID"] }) { totalCount nodes { id } } }',
  },
  'embeddingQuality.collectionId': {
    type: 'Collection',
    document: '{ embeddingQuality(collectionId: "ID") { __typename } }',
  },
  'node.id': { type: 'Theme', document: '{ node(id: "ID") { id } }' },
  'nodes.ids': { type: 'Import', document: '{ nodes(ids: ["ID"]) { id } }' },
  'search.filter.collectionIds': {
    type: 'Collection',
    document: '{ search(query: "export", mode: KEYWORD, filter: { collectionIds: ["ID"] }) { nodes { rank } } }',
  },
  'signals.companyId': { type: 'Document', document: '{ signals(companyId: "ID") { nodes { id } } }' },
  'themes.collectionId': { type: 'Collection', document: '{ themes(collectionId: "ID") { nodes { id } } }' },
  'agentRun.id': { type: 'AgentRun', document: 'subscription { agentRun(id: "ID") { id } }' },
  'generation.id': { type: 'Generation', document: 'subscription { generation(id: "ID") { seq } }' },
  'job.id': { type: 'Job', document: 'subscription { job(id: "ID") { seq } }' },
};

function mutation(name: string, input: string, more = ''): string {
  const selection = more === '' ? '' : `... on Deleted { ${more} }`;
  return `mutation { ${name}(input: { ${input} }) { __typename ${selection} ... on Error { code message } } }`;
}

let server: TestServer;
let workspace: WorkspaceClient;
let neighbour: WorkspaceClient;
let own: WorkspaceIds;
let foreign: WorkspaceIds;
/** Of the server's own parts. */
let listenersBefore: number;

beforeAll(async () => {
  server = await startTestServer({ environment: { SIGNALBOX_ALLOW_PRIVATE_URLS: '1' }, plugins: [VENDOR_PLUGIN] });
  workspace = await openWorkspace(server);
  neighbour = await openWorkspace(server);
  const theirs = { correction: 'complaint', label: 'invoices' };
  await fillWorkspace(server, workspace, { suffix: 'It was on Monday.', correction: 'question', label: 'money' });
  await fillWorkspace(server, neighbour, { suffix: 'It was on Tuesday.', ...theirs });
  own = await readIds(workspace);
  foreign = await readIds(neighbour);
  listenersBefore = server.app.database.bus.listenerCount;
}, 120_000);
afterAll(() => server?.close());

async function answerOf(document: string, id: string): Promise<string> {
  const filled = document
    .replace('OWN_INTEGRATION', own.Integration?.[0] ?? '')
    .replace('NEW_CONVERSATION', document.includes('NEW_CONVERSATION') ? await newConversation() : '')
    .replace('SLUG', neighbour.slug)
    .replace('"ID"', JSON.stringify(id));
  const answer = filled.startsWith('subscription')
    ? await firstEvent(filled)
    : filled.includes('$file')
      ? (await postForm(server.url, uploadWith(filled), workspace.ownerKey)).body
      : await workspace.ask(filled);
  // What the caller's own cache spared the second one is no word about the neighbour.
  return JSON.stringify({ ...(answer as object), extensions: null }).replaceAll(id, 'ID');
}

const newConversation = () => new ConversationClient(server, workspace.ownerKey).create();

const uploadWith = (query: string) =>
  uploadForm({ query, variables: { file: null } }, 'variables.file', 'text\nplanted', 'planted.csv');

function subscribe(query: string) {
  const headers = { authorization: `Bearer ${workspace.ownerKey}` };
  const client = createClient({ url: `${server.url}/graphql`, retryAttempts: 0, headers });
  const results = client.iterate<Record<string, unknown>>({ query });
  return {
    next: async () => (await results.next()).value as { data?: Record<string, unknown> },
    leave: () => client.dispose(),
  };
}

async function firstEvent(query: string): Promise<unknown> {
  const { next, leave } = subscribe(query);
  const event = await next();
  leave();
  return event;
}

/** All that the neighbour reads of what is theirs. */
async function stateOfNeighbour(): Promise<Record<string, string>> {
  const state: Record<string, string> = {};
  for (const [type, ids] of Object.entries(foreign)) {
    const selection = fullSelection(schema.getType(type) as GraphQLNamedType, 1);
    for (const id of ids) {
      const query = `query ($id: ID!) { node(id: $id) { ... on ${type} ${selection} } }`;
      state[id] = JSON.stringify(await neighbour.read(query, { id })).replace(VOLATILE, '"$1":"volatile"');
    }
  }
  return state;
}

/** Every argument that takes an id, as `<field>.<argument>.<input field>`. */
function argumentsWithIds(): string[] {
  const within = (type: GraphQLInputType, path: string): string[] => {
    const named = getNamedType(type);
    if (named.name === 'ID') return [path];
    if (!isInputObjectType(named)) return [];
    return Object.values(named.getFields()).flatMap((field) => within(field.type, `${path}.${field.name}`));
  };
  return [schema.getQueryType(), schema.getMutationType(), schema.getSubscriptionType()]
    .flatMap((root) => Object.values(root?.getFields() ?? {}))
    .flatMap((field) => field.args.flatMap(({ type, name }) => within(type, `${field.name}.${name}`)));
}

test('every argument that takes an id of a workspace’s thing is among the cases', () => {
  const taking = argumentsWithIds().filter((path) => !MODEL.test(path));
  expect(Object.keys(CASES).sort()).toEqual(taking.sort());
});

test('an id of another workspace does what an id does that was never given out, and changes nothing there', async () => {
  // Twice: the first look computes and stores what nobody asked for yet.
  await stateOfNeighbour();
  const before = await stateOfNeighbour();
  for (const [argument, { type, document }] of Object.entries(CASES)) {
    const missing = await answerOf(document, newId(type));
    for (const id of (foreign[type] ?? []).slice(0, 2)) {
      expect(`${argument} ${await answerOf(document, id)}`).toBe(`${argument} ${missing}`);
    }
  }
  expect(await stateOfNeighbour()).toEqual(before);
});

test('a subscription that takes no id tells of the caller’s workspace alone', async () => {
  const jobs = subscribe('subscription { jobs { job { id } } }');
  const first = jobs.next();
  await waitFor('the subscription', () => server.app.database.bus.listenerCount > listenersBefore);
  const tick = () => firstEvent('subscription { usageTick(everySeconds: 1) { requests } }');
  const before = await tick();
  const texts = Array.from({ length: 20 }, (_, i) => `A text of the neighbour ${i}`);
  await neighbour.read('query ($texts: [String!]!) { embed(texts: $texts) { dimensions } }', { texts });
  await neighbour.store(foreign.Collection?.[0] ?? '', [{ text: 'Another one of theirs' }]);
  expect(await tick()).toEqual(before);
  const collectionId = own.Collection?.[0] ?? '';
  const { job } = await workspace.upsert({ collectionId, documents: [{ text: 'One of ours' }], tasks: ['SENTIMENT'] });
  expect((await first).data?.jobs).toEqual({ job: { id: job?.id } });
  jobs.leave();
});
