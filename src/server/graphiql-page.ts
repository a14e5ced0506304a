import type { GraphiQLOptions } from 'graphql-yoga';
import { answerOfThread } from '../shared/brief-thread.ts';

/** GraphiQL's page around its options. */
export interface PageParts {
  before: Uint8Array;
  after: Uint8Array;
}

let loading: Promise<PageParts> | undefined;

/**
 * GraphiQL's page as its renderer makes it. Most servers are never asked for it, and the renderer is one module of strings
 * that takes 45 MB: a thread loads it with the first request, and the 9 MB of the page stay.
 * @param options with the title `GRAPHIQL_TITLE`
 */
export async function graphiqlPage(options: GraphiQLOptions): Promise<Uint8Array<ArrayBuffer>> {
  loading ??= answerOfThread<PageParts>(new URL('./graphiql-page-thread.ts', import.meta.url)).catch(
    (error: unknown) => {
      loading = undefined;
      throw error;
    },
  );
  const { before, after } = await loading;
  return Buffer.concat([before, Buffer.from(JSON.stringify(options)), after]);
}
