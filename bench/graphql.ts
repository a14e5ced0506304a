/**
 * What does GraphQL over HTTP cost here, with everything on, beside servers that do nothing else?
 *
 * Peers, each a process of its own on the same Node, taking turns with ours:
 *  - bare yoga: graphql-yoga with its defaults and the same data from memory, without keys, limits, logs or metrics;
 *  - bare yoga on Postgres: the same, with postgres.js, one statement a list and a DataLoader for the relation, without
 *    tenants or row-level security;
 *  - PostGraphile 5 with its Amber preset on the same tables, where --postgraphile names a folder it is installed in.
 *
 * Run: node bench/graphql.ts [--rounds=3] [--seconds=5] [--database=postgres://… of an empty database]
 *                            [--postgraphile=<folder with node_modules/postgraphile>] [--only=<part of a case's name>]
 */
import { loadavg } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Peer } from './graphql-peers.ts';
import { type LoadResult, load } from './http-load.ts';
import { ask, bearer, body, checkAnswer, makeWorkspace, median, start, startProduct, stopAll } from './processes.ts';

const CONNECTIONS = 32;
const WARM_UP_MS = 2_000;
const DOCUMENTS = 200;
const VIEWER = '{ viewer { role } }';
/** The one list of that length which the product has in memory: its own schema. */
const LIST =
  '{ __type(name: "Query") { fields { name description type { name kind } args { name description type { name kind } } } } }';
const FIFTY = `{ ${Array.from({ length: 50 }, (_, i) => `v${i}: viewer { role workspace { name tier } }`).join(' ')} }`;
const PAGE =
  'query Page($first: Int) { documents(first: $first) { nodes { id title kind createdAt collection { id name slug } } } }';

const { values: flags } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '5' },
    database: { type: 'string' },
    postgraphile: { type: 'string' },
    only: { type: 'string', default: '' },
  },
});

interface Contestant {
  name: string;
  port: number;
  headers: Record<string, string>;
  body: string;
}

interface Case {
  name: string;
  /** Ours first. */
  contestants: Contestant[];
}

try {
  const cases = [
    ...(await memoryCases()),
    ...(flags.database === undefined ? [] : [await databaseCase(flags.database)]),
  ];
  for (const one of cases) if (one.name.includes(flags.only)) await measure(one);
} finally {
  await stopAll();
}

async function memoryCases(): Promise<Case[]> {
  const product = await startProduct({});
  const key = await makeWorkspace(product);
  const yoga = await startPeer({ kind: 'memory' });
  const listed = countObjects(await ask(product.port, bearer(key), LIST));
  const contestants = (query: string): Contestant[] => [
    { name: 'Signalbox', port: product.port, headers: bearer(key), body: body(query) },
    { name: 'bare yoga', port: yoga, headers: {}, body: body(query) },
  ];
  return [
    { name: 'viewer: `{ viewer { role } }` with an API key', contestants: contestants(VIEWER) },
    { name: `list: ${listed} objects in nested lists from memory`, contestants: contestants(LIST) },
    { name: 'fields: 50 objects with an object each from memory', contestants: contestants(FIFTY) },
  ];
}

async function databaseCase(databaseUrl: string): Promise<Case> {
  const product = await startProduct({ DATABASE_URL: databaseUrl });
  const key = await makeWorkspace(product);
  await fill(product.port, key);
  const variables = { first: 20 };
  const yoga = await startPeer({ kind: 'postgres', databaseUrl });
  const contestants: Contestant[] = [
    { name: 'Signalbox', port: product.port, headers: bearer(key), body: body(PAGE, variables) },
    { name: 'bare yoga, postgres.js and DataLoader', port: yoga, headers: {}, body: body(PAGE, variables) },
  ];
  if (flags.postgraphile !== undefined) {
    const port = await startPeer({ kind: 'postgraphile', databaseUrl, folder: flags.postgraphile });
    const relation = 'collectionByWorkspaceIdAndCollectionId { rowId name slug }';
    const query = `query Page($first: Int) { allDocuments(first: $first, orderBy: [CREATED_AT_DESC, ROW_ID_DESC]) { nodes { rowId title kind createdAt ${relation} } } }`;
    contestants.push({ name: 'PostGraphile 5', port, headers: {}, body: body(query, variables) });
  }
  return { name: 'page: 20 documents with their collection from Postgres', contestants };
}

async function measure({ name, contestants }: Case): Promise<void> {
  const rounds = new Map(contestants.map((one) => [one.name, [] as LoadResult[]]));
  for (const one of contestants) {
    await checkAnswer(one);
    await load(one, CONNECTIONS, WARM_UP_MS);
  }
  for (let round = 0; round < Number(flags.rounds); round++) {
    for (const one of contestants) {
      rounds.get(one.name)?.push(await load(one, CONNECTIONS, Number(flags.seconds) * 1_000));
    }
  }
  console.log(`\n### ${name}\n`);
  console.log('| server | Signalbox is | requests/s (rounds) | p50 | p99 |\n|---|---|---|---|---|');
  const ours = rounds.get('Signalbox') ?? [];
  for (const [server, results] of rounds) {
    const perSecond = median(results.map((round) => round.requestsPerSecond));
    const each = results.map((round) => Math.round(round.requestsPerSecond)).join(', ');
    const times = [median(results.map((round) => round.p50Ms)), median(results.map((round) => round.p99Ms))];
    // Round by round: what else the machine does meanwhile strikes both.
    const ratios = results.map((round, i) => (ours[i]?.requestsPerSecond ?? Number.NaN) / round.requestsPerSecond);
    const ratio = server === 'Signalbox' ? '' : `${median(ratios).toFixed(2)} ×`;
    console.log(
      `| ${server} | ${ratio} | ${Math.round(perSecond)} (${each}) | ${times.map((ms) => `${ms.toFixed(1)} ms`).join(' | ')} |`,
    );
  }
  console.log(`\nload of the machine ${loadavg()[0]?.toFixed(1)}`);
}

function startPeer(peer: Peer): Promise<number> {
  return start([join(import.meta.dirname, 'graphql-peers.ts'), JSON.stringify(peer)], {}, null);
}

/** Documents in five collections. */
async function fill(port: number, key: string): Promise<void> {
  for (let number = 0; number < 5; number++) {
    const made = await ask<{ createCollection: { id: string } }>(
      port,
      bearer(key),
      `mutation { createCollection(input: { name: "Collection ${number}" }) { ... on Collection { id } } }`,
    );
    const documents = Array.from({ length: DOCUMENTS / 5 }, (_, i) => ({
      externalId: `${number}-${i}`,
      title: `Document ${i} of collection ${number}`,
      text: `What stands in document ${i}: the export ends early and says nothing of it.`,
      createdAt: new Date(Date.UTC(2026, 0, 1 + i, number)).toISOString(),
    }));
    await ask(
      port,
      bearer(key),
      'mutation Fill($input: UpsertDocumentsInput!) { upsertDocuments(input: $input) { __typename } }',
      { input: { collectionId: made.createCollection.id, documents, wait: true } },
    );
  }
}

function countObjects(value: unknown): number {
  if (Array.isArray(value)) return value.reduce((sum: number, one) => sum + countObjects(one), 0);
  if (typeof value !== 'object' || value === null) return 0;
  return Object.values(value).reduce((sum: number, one) => sum + countObjects(one), 1);
}
