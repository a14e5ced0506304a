import { waitFor } from '../../support/wait-for.ts';
import type { TestServer } from '../server-harness.ts';
import type { DocumentKind, WorkspaceClient } from '../workspace-client.ts';

/** An `Import`, or a typed error: what is not of the one is absent. */
export interface ImportAnswer {
  __typename: string;
  id: string;
  fileName: string;
  mapping: Record<string, unknown>;
  totalRecords: number;
  processedRecords: number;
  failedRecords: number;
  reportUrl: string;
  job: { id: string; status: string; result: Record<string, unknown> | null; error: string | null };
  errors: { nodes: { line: number; message: string; record: Record<string, unknown> }[] };
  code: string;
  message: string;
}

const FIELDS = /* GraphQL */ `
  id fileName mapping totalRecords processedRecords failedRecords reportUrl
  job { id status result error }
  errors(first: 100) { nodes { line message record } }
`;

const IMPORT = /* GraphQL */ `
  mutation Import($input: ImportDocumentsInput!) {
    importDocuments(input: $input) { __typename ... on Import { ${FIELDS} } ... on Error { code message } }
  }
`;

const LOOK = /* GraphQL */ `
  query Look($id: ID!) { node(id: $id) { __typename ... on Import { ${FIELDS} } } }
`;

const DOCUMENTS = /* GraphQL */ `
  query Documents($filter: DocumentFilter, $after: String) {
    documents(first: 100, filter: $filter, after: $after) {
      totalCount
      nodes { externalId kind title text metadata source createdAt }
      pageInfo { hasNextPage endCursor }
    }
  }
`;

export interface StoredDocument {
  externalId: string | null;
  kind: string;
  title: string | null;
  text: string;
  metadata: Record<string, unknown>;
  source: Record<string, unknown>;
  createdAt: string;
}

/** Sends files as a browser does, and waits for what becomes of them. */
export class ImportClient {
  readonly #server: TestServer;
  readonly workspace: WorkspaceClient;

  constructor(server: TestServer, workspace: WorkspaceClient) {
    this.#server = server;
    this.workspace = workspace;
  }

  collection(kind: DocumentKind = 'TEXT'): Promise<string> {
    return this.workspace.createCollection(kind);
  }

  async send(
    content: string | Uint8Array<ArrayBuffer>,
    input: Record<string, unknown> & { collectionId: string },
    { key = this.workspace.ownerKey, fileName = 'tickets.csv' } = {},
  ): Promise<ImportAnswer> {
    const form = new FormData();
    form.set(
      'operations',
      JSON.stringify({ query: IMPORT, variables: { input: { tasks: [], ...input, file: null } } }),
    );
    form.set('map', JSON.stringify({ file: ['variables.input.file'] }));
    form.set('file', new Blob([content]), fileName);
    const response = await fetch(`${this.#server.url}/graphql`, {
      method: 'POST',
      headers: { authorization: `Bearer ${key}`, 'x-graphql-yoga-csrf': '1', 'apollo-require-preflight': '1' },
      body: form,
      signal: AbortSignal.timeout(60_000),
    });
    const { data, errors } = (await response.json()) as { data?: { importDocuments: ImportAnswer }; errors?: object[] };
    if (data == null) throw new Error(`refused: ${JSON.stringify(errors)}`);
    return data.importDocuments;
  }

  async look(id: string): Promise<ImportAnswer> {
    return (await this.workspace.read<{ node: ImportAnswer }>(LOOK, { id })).node;
  }

  /** Sends a file and waits until its job is over. */
  async import(...args: Parameters<ImportClient['send']>): Promise<ImportAnswer> {
    const sent = await this.send(...args);
    if (sent.__typename !== 'Import') throw new Error(`refused: ${JSON.stringify(sent)}`);
    return this.finished(sent.id);
  }

  finished(id: string): Promise<ImportAnswer> {
    return waitFor(
      'the import to end',
      async () => {
        const found = await this.look(id);
        return ['COMPLETED', 'CANCELLED', 'DEAD', 'FAILED'].includes(found.job.status) && found;
      },
      60_000,
    );
  }

  /** Documents of a collection by their text. */
  async documents(collectionId: string, filter: Record<string, unknown> = {}): Promise<StoredDocument[]> {
    const stored: StoredDocument[] = [];
    for (let after: string | null = null; ; ) {
      const {
        documents,
      }: { documents: { nodes: StoredDocument[]; pageInfo: { hasNextPage: boolean; endCursor: string } } } =
        await this.workspace.read(DOCUMENTS, { filter: { ...filter, collectionIds: [collectionId] }, after });
      stored.push(...documents.nodes);
      if (!documents.pageInfo.hasNextPage) break;
      after = documents.pageInfo.endCursor;
    }
    return stored.sort((left, right) => (left.text < right.text ? -1 : 1));
  }
}
