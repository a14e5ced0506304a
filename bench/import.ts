/**
 * How fast do the records of a CSV file become documents, without and with their vectors, against the work done by hand:
 * the same rows parsed, prepared and inserted in as few statements as they fit, and the same texts embedded with the same
 * model and threads? Tells the greatest resident memory too.
 *
 * Run: node bench/import.ts [--rows=5000] [--rounds=3] [--embed=0] [--database=postgres://… (empty; without it: embedded)]
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { parseArgs } from 'node:util';
import { parse } from 'csv-parse/sync';
import { startApp } from '../src/app.ts';
import { readConfig } from '../src/config.ts';
import type { Caller, WorkspaceCaller } from '../src/domain/access/caller.ts';
import { chunkInput, chunkText } from '../src/domain/documents/chunking.ts';
import { writeDocuments } from '../src/domain/documents/document-store.ts';
import { prepareDocuments } from '../src/domain/documents/prepare-documents.ts';
import { createLogger } from '../src/observability/logger.ts';
import type { Provider } from '../src/plugins/contract.ts';
import { newId } from '../src/shared/ids.ts';

const WORDS =
  'dock door carrier slot pallet scanner shift report export invoice driver gate yard trailer label queue alarm'.split(
    ' ',
  );
const ROOT: Caller = { kind: 'root', workspace: null, role: 'OWNER', apiKeyId: null, userId: null };
const ROWS_PER_STATEMENT = 500;
const TEXTS_PER_CALL = 64;
const CALLS_AT_ONCE = 3;
const NEVER = new AbortController().signal;

const { values } = parseArgs({
  options: {
    rows: { type: 'string', default: '5000' },
    rounds: { type: 'string', default: '3' },
    embed: { type: 'string', default: '1' },
    database: { type: 'string' },
  },
});
const count = Number(values.rows);
const rounds = Number(values.rounds);
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
const { workspace } = await app.services.workspaces.create(ROOT, {
  name: 'bench',
  slug: `bench-${newId('Request').slice(4)}`,
  tier: 'ENTERPRISE',
});
const caller: WorkspaceCaller = { ...ROOT, kind: 'apiKey', workspace };
let greatestRss = 0;
const watch = setInterval(() => {
  greatestRss = Math.max(greatestRss, process.memoryUsage.rss());
}, 100);

function* csvOf(round: number): Generator<string> {
  yield 'id,title,text,plan\n';
  for (let row = 0; row < count; row++) {
    const words = Array.from({ length: 20 + ((row * 7) % 41) }, (_, k) => WORDS[(row * 13 + k * k + round) % 17]);
    yield `r${round}-${row},Note ${round} ${row},"${words.join(' ')}, ${round} ${row}.",pro\n`;
  }
}

async function newCollection(): Promise<string> {
  const made = await app.services.collections.create(caller, { name: newId('Request'), slug: null, kind: 'TEXT' });
  return made.id;
}

/** Milliseconds until the records are stored, and until their vectors are. */
async function ours(round: number, tasks: 'EMBED'[]): Promise<{ stored: number; ready: number }> {
  const collectionId = await newCollection();
  const startedAt = performance.now();
  const started = await app.services.imports.start(caller, {
    ...{ collectionId, format: 'CSV', mapping: null, tasks, idempotencyKey: null },
    file: {
      fileName: 'bench.csv',
      mimeType: 'text/csv',
      begun: async () => undefined,
      open: () => Readable.from(csvOf(round), { objectMode: false }),
    },
  });
  await app.services.jobs.wait(caller, started.jobId, 3_600_000, NEVER);
  const stored = performance.now() - startedAt;
  const filter = { collectionIds: [collectionId], ...(tasks.length === 0 ? {} : { embedding: ['READY' as const] }) };
  for (;;) {
    const ready = await app.services.documents.count(caller, filter);
    if (ready === count) return { stored, ready: performance.now() - startedAt };
    if (tasks.length === 0) throw new Error(`${ready} of ${count} documents are there`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

async function insertByHand(round: number): Promise<number> {
  const collectionId = await newCollection();
  const collection = { id: collectionId, name: '', slug: '', kind: 'TEXT' as const, createdAt: new Date() };
  const csv = [...csvOf(round)].join('');
  const startedAt = performance.now();
  const rows: { id: string; title: string; text: string; plan: string }[] = parse(csv, { columns: true });
  for (let start = 0; start < rows.length; start += ROWS_PER_STATEMENT) {
    const inputs = rows.slice(start, start + ROWS_PER_STATEMENT).map(({ id, title, text, plan }) => {
      return { externalId: id, title, text, metadata: { plan } };
    });
    const documents = await prepareDocuments(collection, inputs);
    await app.database.withWorkspace(workspace.id, (scope) => writeDocuments(scope, documents));
  }
  return performance.now() - startedAt;
}

async function embedByHand(round: number): Promise<number> {
  const rows: { title: string; text: string }[] = parse([...csvOf(round)].join(''), { columns: true });
  const texts = rows.flatMap(({ title, text }) =>
    chunkText(text, { words: 90, title }).map((chunk) => chunkInput(title, text.slice(chunk.start, chunk.end))),
  );
  const starts = Array.from({ length: Math.ceil(texts.length / TEXTS_PER_CALL) }, (_, i) => i * TEXTS_PER_CALL);
  const startedAt = performance.now();
  const lane = async () => {
    for (let start = starts.shift(); start !== undefined; start = starts.shift()) {
      const piece = texts.slice(start, start + TEXTS_PER_CALL);
      const call = { signal: NEVER, requestId: 'bench' };
      await provider?.embed?.({ model: 'use-lite-768', texts: piece, purpose: 'document' }, call);
    }
  };
  await Promise.all(Array.from({ length: CALLS_AT_ONCE }, lane));
  return performance.now() - startedAt;
}

const median = (figures: number[]) => [...figures].sort((a, b) => a - b)[Math.floor(figures.length / 2)] ?? Number.NaN;
const perSecond = (elapsedMs: number) => Math.round((count / elapsedMs) * 1_000);
const figures: { stored: number; insert: number; ready: number; embed: number }[] = [];
for (let round = 0; round < rounds; round++) {
  const insert = await insertByHand(round * 3);
  const { stored } = await ours(round * 3 + 1, []);
  const embed = values.embed === '1' ? await embedByHand(round * 3 + 2) : Number.NaN;
  const { ready } = values.embed === '1' ? await ours(round * 3 + 2, ['EMBED']) : { ready: Number.NaN };
  figures.push({ stored, insert, ready, embed });
}
clearInterval(watch);
const of = (name: keyof (typeof figures)[number]) => median(figures.map((figure) => figure[name]));
const slower = median(figures.map(({ insert, embed, ready }) => Math.max(insert, embed) / ready));
const storing = median(figures.map(({ insert, stored }) => insert / stored));
console.log(`${app.database.kind}, ${count} rows a round, ${rounds} rounds, load ${loadavg()[0]?.toFixed(1)}`);
console.log(
  '| rows/s | imported | inserted by hand | ratio | imported and embedded | embedded by hand | ratio to the slower | greatest rss |\n|---|---|---|---|---|---|---|---|',
);
console.log(
  `| median | ${perSecond(of('stored'))} | ${perSecond(of('insert'))} | ${storing.toFixed(2)} | ${perSecond(of('ready'))} | ${perSecond(of('embed'))} | ${slower.toFixed(2)} | ${Math.round(greatestRss / 1e6)} MB |`,
);
await app.close();
rmSync(dataDir, { recursive: true, force: true });
