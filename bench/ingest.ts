/**
 * How fast do documents become searchable (upserted, cut into chunks, embedded, stored), against the slower of its two
 * parts done by hand: embedding the same chunks with the same model and threads, and inserting the same rows with their
 * vectors in binary into bare tables?
 *
 * Run: node bench/ingest.ts [--documents=2000] [--database=postgres://… (an empty database; without it: embedded)]
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type App, startApp } from '../src/app.ts';
import { readConfig } from '../src/config.ts';
import { writeChunkVectors } from '../src/db/vector.ts';
import type { Caller, WorkspaceCaller } from '../src/domain/access/caller.ts';
import { chunkInput, chunkText } from '../src/domain/documents/chunking.ts';
import { writeDocuments } from '../src/domain/documents/document-store.ts';
import { type DocumentInput, prepareDocuments } from '../src/domain/documents/prepare-documents.ts';
import { createLogger } from '../src/observability/logger.ts';
import type { Provider } from '../src/plugins/contract.ts';
import { newId } from '../src/shared/ids.ts';

const ROUNDS = 3;
const DOCUMENTS_PER_CALL = 500;
const TEXTS_PER_CALL = 64;
const CALLS_AT_ONCE = 3;
const WORDS =
  'dock door carrier slot pallet scanner shift report export invoice driver gate yard trailer label queue alarm'.split(
    ' ',
  );
const ROOT: Caller = { kind: 'root', workspace: null, role: 'OWNER', apiKeyId: null, userId: null };

const { values } = parseArgs({
  options: { documents: { type: 'string', default: '2000' }, database: { type: 'string' } },
});
const count = Number(values.documents);
const dataDir = mkdtempSync(join(tmpdir(), 'signalbox-bench-'));
let provider: Provider | null = null;
const config = readConfig({
  SIGNALBOX_DATA_DIR: dataDir,
  DATABASE_URL: values.database,
  SIGNALBOX_DEMO: '0',
  LOG_LEVEL: 'error',
});
const app = await startApp(config, createLogger('error'), {
  wrapProvider: (made) => {
    provider = made;
    return made;
  },
});
await app.startWorking();

/** A title and 20 to 60 words; no two alike. */
function makeDocuments(round: number): DocumentInput[] {
  return Array.from({ length: count }, (_, i) => {
    const words = Array.from({ length: 20 + ((i * 7) % 41) }, (_, k) => WORDS[(i * 13 + k * k + round) % WORDS.length]);
    return { externalId: `r${round}-${i}`, title: `Note ${round} ${i}`, text: `${words.join(' ')} ${round} ${i}.` };
  });
}

async function ours(caller: WorkspaceCaller, collectionId: string, documents: DocumentInput[]): Promise<number> {
  const startedAt = performance.now();
  const jobIds: string[] = [];
  for (let start = 0; start < documents.length; start += DOCUMENTS_PER_CALL) {
    const piece = documents.slice(start, start + DOCUMENTS_PER_CALL);
    const { jobId } = await app.services.documents.upsert(caller, {
      collectionId,
      documents: piece,
      tasks: ['EMBED'],
      idempotencyKey: null,
    });
    if (jobId !== null) jobIds.push(jobId);
  }
  for (const jobId of jobIds) await app.services.jobs.wait(caller, jobId, 600_000, new AbortController().signal);
  const ready = await app.services.documents.count(caller, { collectionIds: [collectionId], embedding: ['READY'] });
  if (ready !== documents.length) throw new Error(`${ready} of ${documents.length} documents are ready`);
  return performance.now() - startedAt;
}

async function embedByHand(documents: DocumentInput[]): Promise<{ elapsedMs: number; vectors: Float32Array[] }> {
  const texts = documents.flatMap(({ title = null, text }) =>
    chunkText(text ?? '', { words: 90, title }).map((chunk) =>
      chunkInput(title, (text ?? '').slice(chunk.start, chunk.end)),
    ),
  );
  const vectors: Float32Array[] = [];
  const starts = Array.from({ length: Math.ceil(texts.length / TEXTS_PER_CALL) }, (_, i) => i * TEXTS_PER_CALL);
  const call = { signal: new AbortController().signal, requestId: 'bench' };
  const startedAt = performance.now();
  const lane = async () => {
    for (let start = starts.shift(); start !== undefined; start = starts.shift()) {
      const piece = texts.slice(start, start + TEXTS_PER_CALL);
      const result = await provider?.embed?.({ model: 'use-lite-768', texts: piece, purpose: 'document' }, call);
      vectors.push(...(result?.vectors ?? []));
    }
  };
  await Promise.all(Array.from({ length: CALLS_AT_ONCE }, lane));
  return { elapsedMs: performance.now() - startedAt, vectors };
}

/** The rows and their vectors, in as few statements as they fit: no jobs, no states, no usage. */
async function insertByHand(
  app: App,
  caller: WorkspaceCaller,
  collectionId: string,
  documents: DocumentInput[],
  vectors: Float32Array[],
): Promise<number> {
  const collection = { id: collectionId, name: '', slug: '', kind: 'TEXT' as const, createdAt: new Date() };
  const rows = await prepareDocuments(
    collection,
    documents.map((document) => ({ ...document, externalId: `by-hand-${document.externalId}` })),
  );
  const startedAt = performance.now();
  await app.database.withWorkspace(caller.workspace.id, async (scope) => {
    await writeDocuments(scope, rows);
    const chunks = rows.map((row, i) => ({
      documentId: row.id,
      ordinal: 0,
      startOffset: 0,
      endOffset: row.text.length,
      embedding: vectors[i] as Float32Array,
    }));
    await writeChunkVectors(scope, 'bench', chunks);
  });
  return performance.now() - startedAt;
}

const median = (figures: number[]) => [...figures].sort((a, b) => a - b)[Math.floor(figures.length / 2)] ?? Number.NaN;
const { workspace } = await app.services.workspaces.create(ROOT, {
  name: 'bench',
  slug: `bench-${newId('Request').slice(4)}`,
  tier: 'ENTERPRISE',
});
const caller: WorkspaceCaller = { ...ROOT, kind: 'apiKey', workspace };
await embedByHand(makeDocuments(99).slice(0, 200));
const figures: { ours: number; embed: number; insert: number }[] = [];
for (let round = 0; round < ROUNDS; round++) {
  const { id } = await app.services.collections.create(caller, { name: `round ${round}`, slug: null, kind: 'TEXT' });
  const embedded = await embedByHand(makeDocuments(round + 10));
  const insert = await insertByHand(app, caller, id, makeDocuments(round + 10), embedded.vectors);
  const { id: fresh } = await app.services.collections.create(caller, {
    name: `fresh ${round}`,
    slug: null,
    kind: 'TEXT',
  });
  figures.push({ ours: await ours(caller, fresh, makeDocuments(round)), embed: embedded.elapsedMs, insert });
}
const perSecond = (elapsedMs: number) => Math.round((count / elapsedMs) * 1_000);
const ratio = median(figures.map(({ ours, embed, insert }) => Math.max(embed, insert) / ours));
console.log(`${app.database.kind}, ${count} documents a round, ${ROUNDS} rounds, load ${loadavg()[0]?.toFixed(1)}`);
console.log(
  '| documents/s | ours | embedding by hand | inserting by hand | ours / the slower one |\n|---|---|---|---|---|',
);
console.log(
  `| median | ${perSecond(median(figures.map((f) => f.ours)))} | ${perSecond(median(figures.map((f) => f.embed)))} | ${perSecond(median(figures.map((f) => f.insert)))} | ${ratio.toFixed(2)} |`,
);
await app.close();
rmSync(dataDir, { recursive: true, force: true });
