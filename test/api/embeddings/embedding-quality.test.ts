import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { writeChunkVectors } from '../../../src/db/vector.ts';
import { HEALTHY_SCORE } from '../../../src/domain/embeddings/embedding-quality.ts';
import { backfill, insertMany, isCompleted, scriptedEmbedding, untilJob } from '../documents/processing-client.ts';
import { startTestServer, type TestServer } from '../server-harness.ts';
import { openWorkspace, type WorkspaceClient } from '../workspace-client.ts';

const embedding = scriptedEmbedding();

let server: TestServer;
let workspace: WorkspaceClient;
let collectionId: string;

beforeAll(async () => {
  server = await startTestServer({ wrapProvider: embedding.wrap });
});
beforeEach(async () => {
  workspace = await openWorkspace(server);
  collectionId = await workspace.createCollection();
});
afterAll(() => server?.close());

interface Quality {
  model: string;
  total: number;
  sampled: number;
  missing: number;
  dimensionConsistent: boolean;
  zeroVectors: number;
  duplicateRate: number;
  meanMagnitude: number;
  magnitudeStdDev: number;
  coverage: number;
  score: number;
}

const QUERY = /* GraphQL */ `
  query Quality($collectionId: ID, $model: ID) {
    embeddingQuality(collectionId: $collectionId, model: $model) {
      model total sampled missing dimensionConsistent zeroVectors duplicateRate meanMagnitude magnitudeStdDev coverage score
    }
  }
`;

async function qualities(variables: object = {}): Promise<Quality[]> {
  const asked = await workspace.read<{ embeddingQuality: Quality[] }>(QUERY, { ...variables });
  return asked.embeddingQuality;
}

const OWN = 'local/use-lite-768';

/** Vectors of a model, one for each document. */
function plant(ids: readonly string[], model: string, vectorOf: (i: number) => Float32Array): Promise<void> {
  return server.app.database.withWorkspace(workspace.id, (scope) =>
    writeChunkVectors(
      scope,
      model,
      ids.map((documentId, i) => ({ documentId, ordinal: 0, startOffset: 0, endOffset: 4, embedding: vectorOf(i) })),
    ),
  );
}

async function embedAll(): Promise<void> {
  await untilJob(workspace, (await backfill(workspace)).id, isCompleted);
}

const even = (i: number) => Float32Array.of(Math.cos(i), Math.sin(i), 0);

describe('the quality of a workspace’s vectors', () => {
  test('is whole where every document has one of its own, and where there is no document', async () => {
    expect(await qualities()).toMatchObject([{ model: OWN, total: 0, missing: 0, coverage: 1, score: 1 }]);
    await insertMany(server.app, workspace.id, collectionId, 50);
    await embedAll();
    const [quality] = await qualities();
    expect(quality).toMatchObject({
      ...{ model: OWN, total: 50, sampled: 50, missing: 0, coverage: 1 },
      ...{ dimensionConsistent: true, zeroVectors: 0, duplicateRate: 0 },
    });
    expect(quality?.meanMagnitude).toBeCloseTo(1, 5);
    expect(quality?.magnitudeStdDev).toBeCloseTo(0, 5);
    expect(quality?.score).toBeCloseTo(1, 3);
  });

  test('is nothing where documents are there and no vector is', async () => {
    await insertMany(server.app, workspace.id, collectionId, 4);
    expect(await qualities()).toMatchObject([{ total: 0, missing: 4, coverage: 0, score: 0 }]);
  });

  test.each<[string, (i: number) => Float32Array, Partial<Quality>]>([
    ['of two lengths', (i) => (i === 0 ? Float32Array.of(1, 0) : even(i)), { dimensionConsistent: false }],
    ['of which a tenth is zero', (i) => (i % 10 === 0 ? new Float32Array(3) : even(i)), { zeroVectors: 4 }],
    ['that are all the same', () => Float32Array.of(1, 0, 0), { duplicateRate: 0.975, zeroVectors: 0 }],
  ])('is unhealthy with vectors %s', async (_what, vectorOf, expected) => {
    const ids = await insertMany(server.app, workspace.id, collectionId, 40);
    await embedAll();
    await plant(ids, OWN, vectorOf);
    const [quality] = await qualities();
    expect(quality).toMatchObject({ total: 40, coverage: 1, ...expected });
    expect(quality?.score).toBeLessThan(HEALTHY_SCORE);
  });

  test('is unhealthy where a quarter of the documents has none', async () => {
    await insertMany(server.app, workspace.id, collectionId, 30);
    await embedAll();
    await insertMany(server.app, workspace.id, collectionId, 10, 'missing');
    const [quality] = await qualities();
    expect(quality).toMatchObject({ total: 30, missing: 10, coverage: 0.75 });
    expect(quality?.score).toBeLessThanOrEqual(HEALTHY_SCORE);
  });

  test('tells of every model that has vectors, the workspace’s own first, and of one alone where it is asked', async () => {
    const ids = await insertMany(server.app, workspace.id, collectionId, 6);
    await embedAll();
    await plant(ids, 'a/earlier', even);
    await plant(ids.slice(1), 'z/wide', (i) => new Float32Array(3_072).fill((i + 1) / 10));
    const told = await qualities();
    expect(told.map(({ model, total }) => [model, total])).toEqual([
      [OWN, 6],
      ['a/earlier', 6],
      ['z/wide', 5],
    ]);
    // Nobody knows which texts they are of.
    expect(told[1]).toMatchObject({ missing: 6, coverage: 0 });
    // Half precision: the norm of 3,072 numbers of 0.1 is 5.5.
    expect(told[2]?.meanMagnitude).toBeCloseTo(((0.1 + 0.2 + 0.3 + 0.4 + 0.5) / 5) * Math.sqrt(3_072), 0);
    expect(told[2]?.magnitudeStdDev).toBeGreaterThan(1);
    expect(await qualities({ model: 'z/wide' })).toEqual([told[2]]);
  });

  test('is that of a collection where one is given, and never of another workspace', async () => {
    await insertMany(server.app, workspace.id, collectionId, 5);
    const other = await workspace.createCollection();
    await insertMany(server.app, workspace.id, other, 3, 'other');
    await untilJob(workspace, (await backfill(workspace, { collectionId: other })).id, isCompleted);
    expect(await qualities({ collectionId: other })).toMatchObject([{ total: 3, missing: 0 }]);
    expect(await qualities({ collectionId })).toMatchObject([{ total: 0, missing: 5 }]);
    const neighbour = await openWorkspace(server);
    expect(await neighbour.errorCode(QUERY, { collectionId })).toBe('NOT_FOUND');
    const theirs = await neighbour.read<{ embeddingQuality: Quality[] }>(QUERY);
    expect(theirs.embeddingQuality).toMatchObject([{ total: 0, missing: 0 }]);
  });
});
