import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Database, openDatabase } from '../../../src/db/client.ts';
import { writeChunkVectors } from '../../../src/db/vector.ts';
import type { DocumentKind, EmbeddingStatus } from '../../../src/domain/documents/document.ts';
import type { SearchModel } from '../../../src/domain/search/search.ts';
import type { JsonObject } from '../../../src/shared/json.ts';

/** A space of four dimensions: the tests say themselves what is near to what. */
export const FLAT_MODEL: SearchModel = { id: 'test/flat-4', dimensions: 4, hybridVectorWeight: 0.3 };

export async function openEmptyDatabase(): Promise<{ database: Database; close: () => Promise<void> }> {
  const dataDir = mkdtempSync(join(tmpdir(), 'signalbox-search-'));
  const database = await openDatabase({ databaseUrl: undefined, poolSize: 1, dataDir, inMemory: true });
  return {
    database,
    async close() {
      await database.close();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}

export interface GivenDocument {
  id: string;
  text: string;
  title?: string;
  kind?: DocumentKind;
  collectionId?: string;
  metadata?: JsonObject;
  /** Directions of the chunks; they are brought to norm 1. None: the document waits for its vectors. */
  vectors?: number[][];
  status?: EmbeddingStatus;
  model?: string;
}

/** A vector of norm 1 in this direction. */
export function direction(...values: number[]): Float32Array {
  const norm = Math.hypot(...values);
  return Float32Array.from(values, (value) => value / norm);
}

export async function givenWorkspace(database: Database, workspaceId: string): Promise<void> {
  await database.withSystem(
    ({ sql }) => sql`
      insert into workspaces (id, name, slug, tier) values (${workspaceId}, ${workspaceId}, ${workspaceId}, 'FREE')`,
  );
  await database.withWorkspace(
    workspaceId,
    ({ sql }) => sql`
      insert into collections (workspace_id, id, name, slug, kind)
      select ${workspaceId}, name, name, name, 'TEXT' from unnest(array['inbox', 'board']) name`,
  );
}

export async function givenDocuments(
  database: Database,
  workspaceId: string,
  documents: readonly GivenDocument[],
): Promise<void> {
  await database.withWorkspace(workspaceId, async (scope) => {
    for (const given of documents) {
      const model = given.model ?? FLAT_MODEL.id;
      const vectors = given.vectors ?? [];
      const status = given.status ?? (vectors.length > 0 ? 'READY' : 'MISSING');
      await scope.sql`
        insert into documents (workspace_id, id, collection_id, kind, title, text, source, metadata, content_hash, lexemes,
          embedding_status, embedding_model, chunk_count, created_at)
        values (${workspaceId}, ${given.id}, ${given.collectionId ?? 'inbox'}, ${given.kind ?? 'TEXT'}, ${given.title ?? null},
          ${given.text}, '{}', ${scope.sql.json(given.metadata ?? {})}, '',
          setweight(to_tsvector('english', ${given.title ?? ''}), 'A') || setweight(to_tsvector('english', ${given.text}), 'D'),
          ${status}, ${status === 'READY' ? model : null}, ${vectors.length}, now())`;
      const rows = vectors.map((values, ordinal) => ({
        documentId: given.id,
        ordinal,
        startOffset: ordinal * 10,
        endOffset: ordinal * 10 + 10,
        embedding: direction(...values),
      }));
      await writeChunkVectors(scope, model, rows);
    }
  });
}
