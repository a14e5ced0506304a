import { Client, subscriptionExchange } from '@urql/core';
import { createClient } from 'graphql-ws';
import { onEnd, pipe, subscribe } from 'wonka';
import { FOLLOW, type Follow } from './generation.ts';

export function overUrql(url: string, key: string): Follow {
  const socket = createClient({ url, connectionParams: { authorization: `Bearer ${key}` }, retryAttempts: 0 });
  const forward = subscriptionExchange({
    forwardSubscription: ({ query = '', variables }) => ({
      subscribe: (sink) => ({ unsubscribe: socket.subscribe({ query, variables }, sink) }),
    }),
  });
  return (id, after, { next, error, complete }) =>
    pipe(
      new Client({ url, exchanges: [forward], preferGetMethod: false }).subscription(FOLLOW, { id, after }),
      onEnd(complete),
      subscribe((e) => (e.error ? error(e.error) : e.hasNext && next(e.data.generation))),
    ).unsubscribe;
}
