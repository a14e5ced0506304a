import type { Document } from '../../domain/documents/document.ts';
import type { GraphContext } from '../context.ts';

/** Documents by id, in that order, but for those that are gone. */
export async function foundDocuments({ loaders }: GraphContext, ids: readonly string[]): Promise<Document[]> {
  const documents = await Promise.all(ids.map((id) => loaders.document.load(id)));
  return documents.filter((document) => document !== null);
}
