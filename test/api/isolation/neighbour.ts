import { insertAlerts } from '../../../src/domain/alerts/alert-store.ts';
import { recordInsight } from '../../../src/domain/insights/insight-store.ts';
import { recordSignal } from '../../../src/domain/insights/signal-store.ts';
import { writeSummary } from '../../../src/domain/usage/daily-summary-store.ts';
import { anInsight, aSignal } from '../../domain/insights/finding-rows.ts';
import { waitFor } from '../../support/wait-for.ts';
import { ConversationClient } from '../conversations/conversation-client.ts';
import { ImportClient } from '../imports/import-client.ts';
import type { TestServer } from '../server-harness.ts';
import { DARK_MODE, PDF_EXPORT } from '../themes/planted-feedback.ts';
import { storeThemed } from '../themes/themes-client.ts';
import { type WorkspaceClient, workspaceClient } from '../workspace-client.ts';

/** What two workspaces do alike, and how the texts of one differ from those of the other. */
export interface Content {
  /** Stands at the end of every text. */
  suffix: string;
  /** The label that its people give to the first document. */
  correction: string;
  /** The first label of its own taxonomy. */
  label: string;
}

/** Ids of everything in a workspace, by the name of their type. */
export type WorkspaceIds = Record<string, string[]>;

/** Fills a workspace with something of everything: documents, labels, corrections, keys, jobs and usage. */
export async function fillWorkspace(server: TestServer, client: WorkspaceClient, content: Content): Promise<void> {
  const { secret } = await server.createKey(client.ownerKey, 'MEMBER');
  const boardId = await createBoard(client);
  const documents = [
    'The invoice shows the wrong currency.',
    'The app crashes with an error on start.',
    'Thank you, the calendar is wonderful!',
    'How do I change my password?',
  ].map((text, i) => ({
    externalId: `shared-${i}`,
    text: `${text} ${content.suffix}`,
    metadata: { plan: 'pro', number: i },
    createdAt: `2025-01-0${i + 1}T00:00:00Z`,
  }));
  const call = { collectionId: boardId, documents, tasks: ['EMBED', 'CLASSIFY', 'SENTIMENT', 'INTENT'] as const };
  const written = await client.upsert({ ...call, tasks: [...call.tasks], wait: true, idempotencyKey: 'shared' });
  const member = workspaceClient(server, { ...client, ownerKey: secret });
  await member.store(boardId, [{ externalId: 'member', text: `Written by a member. ${content.suffix}` }]);
  const csv = `text\nFrom a file. ${content.suffix}\nToo much. ${content.suffix},\nor, too many\n`;
  await new ImportClient(server, client).import(csv, { collectionId: boardId, mapping: { text: 'text' } });
  const themed = [...PDF_EXPORT, ...DARK_MODE];
  await storeThemed(
    client,
    boardId,
    themed.map((text) => `${text}. ${content.suffix}`),
  );
  await upsertTaxonomy(client, content.label);
  await correct(client, written.documents[0]?.id ?? '', content.correction);
  await client.read('{ embed(texts: ["a shared text", "another one"]) { cached } }');
  await converse(server, client, content);
  await findThings(server, client, boardId, content);
  await configure(client, content.label);
  const limitUsd = String(content.suffix.length);
  await warn(server, client, limitUsd);
  await client.read(
    `mutation { setBudget(input: { window: MONTH, limitUsd: "${limitUsd}" }) { ... on Budget { limitUsd } } }`,
  );
}

/** An alert, and a day that is summed up, in the figures of this workspace. */
async function warn({ app }: TestServer, { id }: WorkspaceClient, limitAmount: string): Promise<void> {
  const totals = {
    ...{ requests: limitAmount.length, failed: 0, cacheHits: 0, embeddings: 0, llmCalls: 0, vectorQueries: 0 },
    ...{ inputTokens: 0, outputTokens: 0, totalTokens: 0, costUsd: limitAmount, unpriced: 0 },
    ...{ averageCostUsd: '0', averageLatencyMs: null },
  };
  await app.database.withWorkspace(id, async (scope) => {
    const alert = { source: 'BUDGET', subject: '', window: 'MONTH', startsOn: '2026-02-01', level: 'WARNING' } as const;
    const figures = { workspaceId: id, limitAmount, usedAmount: limitAmount, percent: 100 };
    await insertAlerts(scope, [{ ...alert, ...figures }]);
    await writeSummary(scope, { date: '2026-02-03', totals, byProvider: [{ key: { provider: 'local' }, totals }] });
  });
}

/** A question, and what the documents say to it. */
async function converse(server: TestServer, client: WorkspaceClient, { suffix, label }: Content): Promise<void> {
  const conversations = new ConversationClient(server, client.ownerKey);
  const id = await conversations.create({ title: `About ${label}`, metadata: { label } });
  const sent = await conversations.send(id, `What is wrong with the invoice? ${suffix}`, {
    model: null,
    retrieval: true,
  });
  await waitFor('the answer', async () => (await conversations.generation(sent.id)).status === 'COMPLETED');
}

/** An agent that has run, and what it found. */
async function findThings(
  { app }: TestServer,
  client: WorkspaceClient,
  collectionId: string,
  { suffix, label }: Content,
): Promise<void> {
  const company = { kind: 'COMPANY' as const, title: `Company of ${label}`, text: `It sells ${label}. ${suffix}` };
  const [stored] = await client.store(collectionId, [company]);
  const documentId = stored?.id ?? '';
  const { createAgent } = await client.read<{ createAgent: { id: string } }>(
    'mutation ($name: String!) { createAgent(input: { type: DASHBOARD_INSIGHTS, name: $name, schedule: "0 0 1 1 *" }) { ... on Agent { id } } }',
    { name: `Watcher of ${label}` },
  );
  const { runAgent } = await client.read<{ runAgent: { id: string } }>(
    'mutation ($id: ID!) { runAgent(input: { agentId: $id }) { ... on AgentRun { id } } }',
    createAgent,
  );
  const isOver = async () => {
    const { node } = await client.read<{ node: { finishedAt: string | null } }>(
      'query ($id: ID!) { node(id: $id) { ... on AgentRun { finishedAt } } }',
      runAgent,
    );
    return node.finishedAt !== null;
  };
  await waitFor('the end of the run', isOver);
  const finder = { agentId: createAgent.id, agentName: `Watcher of ${label}`, runId: runAgent.id };
  await app.database.withWorkspace(client.id, async (scope) => {
    await recordInsight(scope, finder, anInsight({ title: `Something about ${label}`, documentIds: [documentId] }));
    await recordSignal(scope, finder, aSignal({ companyId: documentId, evidenceIds: [documentId], data: { label } }));
  });
}

async function createBoard(client: WorkspaceClient): Promise<string> {
  const { createCollection } = await client.read<{ createCollection: { id: string } }>(
    'mutation { createCollection(input: { name: "Board", kind: FEEDBACK }) { ... on Collection { id } } }',
  );
  return createCollection.id;
}

/** A provider that writes, which nobody asks, and settings that name it. */
async function configure(client: WorkspaceClient, note: string): Promise<void> {
  const config = { baseUrl: 'http://127.0.0.1:9', models: [{ name: note }] };
  const integration = { name: 'writer', pluginId: 'vendor', config, credentials: { apiKey: `key for ${note}` } };
  const settings = { preferences: { note }, models: { chat: { primary: 'writer/parrot' } } };
  await client.read(
    `mutation ($integration: CreateIntegrationInput!, $settings: UpdateSettingsInput!) {
      createIntegration(input: $integration) { ... on Integration { id } }
      updateSettings(input: $settings) { ... on Settings { preferences } }
    }`,
    { integration, settings },
  );
}

async function upsertTaxonomy(client: WorkspaceClient, label: string): Promise<void> {
  const labels = [{ name: label, examples: ['The invoice shows the wrong currency.'] }, { name: 'other things' }];
  const input = { name: 'desk', dimensions: [{ name: 'subject', labels }] };
  await client.read(
    'mutation ($input: UpsertTaxonomyInput!) { upsertTaxonomy(input: $input) { ... on Taxonomy { id } } }',
    { input },
  );
}

async function correct(client: WorkspaceClient, documentId: string, label: string): Promise<void> {
  const { correctClassification } = await client.read<{ correctClassification: { __typename: string } }>(
    'mutation ($input: CorrectClassificationInput!) { correctClassification(input: $input) { __typename } }',
    { input: { documentId, labels: [{ dimension: 'type', label }] } },
  );
  if (correctClassification.__typename !== 'Classification') throw new Error('the correction was refused');
}

interface Listed {
  nodes: { id: string }[];
}

export async function readIds(client: WorkspaceClient): Promise<WorkspaceIds> {
  const data = await client.read<{
    viewer: { workspace: { id: string; apiKeys: Listed } };
    collections: Listed;
    documents: { nodes: { id: string; classification: { id: string }; intent: { id: string } }[] };
    taxonomies: { id: string; builtIn: boolean }[];
    jobs: { nodes: { id: string; import: { id: string } | null }[] };
    integrations: { id: string }[];
    alerts: Listed;
    themes: Listed;
    agents: { nodes: { id: string; runs: Listed }[] };
    insights: Listed;
    signals: Listed;
    conversations: {
      nodes: { id: string; messages: { nodes: { id: string; generation: { id: string } | null }[] } }[];
    };
  }>(`{
    viewer { workspace { id apiKeys { nodes { id } } } }
    collections { nodes { id } }
    documents(first: 100) { nodes { id classification { id } intent { id } } }
    taxonomies { id builtIn }
    jobs { nodes { id import { id } } }
    integrations { id }
    alerts { nodes { id } }
    themes { nodes { id } }
    agents { nodes { id runs { nodes { id } } } }
    insights { nodes { id } }
    signals { nodes { id } }
    conversations { nodes { id messages { nodes { id generation { id } } } } }
  }`);
  const messages = data.conversations.nodes.flatMap((conversation) => conversation.messages.nodes);
  const ids = ({ nodes }: Listed) => nodes.map(({ id }) => id);
  return {
    Workspace: [data.viewer.workspace.id],
    ApiKey: ids(data.viewer.workspace.apiKeys),
    Collection: ids(data.collections),
    Document: ids(data.documents),
    Taxonomy: data.taxonomies.filter(({ builtIn }) => !builtIn).map(({ id }) => id),
    Classification: data.documents.nodes.flatMap(({ classification, intent }) => [classification.id, intent.id]),
    Job: ids(data.jobs),
    Import: data.jobs.nodes.flatMap((job) => job.import?.id ?? []),
    Integration: data.integrations.map(({ id }) => id),
    Alert: ids(data.alerts),
    Theme: ids(data.themes),
    Agent: ids(data.agents),
    AgentRun: data.agents.nodes.flatMap(({ runs }) => ids(runs)),
    Insight: ids(data.insights),
    Signal: ids(data.signals),
    Conversation: ids(data.conversations),
    Message: messages.map(({ id }) => id),
    Generation: messages.flatMap(({ generation }) => generation?.id ?? []),
  };
}
