import { createClient } from 'graphql-sse';
import { FOLLOW, type Follow, type GenerationEvent } from './generation.ts';

export function overGraphqlSse(url: string, key: string): Follow {
  const client = createClient({ url, headers: { authorization: `Bearer ${key}` }, retryAttempts: 0 });
  return (id, after, sink) =>
    client.subscribe<{ generation: GenerationEvent }>(
      { query: FOLLOW, variables: { id, after } },
      { ...sink, next: ({ data, errors }) => (data ? sink.next(data.generation) : sink.error(errors)) },
    );
}
