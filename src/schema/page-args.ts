import { builder } from './builder.ts';

/** The arguments of a list. */
export const PAGE_ARGS = builder.args((t) => ({
  first: t.int({ defaultValue: 20, description: 'How many, 1 to 100.' }),
  after: t.string({ description: 'The `endCursor` of the page before.' }),
}));
