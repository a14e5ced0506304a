import { isUnionType } from 'graphql';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  PERMISSIONS,
  type Permission,
  ROLE_PERMISSIONS,
  ROLES,
  type Role,
} from '../../../src/domain/access/actions.ts';
import { schema } from '../../../src/schema/index.ts';
import { postForm, uploadForm } from '../../support/upload-form.ts';
import { type Answer, startTestServer, type TestServer, type TestWorkspace } from '../server-harness.ts';

let server: TestServer;
let workspace: TestWorkspace;
const keys = new Map<Role, string>();
const ids: Record<string, string> = {};
beforeAll(async () => {
  server = await startTestServer();
  workspace = await server.createWorkspace();
  keys.set('OWNER', workspace.ownerKey);
  for (const role of ROLES) {
    if (role !== 'OWNER') keys.set(role, (await server.createKey(workspace.ownerKey, role)).secret);
  }
  ids.workspace = workspace.id;
  ids.key = (await server.createKey(workspace.ownerKey, 'VIEWER')).id;
  const collection = await server.query<{ createCollection: { id: string } }>(
    'mutation { createCollection(input: { name: "Notes" }) { ... on Collection { id } } }',
    {},
    { key: workspace.ownerKey },
  );
  ids.collection = collection.body.data?.createCollection.id ?? '';
  const written = await server.query<{
    upsertDocuments: { documents: { id: string; classification: { id: string } }[]; job: { id: string } };
  }>(
    `mutation ($collection: ID!) { upsertDocuments(input: { collectionId: $collection, wait: true, documents: [{ text: "The export fails with an error" }] }) {
      ... on UpsertedDocuments { documents { id classification { id } } job { id } } } }`,
    { collection: ids.collection },
    { key: workspace.ownerKey },
  );
  const { documents, job } = written.body.data?.upsertDocuments ?? {};
  ids.document = documents?.[0]?.id ?? '';
  ids.classification = documents?.[0]?.classification.id ?? '';
  ids.job = job?.id ?? '';
  const integration = await server.query<{ createIntegration: { id: string } }>(
    'mutation { createIntegration(input: { name: "second", pluginId: "local" }) { ... on Integration { id } } }',
    {},
    { key: workspace.ownerKey },
  );
  ids.integration = integration.body.data?.createIntegration.id ?? '';
  const conversation = await server.query<{ createConversation: { id: string } }>(
    'mutation { createConversation(input: { title: "Exports" }) { ... on Conversation { id } } }',
    {},
    { key: workspace.ownerKey },
  );
  ids.conversation = conversation.body.data?.createConversation.id ?? '';
});
afterAll(() => server?.close());

/** What each field of the API needs; `null`: nothing but a key, `root`: the root key. */
const NEEDS: Record<string, { needs: Permission | 'root' | null; document: string }> = {
  agents: { needs: 'DOCUMENTS_READ', document: '{ agents { nodes { id } } }' },
  insights: { needs: 'DOCUMENTS_READ', document: '{ insights { nodes { id } } }' },
  signals: { needs: 'DOCUMENTS_READ', document: '{ signals { nodes { id } } }' },
  alerts: { needs: 'ANALYTICS_VIEW', document: '{ alerts { nodes { id } } }' },
  ask: { needs: 'AI_USE', document: '{ ask(question: "What fails?") { model } }' },
  cacheStats: { needs: 'ANALYTICS_VIEW', document: '{ cacheStats { hits } }' },
  classify: { needs: 'AI_USE', document: '{ classify(text: "It crashes") { model } }' },
  collections: { needs: 'DOCUMENTS_READ', document: '{ collections { nodes { id } } }' },
  conversations: { needs: 'DOCUMENTS_READ', document: '{ conversations { nodes { id } } }' },
  budgets: { needs: 'ANALYTICS_VIEW', document: '{ budgets { limitUsd } }' },
  costEstimate: {
    needs: 'ANALYTICS_VIEW',
    document: '{ costEstimate(operation: EMBED, texts: ["dock"]) { highUsd } }',
  },
  dailySummaries: {
    needs: 'ANALYTICS_VIEW',
    document: '{ dailySummaries(from: "2026-01-01", to: "2026-01-31") { date } }',
  },
  documents: { needs: 'DOCUMENTS_READ', document: '{ documents { nodes { id } } }' },
  embed: { needs: 'AI_USE', document: '{ embed(texts: ["dock"]) { dimensions } }' },
  embeddingQuality: { needs: 'ANALYTICS_VIEW', document: '{ embeddingQuality { __typename } }' },
  integrations: { needs: 'DOCUMENTS_READ', document: '{ integrations { id } }' },
  jobs: { needs: 'DOCUMENTS_READ', document: '{ jobs { nodes { id } } }' },
  models: { needs: null, document: '{ models { id } }' },
  node: { needs: 'DOCUMENTS_READ', document: '{ node(id: "COLLECTION") { id } }' },
  nodes: { needs: 'DOCUMENTS_READ', document: '{ nodes(ids: ["COLLECTION"]) { id } }' },
  queues: { needs: 'DOCUMENTS_READ', document: '{ queues { depth } }' },
  providerPlugins: { needs: null, document: '{ providerPlugins { id } }' },
  search: { needs: 'DOCUMENTS_READ', document: '{ search(query: "dock", mode: KEYWORD) { nodes { rank } } }' },
  sentiment: { needs: 'AI_USE', document: '{ sentiment(text: "I love it") { label } }' },
  taxonomies: { needs: 'DOCUMENTS_READ', document: '{ taxonomies { name } }' },
  themes: { needs: 'DOCUMENTS_READ', document: '{ themes { nodes { name } } }' },
  usage: { needs: 'ANALYTICS_VIEW', document: '{ usage { total { requests } } }' },
  viewer: { needs: null, document: '{ viewer { role } }' },
  workspaces: { needs: 'root', document: '{ workspaces { nodes { id } } }' },
  acknowledgeAlert: { needs: 'BUDGETS_MANAGE', document: mutation('acknowledgeAlert', '{ id: "UNIQUE" }') },
  createAgent: {
    needs: 'AGENTS_MANAGE',
    document: mutation('createAgent', '{ type: DASHBOARD_INSIGHTS, name: "UNIQUE" }'),
  },
  updateAgent: { needs: 'AGENTS_MANAGE', document: mutation('updateAgent', '{ id: "UNIQUE" }') },
  deleteAgent: { needs: 'AGENTS_MANAGE', document: mutation('deleteAgent', '{ id: "UNIQUE" }') },
  runAgent: { needs: 'AI_USE', document: mutation('runAgent', '{ agentId: "UNIQUE" }') },
  cancelAgentRun: { needs: 'AI_USE', document: mutation('cancelAgentRun', '{ id: "UNIQUE" }') },
  updateInsight: { needs: 'DOCUMENTS_WRITE', document: mutation('updateInsight', '{ id: "UNIQUE", status: SEEN }') },
  updateSignal: {
    needs: 'DOCUMENTS_WRITE',
    document: mutation('updateSignal', '{ id: "UNIQUE", status: ACTED_UPON }'),
  },
  backfillEmbeddings: {
    needs: 'DOCUMENTS_WRITE',
    document: mutation('backfillEmbeddings', '{ documentIds: ["DOCUMENT"] }'),
  },
  correctClassification: {
    needs: 'DOCUMENTS_WRITE',
    document: mutation(
      'correctClassification',
      '{ documentId: "DOCUMENT", labels: [{ dimension: "type", label: "bug" }] }',
    ),
  },
  createApiKey: { needs: 'KEYS_MANAGE', document: mutation('createApiKey', '{ name: "another", role: VIEWER }') },
  createCollection: { needs: 'DOCUMENTS_WRITE', document: mutation('createCollection', '{ name: "UNIQUE" }') },
  createConversation: { needs: 'AI_USE', document: mutation('createConversation', '{ title: "UNIQUE" }') },
  createIntegration: {
    needs: 'INTEGRATIONS_MANAGE',
    document: mutation('createIntegration', '{ name: "UNIQUE", pluginId: "local" }'),
  },
  createWorkspace: { needs: 'root', document: mutation('createWorkspace', '{ name: "UNIQUE" }') },
  deleteDocuments: { needs: 'DOCUMENTS_WRITE', document: mutation('deleteDocuments', '{ ids: ["UNIQUE"] }') },
  deleteIntegration: {
    needs: 'INTEGRATIONS_MANAGE',
    document: mutation('deleteIntegration', '{ id: "UNIQUE" }'),
  },
  deleteWorkspace: {
    needs: 'WORKSPACE_MANAGE',
    document: mutation('deleteWorkspace', '{ id: "WORKSPACE", confirmSlug: "not-its-slug" }'),
  },
  importDocuments: {
    needs: 'DOCUMENTS_WRITE',
    document: `mutation ($file: File!) { importDocuments(input: { collectionId: "COLLECTION", tasks: [], file: $file }) {
      __typename ... on ForbiddenError { requiredPermission } } }`,
  },
  invalidateCache: { needs: 'SETTINGS_MANAGE', document: mutation('invalidateCache', '{ documentIds: ["UNIQUE"] }') },
  processDocuments: {
    needs: 'DOCUMENTS_WRITE',
    document: mutation('processDocuments', '{ documentIds: ["DOCUMENT"], tasks: [SENTIMENT] }'),
  },
  revokeApiKey: { needs: 'KEYS_MANAGE', document: mutation('revokeApiKey', '{ id: "KEY" }') },
  testIntegration: {
    needs: 'INTEGRATIONS_MANAGE',
    document: mutation('testIntegration', '{ pluginId: "nobody" }'),
  },
  updateIntegration: {
    needs: 'INTEGRATIONS_MANAGE',
    document: mutation('updateIntegration', '{ id: "INTEGRATION", isActive: false }'),
  },
  sendMessage: {
    needs: 'AI_USE',
    document: mutation('sendMessage', '{ conversationId: "CONVERSATION", text: "What fails?" }'),
  },
  describeImage: {
    needs: 'AI_USE',
    document: `mutation ($file: File!) { describeImage(input: { file: $file }) {
      __typename ... on ForbiddenError { requiredPermission } } }`,
  },
  transcribe: {
    needs: 'AI_USE',
    document: `mutation ($file: File!) { transcribe(input: { file: $file }) {
      __typename ... on ForbiddenError { requiredPermission } } }`,
  },
  speak: { needs: 'AI_USE', document: mutation('speak', '{ text: "Hello" }') },
  stopGeneration: { needs: 'AI_USE', document: mutation('stopGeneration', '{ id: "UNIQUE" }') },
  setAlertWebhook: {
    needs: 'BUDGETS_MANAGE',
    document: mutation('setAlertWebhook', '{ url: "https://example.com/alerts" }'),
  },
  setBudget: {
    needs: 'BUDGETS_MANAGE',
    document: mutation('setBudget', '{ window: DAY, limitUsd: "5" }'),
  },
  updateSettings: {
    needs: 'SETTINGS_MANAGE',
    document: mutation('updateSettings', '{ preferences: { theme: "dark" } }'),
  },
  registerProviderPlugin: {
    needs: 'root',
    document: mutation('registerProviderPlugin', '{ package: "no-such-package" }'),
  },
  unregisterProviderPlugin: { needs: 'root', document: mutation('unregisterProviderPlugin', '{ id: "no-such" }') },
  updateWorkspace: {
    needs: 'WORKSPACE_MANAGE',
    document: mutation('updateWorkspace', '{ id: "WORKSPACE", name: "Same" }'),
  },
  upsertDocuments: {
    needs: 'DOCUMENTS_WRITE',
    document: mutation(
      'upsertDocuments',
      '{ collectionId: "COLLECTION", tasks: [], documents: [{ text: "one more" }] }',
    ),
  },
  cancelJob: { needs: 'JOBS_MANAGE', document: mutation('cancelJob', '{ id: "UNIQUE" }') },
  retryJob: { needs: 'JOBS_MANAGE', document: mutation('retryJob', '{ id: "UNIQUE" }') },
  redriveDeadLetters: { needs: 'JOBS_MANAGE', document: mutation('redriveDeadLetters', '{ kinds: [IMPORT] }') },
  warmCache: { needs: 'AI_USE', document: mutation('warmCache', '{ texts: ["UNIQUE"] }') },
  upsertTaxonomy: {
    needs: 'SETTINGS_MANAGE',
    document: mutation(
      'upsertTaxonomy',
      '{ name: "tone", dimensions: [{ name: "tone", labels: [{ name: "formal" }, { name: "casual" }] }] }',
    ),
  },
};

function mutation(name: string, input: string): string {
  return `mutation { ${name}(input: ${input}) { __typename ... on ForbiddenError { requiredPermission } } }`;
}

async function ask(document: string, key: string | undefined): Promise<Answer<Record<string, unknown>>> {
  const filled = document
    .replaceAll('UNIQUE', crypto.randomUUID())
    .replace(/"(COLLECTION|CONVERSATION|DOCUMENT|WORKSPACE|KEY|INTEGRATION)"/g, (_, kind: string) =>
      JSON.stringify(ids[kind.toLowerCase()]),
    );
  if (!filled.includes('$file')) return server.query<Record<string, unknown>>(filled, {}, { key });
  const form = uploadForm({ query: filled, variables: { file: null } }, 'variables.file', 'text\nFrom a file', 'a.csv');
  const { status, body } = await postForm(server.url, form, key ?? null);
  return { status, headers: new Headers(), body: body as Answer['body'] };
}

/** Whether the answer says that the caller may not, as a typed error or as an error of the query. */
function isForbidden({ body }: Answer<Record<string, unknown>>): boolean {
  const results = Object.values(body.data ?? {}) as ({ __typename?: string } | null)[];
  return (
    results.some((result) => result?.__typename === 'ForbiddenError') ||
    body.errors?.some(({ extensions }) => extensions.code === 'FORBIDDEN') === true
  );
}

const fieldsOf = (type: typeof schema extends infer S ? S : never) =>
  [type.getQueryType(), type.getMutationType()].flatMap((root) => Object.keys(root?.getFields() ?? {}));

describe('the permission table', () => {
  test('says for every query and mutation of the API what it needs', () => {
    expect(Object.keys(NEEDS).sort()).toEqual(fieldsOf(schema).sort());
  });

  test('gives every role what the ones below it have, and the OWNER everything', () => {
    expect([...ROLE_PERMISSIONS.OWNER]).toEqual([...PERMISSIONS]);
    for (const [index, role] of ROLES.slice(0, -1).entries()) {
      const below = ROLE_PERMISSIONS[ROLES[index + 1] as Role];
      expect(ROLE_PERMISSIONS[role]).toEqual(expect.arrayContaining([...below]));
    }
  });

  const rows = Object.entries(NEEDS).flatMap(([field, { needs, document }]) =>
    ROLES.map((role) => {
      const may = needs === null || (needs !== 'root' && ROLE_PERMISSIONS[role].includes(needs));
      return { field, role, document, may, verb: may ? 'may' : 'may not' };
    }),
  );
  test.each(rows)('a key of the role $role $verb ask for $field', async ({ role, document, may }) => {
    const answer = await ask(document, keys.get(role));
    expect(isForbidden(answer), JSON.stringify(answer.body)).toBe(!may);
    // No model of the server’s own sees, hears or speaks: whoever may ask is told so.
    const errors = answer.body.errors?.filter(({ extensions }) => extensions.code !== 'NO_PROVIDER') ?? [];
    if (may) expect(errors, JSON.stringify(answer.body)).toEqual([]);
  });

  test.each(Object.entries(NEEDS).map(([field, { document }]) => ({ field, document })))(
    'nobody asks for $field without a key',
    async ({ document }) => {
      const { body } = await ask(document, undefined);
      expect(body.errors?.[0]?.extensions.code).toBe('UNAUTHENTICATED');
    },
  );
});

describe('another workspace', () => {
  let stranger: string;
  beforeAll(async () => {
    stranger = (await server.createWorkspace()).ownerKey;
  });

  test('finds none of our things by their ids', async () => {
    for (const [kind, id] of Object.entries(ids)) {
      const own = await server.query('query ($id: ID!) { node(id: $id) { id } }', { id }, { key: workspace.ownerKey });
      expect([kind, own.body]).toEqual([kind, { data: { node: { id } } }]);
      const { body } = await server.query('query ($id: ID!) { node(id: $id) { id } }', { id }, { key: stranger });
      expect([kind, body.errors?.[0]?.extensions.code]).toEqual([kind, 'NOT_FOUND']);
    }
    const { body } = await server.query(
      'query ($ids: [ID!]!) { nodes(ids: $ids) { id } }',
      { ids: Object.values(ids) },
      { key: stranger },
    );
    expect(body).toEqual({ data: { nodes: Object.values(ids).map(() => null) } });
  });

  const FOREIGN = [
    'upsertDocuments',
    'sendMessage',
    'importDocuments',
    'correctClassification',
    'revokeApiKey',
    'updateIntegration',
    'updateWorkspace',
    'deleteWorkspace',
  ];
  test.each(FOREIGN)('is told NOT_FOUND by %s for an id of ours', async (field) => {
    const { body } = await ask(NEEDS[field]?.document ?? '', stranger);
    expect(body.data?.[field]).toMatchObject({ __typename: 'NotFoundError' });
  });

  test('deletes none of our documents', async () => {
    const { body } = await server.query<{ deleteDocuments: { count: number } }>(
      'mutation ($id: ID!) { deleteDocuments(input: { ids: [$id] }) { ... on Deleted { count } } }',
      { id: ids.document },
      { key: stranger },
    );
    expect(body.data?.deleteDocuments.count).toBe(0);
    const own = await server.query(
      'query ($id: ID!) { node(id: $id) { id } }',
      { id: ids.document },
      { key: workspace.ownerKey },
    );
    expect(own.body).toEqual({ data: { node: { id: ids.document } } });
  });

  test('finds nothing of ours by a filter that names our collection', async () => {
    const { body } = await server.query(
      'query ($id: ID!) { documents(filter: { collectionIds: [$id] }) { totalCount } search(query: "export", filter: { collectionIds: [$id] }) { nodes { rank } } }',
      { id: ids.collection },
      { key: stranger },
    );
    expect(body.data).toEqual({ documents: { totalCount: 0 }, search: { nodes: [] } });
  });
});

test('every mutation can say that it is forbidden', () => {
  for (const [name, field] of Object.entries(schema.getMutationType()?.getFields() ?? {})) {
    const union = schema.getType(`${name[0]?.toUpperCase()}${name.slice(1)}Result`);
    expect(isUnionType(union) && union.getTypes().map((type) => type.name), String(field.type)).toContain(
      'ForbiddenError',
    );
  }
});
