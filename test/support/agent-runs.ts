/**
 * Tries a type of agent with its real tools on a real database; steps are kept in memory.
 *
 *   const bench = await openAgentBench();                        // or { reply: (request, place) => ({ json: … }) }: a model writes
 *   afterAll(() => bench.close());
 *   const notes = await bench.collection('notes', 'FEEDBACK');   // its id
 *   const [id] = await bench.documents(notes, [{ title, text, source, metadata, externalId, createdAt }]);  // with vectors
 *   const run = await bench.run(scout, { configuration: { collections: ['notes'] }, input: {}, requestedAt: new Date() });
 *   run.output, run.insights, run.signals, run.steps, run.itemsProcessed, run.spent
 *   await bench.run(scout, { steps: run.steps.slice(0, 2) })     // what an attempt does that goes on after two steps
 *
 * `bench.vendor.requests` is what the model was asked, in OpenAI's wire format. `bench.query` asks the API as the owner.
 */

import type { AgentTypeDefinition } from '../../src/domain/agents/agent-type.ts';
import { plainJson } from '../../src/domain/agents/plain-json.ts';
import { attemptRun } from '../../src/domain/agents/run-attempt.ts';
import { NOTHING_SPENT, type RunSpending } from '../../src/domain/agents/run-budget.ts';
import type { ToolParts } from '../../src/domain/agents/tools/tool-run.ts';
import type { DocumentKind } from '../../src/domain/documents/document.ts';
import { jobCalls } from '../../src/domain/gateway/job-call.ts';
import type { Insight } from '../../src/domain/insights/insight.ts';
import { documentsOfInsights, insightsOfRuns } from '../../src/domain/insights/insight-store.ts';
import type { Signal } from '../../src/domain/insights/signal.ts';
import { evidenceOfSignals, signalsOfRuns } from '../../src/domain/insights/signal-store.ts';
import { newId } from '../../src/shared/ids.ts';
import type { JsonObject, JsonValue } from '../../src/shared/json.ts';
import { startTestServer, type TestServer } from '../api/server-harness.ts';
import {
  type ChatReply,
  type ChatRequest,
  type ChatVendor,
  startChatVendor,
  vendorIntegration,
} from './chat-vendor.ts';

export interface BenchOptions {
  /** A model writes for the workspace's agents, and this is what it says. Left out: none writes. */
  reply?: (request: ChatRequest, place: number) => ChatReply | Promise<ChatReply>;
}

/** A document to be found, as `upsertDocuments` takes it. */
export interface BenchDocument {
  externalId?: string;
  kind?: DocumentKind;
  title?: string;
  text?: string;
  source?: JsonObject;
  metadata?: JsonObject;
  createdAt?: string;
}

export interface BenchStep {
  name: string;
  output: JsonValue;
}

export interface BenchRunOptions {
  configuration?: JsonObject;
  input?: JsonObject;
  requestedAt?: Date;
  /** Finished by an earlier attempt: they are not taken again. */
  steps?: readonly BenchStep[];
  signal?: AbortSignal;
  /** Of a run before: the same agent finds again. Left out: an agent of its own. */
  agentId?: string;
}

export interface BenchRun<Output = JsonObject> {
  output: Output;
  /** Found or found again by this run, newest first. */
  insights: (Insight & { documentIds: string[] })[];
  signals: (Signal & { evidenceIds: string[] })[];
  /** All steps, those of an earlier attempt among them. */
  steps: BenchStep[];
  itemsProcessed: number;
  agentId: string;
  runId: string;
  /** What its model calls took, as the ledger has it. */
  spent: RunSpending;
}

export interface AgentBench {
  workspaceId: string;
  server: TestServer;
  vendor: ChatVendor;
  parts: ToolParts;
  /** Makes a collection. @returns its id */
  collection(slug: string, kind?: DocumentKind): Promise<string>;
  /** Writes documents and waits for their vectors. @returns their ids */
  documents(collectionId: string, documents: readonly BenchDocument[]): Promise<string[]>;
  /** Asks the API as the workspace's owner. @throws where the answer has errors */
  query<Data = JsonObject>(document: string, variables?: Record<string, unknown>): Promise<Data>;
  /** @throws what the run throws */
  run<Output = JsonObject>(definition: AgentTypeDefinition, options?: BenchRunOptions): Promise<BenchRun<Output>>;
  close(): Promise<void>;
}

const DOCUMENTS_AT_ONCE = 100;
const FOUND_MAX = 1_000;

const UPSERT = /* GraphQL */ `
  mutation Upsert($input: UpsertDocumentsInput!) {
    upsertDocuments(input: $input) { ... on UpsertedDocuments { documents { id } } ... on Error { message } }
  }
`;
const CREATE_COLLECTION = /* GraphQL */ `
  mutation Create($input: CreateCollectionInput!) {
    createCollection(input: $input) { ... on Collection { id } ... on Error { message } }
  }
`;
const CREATE_INTEGRATION = /* GraphQL */ `
  mutation Integrate($input: CreateIntegrationInput!) {
    createIntegration(input: $input) { ... on Integration { id } ... on Error { message } }
  }
`;

/** A workspace on a server of its own. With a model, its answers cost 1 US dollar a million tokens read and 2 written. */
export async function openAgentBench({ reply }: BenchOptions = {}): Promise<AgentBench> {
  const vendor = await startChatVendor(reply ?? (() => ({ status: 500 })));
  const server = await startTestServer({ environment: { SIGNALBOX_ALLOW_PRIVATE_URLS: '1' } });
  const { id: workspaceId, ownerKey } = await server.createWorkspace();
  const query: AgentBench['query'] = async (document, variables) => {
    const { body } = await server.query(document, variables, { key: ownerKey, timeoutMs: 60_000 });
    if (body.errors !== undefined || body.data == null) throw new Error(JSON.stringify(body.errors));
    return body.data as never;
  };
  if (reply !== undefined) await integrate(query, vendor);
  const { services, database } = server.app;
  const { search, answers, classifications, models: catalog, gateway } = services;
  const parts: ToolParts = { database, search, answers, classifications, catalog, gateway };
  const bench = { workspaceId, server, vendor, parts, query };
  return {
    ...bench,
    collection: async (slug, kind = 'TEXT') => {
      const input = { name: slug, slug, kind };
      const made = await query<{ createCollection: { id: string } }>(CREATE_COLLECTION, { input });
      return made.createCollection.id;
    },
    documents: (collectionId, documents) => upsert(query, collectionId, documents),
    run: (definition, options) => runOn(bench, definition, options),
    close: async () => {
      await server.close();
      await vendor.close();
    },
  };
}

async function integrate(query: AgentBench['query'], vendor: ChatVendor): Promise<void> {
  const input = vendorIntegration(vendor);
  const made = await query<{ createIntegration: { id?: string; message?: string } }>(CREATE_INTEGRATION, { input });
  if (made.createIntegration.id === undefined) throw new Error(made.createIntegration.message);
}

async function upsert(
  query: AgentBench['query'],
  collectionId: string,
  documents: readonly BenchDocument[],
): Promise<string[]> {
  const ids: string[] = [];
  for (let start = 0; start < documents.length; start += DOCUMENTS_AT_ONCE) {
    const input = { collectionId, documents: documents.slice(start, start + DOCUMENTS_AT_ONCE), wait: true };
    type Upserted = { upsertDocuments: { documents?: { id: string }[]; message?: string } };
    const { upsertDocuments } = await query<Upserted>(UPSERT, { input });
    if (upsertDocuments.documents === undefined) throw new Error(upsertDocuments.message);
    ids.push(...upsertDocuments.documents.map(({ id }) => id));
  }
  return ids;
}

type Bench = Pick<AgentBench, 'workspaceId' | 'server' | 'parts'>;

async function runOn<Output>(
  bench: Bench,
  definition: AgentTypeDefinition,
  options: BenchRunOptions = {},
): Promise<BenchRun<Output>> {
  const { configuration = {}, input = {}, requestedAt = new Date(), steps: before = [] } = options;
  const { workspaceId, parts, server } = bench;
  const agentId = options.agentId ?? newId('Agent');
  const runId = newId('AgentRun');
  await insertRun(bench, definition, { agentId, runId });
  const known = new Map(before.map(({ name, output }) => [name, output]));
  const steps: BenchStep[] = [];
  let itemsProcessed = 0;
  let open: string | null = null;
  const output = await attemptRun(parts, {
    ...{ definition, configuration, input, requestedAt },
    finder: { agentId, agentName: `the ${definition.type} of the bench`, runId },
    call: await callsOf(bench),
    spent: NOTHING_SPENT,
    signal: options.signal ?? new AbortController().signal,
    step: async (name, work) => {
      if (open !== null) throw new Error(`the step "${name}" begins within the step "${open}"`);
      if (steps.some((step) => step.name === name)) throw new Error(`there are two steps "${name}"`);
      open = name;
      const result = known.has(name) ? known.get(name) : await work();
      open = null;
      const kept = plainJson(`the step "${name}"`, result as JsonValue);
      steps.push({ name, output: kept });
      return kept as never;
    },
    progress: (items) => {
      itemsProcessed = items;
    },
  });
  await server.app.recorder.flush();
  const found = await foundBy(bench, runId);
  return { output: output as Output, ...found, steps, itemsProcessed, agentId, runId };

  async function foundBy({ parts: { database } }: Bench, id: string) {
    return database.withWorkspace(workspaceId, async (scope) => {
      const insights = await insightsOfRuns(scope, [id], FOUND_MAX);
      const signals = await signalsOfRuns(scope, [id], FOUND_MAX);
      const shown = await documentsOfInsights(
        scope,
        insights.map((each) => each.id),
      );
      const evidence = await evidenceOfSignals(
        scope,
        signals.map((each) => each.id),
      );
      const [spent = NOTHING_SPENT] = await scope.sql<RunSpending[]>`
        select count(*) filter (where outcome <> 'CACHED' and operation <> 'vector_query')::int as api_calls,
          coalesce(sum(input_tokens + output_tokens), 0)::int as tokens_used,
          trim_scale(coalesce(sum(cost_usd), 0))::text as cost_usd
        from usage_attempts where about_id = ${id}`;
      return {
        insights: insights.map((each) => ({
          ...each,
          documentIds: shown.filter(({ insightId }) => insightId === each.id).map(({ documentId }) => documentId),
        })),
        signals: signals.map((each) => ({
          ...each,
          evidenceIds: evidence.filter(({ signalId }) => signalId === each.id).map(({ documentId }) => documentId),
        })),
        spent,
      };
    });
  }
}

async function callsOf({ workspaceId, parts }: Bench) {
  const owner = { workspaceId, jobId: newId('Job'), apiKeyId: null, userId: null };
  const calls = await jobCalls(parts.database, owner, new AbortController().signal);
  if (calls === null) throw new Error('the workspace of the bench is gone');
  return calls;
}

/** What is found refers to its run. */
async function insertRun(
  { workspaceId, parts: { database } }: Bench,
  { type }: AgentTypeDefinition,
  { agentId, runId }: { agentId: string; runId: string },
): Promise<void> {
  await database.withWorkspace(workspaceId, async ({ sql }) => {
    await sql`
      insert into agents (workspace_id, id, type, name, is_active)
      values (${workspaceId}, ${agentId}, ${type}, 'of the bench', false) on conflict do nothing`;
    await sql`
      insert into agent_runs (workspace_id, id, agent_id, job_id, type, cause, status, input, configuration)
      values (${workspaceId}, ${runId}, ${agentId}, ${newId('Job')}, ${type}, 'MANUAL', 'QUEUED', '{}', '{}')`;
  });
}
