import { createClient } from 'graphql-ws';
import WebSocket from 'ws';
import { graphql } from './gql/gql.ts';
import type { WatchUsageSubscription } from './gql/graphql.ts';
import { AUTHORIZATION, SIGNALBOX_URL } from './signalbox.ts';

const WATCH = graphql(`
  subscription WatchUsage($everySeconds: Int!) {
    usageTick(everySeconds: $everySeconds) {
      requests
      embeddings
      vectorQueries
      totalTokens
      costUsd
    }
  }
`);

const ticks = Number(process.argv[2] ?? 3);
const client = createClient({
  url: SIGNALBOX_URL.replace(/^http/, 'ws'),
  connectionParams: { authorization: AUTHORIZATION },
  webSocketImpl: WebSocket,
});
const results = client.iterate<WatchUsageSubscription>({
  query: WATCH.toString(),
  variables: { everySeconds: 1 },
});

let seen = 0;
for await (const { data, errors } of results) {
  if (errors !== undefined) throw new Error(errors[0]?.message);
  const usage = data?.usageTick;
  console.log(
    `today: ${usage?.requests} requests, ${usage?.embeddings} texts embedded, ${usage?.vectorQueries} vector queries, ` +
      `${usage?.totalTokens} tokens, ${usage?.costUsd} USD`,
  );
  seen += 1;
  if (seen >= ticks) break;
}
await client.dispose();
