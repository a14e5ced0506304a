import type { Answer, TestServer, TestWorkspace } from './server-harness.ts';

export type DocumentKind = 'TEXT' | 'FEEDBACK' | 'COMPANY' | 'JIRA_ISSUE' | 'PULL_REQUEST' | 'COMMIT' | 'MESSAGE';

export interface DocumentInput {
  externalId?: string;
  kind?: DocumentKind;
  title?: string;
  text?: string;
  source?: object;
  metadata?: object;
  createdAt?: string;
}

export interface UpsertInput {
  collectionId: string;
  documents: DocumentInput[];
  tasks?: ('EMBED' | 'CLASSIFY' | 'SENTIMENT' | 'INTENT' | 'THEMES')[];
  wait?: boolean;
  idempotencyKey?: string;
}

/** An `UpsertedDocuments`, or a typed error: what is not of the one is absent. */
export interface UpsertResult {
  __typename: string;
  documents: { id: string; externalId: string | null; createdAt: string; embedding: { status: string } }[];
  created: number;
  updated: number;
  unchanged: number;
  job: { id: string; kind: string; status: string; error: string | null } | null;
  code: string;
  message: string;
  issues: { path: string[]; message: string }[];
  meter: string;
  limit: number;
  used: number;
  resetsAt: string;
}

const UPSERT = /* GraphQL */ `
  mutation Upsert($input: UpsertDocumentsInput!) {
    upsertDocuments(input: $input) {
      __typename
      ... on UpsertedDocuments {
        created
        updated
        unchanged
        documents { id externalId createdAt embedding { status } }
        job { id kind status error }
      }
      ... on Error { code message }
      ... on InvalidInputError { issues { path message } }
      ... on LimitReachedError { meter limit used resetsAt }
    }
  }
`;

const CREATE_COLLECTION = /* GraphQL */ `
  mutation CreateCollection($input: CreateCollectionInput!) {
    createCollection(input: $input) {
      ... on Collection { id }
      ... on Error { code message }
    }
  }
`;

/** A workspace as its owner's program sees it. */
export interface WorkspaceClient extends TestWorkspace {
  /** The body of an answer, with errors if there are any. */
  ask<Data = Record<string, never>>(
    document: string,
    variables?: Record<string, unknown>,
  ): Promise<Answer<Data>['body']>;
  /** The data of an answer. @throws where it has errors */
  read<Data>(document: string, variables?: Record<string, unknown>): Promise<Data>;
  /** The code of an answer's first error; null where it has none. */
  errorCode(document: string, variables?: Record<string, unknown>): Promise<string | null>;
  /** Makes a collection of a new name. Returns its id. */
  createCollection(kind?: DocumentKind): Promise<string>;
  upsert(input: UpsertInput): Promise<UpsertResult>;
  /** Writes documents and waits until they have their vectors. @throws where that is refused */
  store(collectionId: string, documents: DocumentInput[]): Promise<UpsertResult['documents']>;
}

export async function openWorkspace(
  server: TestServer,
  input: { tier?: 'FREE' | 'PRO' | 'ENTERPRISE' } = {},
): Promise<WorkspaceClient> {
  return workspaceClient(server, await server.createWorkspace(input));
}

/** A client of a workspace that is there, for another key of it too. */
export function workspaceClient(server: Pick<TestServer, 'query'>, workspace: TestWorkspace): WorkspaceClient {
  const ask: WorkspaceClient['ask'] = async <Data>(document: string, variables: Record<string, unknown> = {}) =>
    (await server.query<Data>(document, variables, { key: workspace.ownerKey, timeoutMs: 60_000 })).body;
  const read: WorkspaceClient['read'] = async <Data>(document: string, variables?: Record<string, unknown>) => {
    const { data, errors } = await ask<Data>(document, variables);
    if (errors !== undefined || data == null) throw new Error(`refused: ${JSON.stringify(errors)}`);
    return data;
  };
  const upsert: WorkspaceClient['upsert'] = async (given) =>
    (await read<{ upsertDocuments: UpsertResult }>(UPSERT, { input: given })).upsertDocuments;
  return {
    ...workspace,
    ask,
    read,
    errorCode: async (document, variables) => (await ask(document, variables)).errors?.[0]?.extensions.code ?? null,
    createCollection: async (kind = 'TEXT') => {
      const variables = { input: { name: `Collection ${crypto.randomUUID()}`, kind } };
      const made = await read<{ createCollection: { id: string } }>(CREATE_COLLECTION, variables);
      return made.createCollection.id;
    },
    upsert,
    store: async (collectionId, documents) => {
      const result = await upsert({ collectionId, documents, wait: true });
      if (result.__typename !== 'UpsertedDocuments') throw new Error(`refused: ${JSON.stringify(result)}`);
      return result.documents;
    },
  };
}
