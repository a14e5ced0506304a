import type { App } from '../../../src/app.ts';
import type { EmbedRequest, Provider } from '../../../src/plugins/contract.ts';
import { waitFor } from '../../support/wait-for.ts';
import type { WorkspaceClient } from '../workspace-client.ts';

/** What a test makes of the built-in provider's embedding. */
export interface ScriptedEmbedding {
  /** Every text that was embedded, as often as it was paid for. */
  readonly texts: string[];
  /** Calls that came, whatever became of them. */
  calls: number;
  /** Asked before each call: throws, waits, or lets it pass. */
  before: (request: EmbedRequest, signal: AbortSignal) => void | Promise<void>;
  wrap(provider: Provider): Provider;
}

/** The built-in models with vectors that cost no time: each text has its own. */
export function scriptedEmbedding(): ScriptedEmbedding {
  const scripted: ScriptedEmbedding = {
    texts: [],
    calls: 0,
    before: () => undefined,
    wrap: (provider) => ({
      embed: async (request, { signal }) => {
        scripted.calls += 1;
        await scripted.before(request, signal);
        scripted.texts.push(...request.texts);
        const dimensions = (await provider.listModels({ signal, requestId: '' })).find(
          ({ name }) => name === request.model,
        )?.dimensions;
        const vectors = request.texts.map((text) => vectorOf(text, dimensions ?? 768));
        return { vectors, tokenCounts: request.texts.map(() => 1), model: request.model };
      },
      listModels: (call) => provider.listModels(call),
      check: (call) => provider.check(call),
      close: () => provider.close(),
    }),
  };
  return scripted;
}

function vectorOf(text: string, dimensions: number): Float32Array {
  let state = 7;
  for (const character of text) state = (Math.imul(state, 31) + (character.codePointAt(0) ?? 0)) >>> 0;
  const raw = Float32Array.from({ length: dimensions }, (_, i) => Math.sin(state + i));
  const norm = Math.hypot(...raw);
  return raw.map((value) => value / norm);
}

export interface JobAnswer {
  __typename: string;
  id: string;
  kind: string;
  queue: string;
  status: string;
  attempt: number;
  error: string | null;
  progress: { done: number; failed: number; total: number | null };
  result: { done: number; failed: number; failures?: { documentId: string; task: string; message: string }[] } | null;
  code: string;
  message: string;
  issues: { path: string[] }[];
}

const JOB_FIELDS = 'id kind queue status attempt error progress { done failed total } result';

const PROCESS = /* GraphQL */ `
  mutation Process($input: ProcessDocumentsInput!) {
    processDocuments(input: $input) {
      __typename
      ... on Job { ${JOB_FIELDS} }
      ... on Error { code message }
      ... on InvalidInputError { issues { path } }
    }
  }
`;

const BACKFILL = /* GraphQL */ `
  mutation Backfill($input: BackfillEmbeddingsInput!) {
    backfillEmbeddings(input: $input) {
      __typename
      ... on Job { ${JOB_FIELDS} }
      ... on Error { code message }
      ... on InvalidInputError { issues { path } }
    }
  }
`;

export async function process(workspace: WorkspaceClient, input: object): Promise<JobAnswer> {
  return (await workspace.read<{ processDocuments: JobAnswer }>(PROCESS, { input })).processDocuments;
}

export async function backfill(workspace: WorkspaceClient, input: object = {}): Promise<JobAnswer> {
  return (await workspace.read<{ backfillEmbeddings: JobAnswer }>(BACKFILL, { input })).backfillEmbeddings;
}

/** Runs the dead letters of these kinds again. */
export async function redrive(workspace: WorkspaceClient, kinds: string[]): Promise<{ count: number }> {
  const mutation =
    'mutation ($input: RedriveDeadLettersInput!) { redriveDeadLetters(input: $input) { ... on Redriven { count } ... on Error { code message } } }';
  const input = { input: { kinds } };
  return (await workspace.read<{ redriveDeadLetters: { count: number } }>(mutation, input)).redriveDeadLetters;
}

export async function jobsOf(workspace: WorkspaceClient, kinds: string[]): Promise<JobAnswer[]> {
  const query = `query Jobs($kinds: [JobKind!]) { jobs(first: 100, kinds: $kinds) { nodes { ${JOB_FIELDS} } } }`;
  return (await workspace.read<{ jobs: { nodes: JobAnswer[] } }>(query, { kinds })).jobs.nodes;
}

/** The job once `wanted` holds of it. */
export async function untilJob(
  workspace: WorkspaceClient,
  id: string,
  wanted: (job: JobAnswer) => boolean,
  timeoutMs = 60_000,
): Promise<JobAnswer> {
  const query = `query Job($id: ID!) { node(id: $id) { ... on Job { ${JOB_FIELDS} } } }`;
  let seen: JobAnswer | undefined;
  const look = async () => {
    seen = (await workspace.read<{ node: JobAnswer }>(query, { id })).node;
    return wanted(seen) ? seen : null;
  };
  return waitFor(`the job ${id}`, look, timeoutMs).catch((error: unknown) => {
    throw new Error(`the job is still ${JSON.stringify(seen)}`, { cause: error });
  });
}

export const isCompleted = ({ status }: JobAnswer) => status === 'COMPLETED';

/** Writes many documents straight into their table, each with a text of its own. Returns their ids, in their order. */
export async function insertMany(
  app: App,
  workspaceId: string,
  collectionId: string,
  count: number,
  textOf = 'note',
): Promise<string[]> {
  const rows = await app.database.withWorkspace(
    workspaceId,
    ({ sql }) => sql<{ id: string }[]>`
      insert into documents (
        workspace_id, id, collection_id, kind, text, source, metadata, content_hash, lexemes, embedding_status, created_at)
      select ${workspaceId}, ${`doc_${textOf}_`} || lpad(n::text, 7, '0'), ${collectionId}, 'TEXT', ${textOf} || ' ' || n,
        '{}', '{}', sha256(convert_to(${textOf} || ' ' || n, 'UTF8')), ''::tsvector, 'MISSING', now()
      from generate_series(1, ${count}::int) n
      returning id`,
  );
  return rows.map(({ id }) => id).sort();
}

/** How many documents of a workspace are in each state. */
export async function statuses(app: App, workspaceId: string): Promise<Record<string, number>> {
  const rows = await app.database.withWorkspace(
    workspaceId,
    ({ sql }) => sql<{ status: string; count: number }[]>`
      select embedding_status as status, count(*)::int as count from documents group by 1 order by 1`,
  );
  return Object.fromEntries(rows.map(({ status, count }) => [status, count]));
}

/** Has what waits for its next attempt be due now: hours of a policy take no test's time. */
export async function hurry(app: App, workspaceId: string): Promise<void> {
  await app.database.withWorkspace(
    workspaceId,
    ({ sql }) => sql`update jobs set next_attempt_at = now() where status = 'RETRYING' and next_attempt_at > now()`,
  );
}
