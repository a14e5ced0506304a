import { parse } from 'graphql';
import { expect, test } from 'vitest';
import { KnownQueries } from '../../src/server/known-queries.ts';

function noted(text: string, times: number) {
  const known = new KnownQueries();
  for (let time = 0; time < times; time++) known.note(text, parse(text));
  return known.get(text);
}

test('a query is compiled when it comes the third time', () => {
  expect(noted('{ viewer { role } }', 2)).toBeNull();
  expect(noted('{ viewer { role } }', 3)).toMatchObject({ operationName: null });
  expect(noted('query Who { viewer { role } }', 3)).toMatchObject({ operationName: 'Who' });
});

test.each([
  ['a mutation', 'mutation { revokeApiKey(input: { id: "key_1" }) { __typename } }'],
  ['a document of two operations', 'query A { viewer { role } } query B { viewer { role } }'],
  ['a document without bounds', `{ viewer { role } } ${'#'.repeat(20_000)}`],
])('%s is never compiled', (_name, text) => {
  expect(noted(text, 5)).toBeNull();
});

test('variables that do not fit are left to the general path', async () => {
  const query = noted('query ($first: Int!) { documents(first: $first) { nodes { id } } }', 3);
  expect(await query?.run({} as never, {})).toBeNull();
});
