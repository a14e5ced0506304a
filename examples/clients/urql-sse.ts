import { Client, fetchExchange } from '@urql/core';
import { onEnd, pipe, subscribe } from 'wonka';
import { FOLLOW, type Follow } from './generation.ts';

export function overUrqlSse(url: string, key: string): Follow {
  const fetchOptions = { headers: { authorization: `Bearer ${key}` } };
  const options = { url, fetchOptions, exchanges: [fetchExchange], fetchSubscriptions: true, preferGetMethod: false };
  return (id, after, { next, error, complete }) =>
    pipe(
      new Client(options).subscription(FOLLOW, { id, after }),
      onEnd(complete),
      subscribe((e) => (e.error ? error(e.error) : e.hasNext && next(e.data.generation))),
    ).unsubscribe;
}
