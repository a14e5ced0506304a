/** The servers that bench/graphql.ts compares with; started by it with a `Peer` as JSON. */
import { readFileSync } from 'node:fs';
import { createServer, type RequestListener } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import DataLoader from 'dataloader';
import { createSchema, createYoga } from 'graphql-yoga';
import postgres, { type Sql } from 'postgres';

export type Peer =
  | { kind: 'memory' }
  | { kind: 'postgres'; databaseUrl: string }
  | { kind: 'postgraphile'; databaseUrl: string; folder: string };

const POSTGRES_TYPES = /* GraphQL */ `
  scalar DateTime
  type Query { documents(first: Int): DocumentPage! }
  type DocumentPage { nodes: [Document!]! }
  type Document { id: ID! title: String kind: String! createdAt: DateTime! collection: Collection! }
  type Collection { id: ID! name: String! slug: String! }
`;

interface CollectionRow {
  id: string;
  name: string;
  slug: string;
}

interface PageContext {
  collections: DataLoader<string, CollectionRow | undefined>;
}

/** Our own schema, with what is asked for answered from memory. */
function overMemory(): RequestListener {
  const typeDefs = readFileSync(join(import.meta.dirname, '../schema.graphql'), 'utf8');
  const viewer = { role: 'OWNER', workspace: { name: 'bench', tier: 'FREE' } };
  return createYoga({
    schema: createSchema({ typeDefs, resolvers: { Query: { viewer: () => viewer } } }),
  }) as RequestListener;
}

function overPostgres(databaseUrl: string): RequestListener {
  const sql = postgres(databaseUrl, { max: 10 });
  const schema = createSchema<PageContext>({
    typeDefs: POSTGRES_TYPES,
    resolvers: {
      Query: {
        documents: async (_root, { first }: { first: number }) => ({
          nodes: await sql`
            select id, title, kind, created_at as "createdAt", collection_id as "collectionId" from documents
            order by created_at desc, id desc limit ${first}`,
        }),
      },
      Document: {
        collection: ({ collectionId }: { collectionId: string }, _args, { collections }) =>
          collections.load(collectionId),
      },
    },
  });
  return createYoga<object, PageContext>({
    schema,
    context: () => ({ collections: new DataLoader((ids: readonly string[]) => collectionsOf(sql, ids)) }),
  }) as RequestListener;
}

async function collectionsOf(sql: Sql, ids: readonly string[]): Promise<(CollectionRow | undefined)[]> {
  const rows = await sql<CollectionRow[]>`select id, name, slug from collections where id = any(${[...ids]})`;
  const found = new Map(rows.map((row) => [row.id, row]));
  return ids.map((id) => found.get(id));
}

/** What is used of PostGraphile, which is installed elsewhere. */
interface PostGraphile {
  postgraphile: (preset: object) => { createServ: (serv: unknown) => { addTo: (server: unknown) => Promise<void> } };
  preset: object;
  makePgService: (options: object) => unknown;
  grafserv: unknown;
}

async function overPostGraphile(databaseUrl: string, folder: string): Promise<number> {
  const require = createRequire(join(folder, 'package.json'));
  const { postgraphile } = require('postgraphile') as PostGraphile;
  const { makePgService } = require('postgraphile/adaptors/pg') as PostGraphile;
  const { grafserv } = require('postgraphile/grafserv/node') as PostGraphile;
  const amber = require('postgraphile/presets/amber') as { PostGraphileAmberPreset: object };
  const v4 = require('postgraphile/presets/v4') as { PostGraphileV4Preset?: object };
  const preset = {
    extends: [
      amber.PostGraphileAmberPreset,
      ...(v4.PostGraphileV4Preset === undefined ? [] : [v4.PostGraphileV4Preset]),
    ],
    pgServices: [makePgService({ connectionString: databaseUrl, schemas: ['public'] })],
    grafast: { explain: false },
    grafserv: { graphqlPath: '/graphql', watch: false },
  };
  const server = createServer();
  await postgraphile(preset).createServ(grafserv).addTo(server);
  return listen(server);
}

function listen(server: ReturnType<typeof createServer>): Promise<number> {
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port)));
}

async function serve(peer: Peer): Promise<number> {
  if (peer.kind === 'postgraphile') return overPostGraphile(peer.databaseUrl, peer.folder);
  return listen(createServer(peer.kind === 'memory' ? overMemory() : overPostgres(peer.databaseUrl)));
}

if (process.argv[1] === import.meta.filename) {
  const port = await serve(JSON.parse(process.argv[2] ?? '') as Peer);
  console.log(`http://127.0.0.1:${port}`);
}
