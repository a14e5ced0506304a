import { renderGraphiQL } from '@graphql-yoga/render-graphiql';
import { expect, test } from 'vitest';
import { graphiqlOptions } from '../../src/server/graphiql.ts';
import { graphiqlPage } from '../../src/server/graphiql-page.ts';

test.each([null, { key: 'sbx_key_$&_of_the_demo', collectionId: null }])(
  'the page for %j is what the renderer makes',
  async (demo) => {
    const options = graphiqlOptions(demo);
    const page = Buffer.from(await graphiqlPage(options)).toString();
    // Not `toBe`: nobody reads a difference of nine million characters.
    expect(page === renderGraphiQL(options)).toBe(true);
  },
);
