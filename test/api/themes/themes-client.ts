import type { WorkspaceClient } from '../workspace-client.ts';

export interface ThemeAnswer {
  id: string;
  name: string;
  documentCount: number;
  keywords: string[];
  trend: number | null;
  documents: { totalCount: number; nodes: { id: string; text: string }[] };
}

const THEMES = /* GraphQL */ `
  query Themes($collectionId: ID) {
    themes(collectionId: $collectionId) {
      nodes { id name documentCount keywords trend documents(first: 50) { totalCount nodes { id text } } }
    }
  }
`;

const DOCUMENT_THEMES = /* GraphQL */ `
  query DocumentThemes($ids: [ID!]!) { nodes(ids: $ids) { ... on Document { text themes { id name } } } }
`;

/** The themes of a collection, or of the workspace, as a client sees them. */
export async function themesOf(workspace: WorkspaceClient, collectionId?: string): Promise<ThemeAnswer[]> {
  const data = await workspace.read<{ themes: { nodes: ThemeAnswer[] } }>(THEMES, { collectionId });
  return data.themes.nodes;
}

/** The themes of documents by their text; null where there are none yet. */
export async function themesByText(
  workspace: WorkspaceClient,
  ids: readonly string[],
): Promise<Map<string, { id: string; name: string }[] | null>> {
  type Found = { text: string; themes: { id: string; name: string }[] | null };
  const { nodes } = await workspace.read<{ nodes: Found[] }>(DOCUMENT_THEMES, { ids });
  return new Map(nodes.map(({ text, themes }) => [text, themes]));
}

/** Writes texts and waits until they are embedded and sorted into themes. Returns the documents' ids. */
export async function storeThemed(
  workspace: WorkspaceClient,
  collectionId: string,
  texts: readonly string[],
  options: { tasks?: ('EMBED' | 'THEMES')[]; createdAt?: Date } = {},
): Promise<string[]> {
  const { tasks = ['EMBED', 'THEMES'], createdAt } = options;
  const documents = texts.map((text) => ({ text, createdAt: createdAt?.toISOString() }));
  const result = await workspace.upsert({ collectionId, documents, tasks, wait: true });
  if (result.__typename !== 'UpsertedDocuments') throw new Error(`refused: ${JSON.stringify(result)}`);
  if (result.job?.status !== 'COMPLETED') throw new Error(`not done: ${JSON.stringify(result.job)}`);
  return result.documents.map(({ id }) => id);
}
