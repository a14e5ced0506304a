import { builder } from './builder.ts';

/** What a list costs: what stands in its page counts as often as the page may be long. */
export function pageComplexity({ first }: { first?: number | null | undefined }): {
  field: number;
  multiplier: number;
} {
  return { field: 1, multiplier: Math.max(1, first ?? 20) };
}

/** The arguments of a list. */
export const PAGE_ARGS = builder.args((t) => ({
  first: t.int({ defaultValue: 20, description: 'How many, 1 to 100.' }),
  after: t.string({ description: 'The `endCursor` of the page before.' }),
}));
