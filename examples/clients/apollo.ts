import { ApolloClient, gql, InMemoryCache } from '@apollo/client/core';
import { GraphQLWsLink } from '@apollo/client/link/subscriptions';
import { createClient } from 'graphql-ws';
import { FOLLOW, type Follow, type GenerationEvent } from './generation.ts';

export function overApollo(url: string, key: string): Follow {
  const socket = createClient({ url, connectionParams: { authorization: `Bearer ${key}` }, retryAttempts: 0 });
  const client = new ApolloClient({ cache: new InMemoryCache(), link: new GraphQLWsLink(socket) });
  const options = { query: gql(FOLLOW), fetchPolicy: 'no-cache', context: { queryDeduplication: false } } as const;
  return (id, after, { next, ...sink }) => {
    const events = client
      .subscribe<{ generation: GenerationEvent }>({ ...options, variables: { id, after } })
      .subscribe({ ...sink, next: (e) => (e.data ? next(e.data.generation) : sink.error(e.error)) });
    return () => events.unsubscribe();
  };
}
