/**
 * How much memory does a server take that has worked?
 *
 *  - embedded: with 10,000 documents of real texts, embedded in process, and again when it has been started anew;
 *  - with --database: on Postgres, idle, and after 2,000 mixed requests without the local model: GraphQL, keyword search,
 *    writing documents, and the OpenAI door before a local vendor.
 *
 * Memory is the resident set (VmRSS) and the greatest it has been (VmHWM) as Linux tells them, models and embedded
 * database included. There is no peer.
 *
 * Run: node bench/memory.ts --data=<folder with feedback/*.jsonl.gz> [--documents=10000] [--database=postgres://… (empty)]
 */
import { readFileSync } from 'node:fs';
import { loadavg } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { gunzipSync } from 'node:zlib';
import { ask, bearer, makeWorkspace, type Product, start, startProduct, stopAll } from './processes.ts';

const BATCH = 500;
const SETTLE_MS = 5_000;
const TEXT_CHARACTERS = 500;
const MIXED_REQUESTS = 2_000;
const MIXED_AT_ONCE = 8;
const UPSERT = 'mutation Fill($input: UpsertDocumentsInput!) { upsertDocuments(input: $input) { __typename } }';
const READY =
  '{ ready: documents(first: 1, filter: { embedding: [READY] }) { totalCount } all: documents(first: 1) { totalCount } }';
const SEARCH =
  'query Find($query: String!) { search(query: $query, mode: KEYWORD, first: 5) { nodes { score document { id title } } } }';

const { values: flags } = parseArgs({
  options: {
    data: { type: 'string' },
    documents: { type: 'string', default: '10000' },
    database: { type: 'string' },
  },
});
if (flags.data === undefined) throw new Error('--data=<folder> is missing');
const texts = ['feedback/app_reviews.jsonl.gz', 'feedback/github_issues_train.jsonl.gz'].flatMap((name) =>
  gunzipSync(readFileSync(join(flags.data ?? '', name)))
    .toString('utf8')
    .trim()
    .split('\n')
    .map((line) => textOf(JSON.parse(line) as Record<string, unknown>)),
);

try {
  console.log('| server | VmRSS | VmHWM |\n|---|---|---|');
  if (flags.database === undefined) await embedded(Number(flags.documents));
  else await onPostgres(flags.database);
  console.log(`\nload of the machine ${loadavg()[0]?.toFixed(1)}`);
} finally {
  await stopAll();
}

async function embedded(documents: number): Promise<void> {
  const product = await startProduct({ LOG_LEVEL: 'warn' });
  await show('embedded, empty', product);
  const key = await makeWorkspace(product, 'ENTERPRISE');
  await fill(product.port, key, documents, ['EMBED']);
  const startedAt = performance.now();
  for (;;) {
    const { ready, all } = await ask<Record<'ready' | 'all', { totalCount: number }>>(product.port, bearer(key), READY);
    if (all.totalCount !== documents) throw new Error(`${all.totalCount} of ${documents} documents are there`);
    if (ready.totalCount === documents) break;
    await sleep(1_000);
  }
  console.error(`embedded in ${Math.round((performance.now() - startedAt) / 1_000)} s after the last one was stored`);
  await show(`embedded, ${documents} documents embedded`, product);
}

async function onPostgres(databaseUrl: string): Promise<void> {
  const vendor = await start([join(import.meta.dirname, 'gateway-peers.ts'), 'upstream'], {}, null);
  const product = await startProduct({
    DATABASE_URL: databaseUrl,
    SIGNALBOX_ALLOW_PRIVATE_URLS: '1',
    LOG_LEVEL: 'warn',
  });
  await show('on Postgres, idle', product);
  const key = await makeWorkspace(product, 'ENTERPRISE');
  const config = { baseUrl: `http://127.0.0.1:${vendor}/v1`, models: [{ name: 'bench-model' }] };
  await ask(
    product.port,
    bearer(key),
    'mutation Add($input: CreateIntegrationInput!) { createIntegration(input: $input) { __typename } }',
    { input: { name: 'vendor', pluginId: 'openai-compatible', config } },
  );
  const collectionId = await fill(product.port, key, BATCH, []);
  const numbers = Array.from({ length: MIXED_REQUESTS }, (_, number) => number);
  await Promise.all(
    Array.from({ length: MIXED_AT_ONCE }, async () => {
      for (let number = numbers.shift(); number !== undefined; number = numbers.shift()) {
        await mixedRequest({ port: product.port, key, collectionId }, number);
      }
    }),
  );
  await show(`on Postgres, after ${MIXED_REQUESTS} mixed requests`, product);
}

async function mixedRequest(
  { port, key, collectionId }: { port: number; key: string; collectionId: string },
  number: number,
): Promise<void> {
  const graph = (query: string, variables?: object) => ask(port, bearer(key), query, variables);
  switch (number % 5) {
    case 0:
      await graph('{ viewer { role workspace { name tier } } }');
      return;
    case 1:
      await graph('{ documents(first: 20) { nodes { id title text collection { name } } } }');
      return;
    case 2:
      await graph(SEARCH, { query: `export ${number}` });
      return;
    case 3:
      await graph(UPSERT, { input: { collectionId, documents: [documentOf(number)], tasks: [] } });
      return;
    default: {
      const answer = await fetch(`http://127.0.0.1:${port}/v1/chat/completions`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...bearer(key) },
        body: JSON.stringify({
          model: 'vendor/bench-model',
          messages: [{ role: 'user', content: `Question ${number}` }],
        }),
      });
      if (answer.status !== 200) throw new Error(`${answer.status} ${await answer.text()}`);
      await answer.text();
    }
  }
}

async function fill(port: number, key: string, documents: number, tasks: string[]): Promise<string> {
  const made = await ask<{ createCollection: { id: string } }>(
    port,
    bearer(key),
    'mutation { createCollection(input: { name: "bench", slug: "bench" }) { ... on Collection { id } } }',
  );
  for (let first = 0; first < documents; first += BATCH) {
    const batch = Array.from({ length: Math.min(BATCH, documents - first) }, (_, i) => documentOf(first + i));
    const input = { collectionId: made.createCollection.id, documents: batch, tasks };
    const { upsertDocuments } = await ask<{ upsertDocuments: { __typename: string } }>(port, bearer(key), UPSERT, {
      input,
    });
    if (upsertDocuments.__typename.endsWith('Error')) throw new Error(upsertDocuments.__typename);
  }
  return made.createCollection.id;
}

/** Each text comes again with another number in front, so that no cache has its vector. */
function documentOf(number: number): { externalId: string; text: string } {
  return { externalId: String(number), text: `No. ${number}. ${texts[number % texts.length]}` };
}

function textOf(record: Record<string, unknown>): string {
  const said = Object.values(record).filter((value) => typeof value === 'string');
  return said.join('\n').slice(0, TEXT_CHARACTERS);
}

async function show(name: string, { pid }: Product): Promise<void> {
  await sleep(SETTLE_MS);
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const megabytes = (field: string) =>
    Math.round(Number(new RegExp(`${field}:\\s+(\\d+) kB`).exec(status)?.[1]) / 1_024);
  console.log(`| ${name} | ${megabytes('VmRSS')} MB | ${megabytes('VmHWM')} MB |`);
}
