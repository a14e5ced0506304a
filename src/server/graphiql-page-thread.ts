import { parentPort } from 'node:worker_threads';
import { renderGraphiQL } from '@graphql-yoga/render-graphiql';
import { GRAPHIQL_TITLE } from './graphiql.ts';
import type { PageParts } from './graphiql-page.ts';

const options = { title: GRAPHIQL_TITLE };
const page = renderGraphiQL(options);
const shown = JSON.stringify(options);
const place = page.lastIndexOf(shown);
if (place < 0) throw new Error('the page of GraphiQL has no place for its options');
const parts: PageParts = {
  before: Buffer.from(page.slice(0, place)),
  after: Buffer.from(page.slice(place + shown.length)),
};
parentPort?.postMessage(parts);
