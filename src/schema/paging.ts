import { z } from 'zod';
import { InvalidInputError } from '../shared/errors.ts';

export const MAX_PAGE_SIZE = 100;

/** A page of a list, as the relay plugin takes it. */
export interface Page<Item> {
  edges: { cursor: string; node: Item }[];
  pageInfo: { hasNextPage: boolean; hasPreviousPage: boolean; startCursor: string | null; endCursor: string | null };
}

/** @throws InvalidInputError unless it is 1 to 100 */
export function pageSize(first: number | null | undefined, usual = 20): number {
  const size = first ?? usual;
  if (size < 1 || size > MAX_PAGE_SIZE) throw InvalidInputError.at('first', `must be 1 to ${MAX_PAGE_SIZE}`);
  return size;
}

/** @throws InvalidInputError where it is no cursor of such a list */
export function decodeCursor<Shape>(cursor: string | null | undefined, shape: z.ZodType<Shape>): Shape | null {
  if (cursor === null || cursor === undefined) return null;
  try {
    return shape.parse(JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8')));
  } catch {
    throw InvalidInputError.at('after', 'is not a cursor of this list: send an `endCursor` as it came');
  }
}

export function encodeCursor(position: unknown): string {
  return Buffer.from(JSON.stringify(position)).toString('base64url');
}

/** The cursor of a list that is sorted by id. */
const ID_CURSOR = z.string().regex(/^\w{1,100}$/);

/**
 * A page made of rows that were asked for with one more than its size.
 * @param cursorOf what a row's cursor says
 */
export function toPage<Item>(
  rows: readonly Item[],
  size: number,
  hasPrevious: boolean,
  cursorOf: (item: Item) => unknown,
): Page<Item> {
  const edges = rows.slice(0, size).map((node) => new Edge(node, cursorOf));
  const pageInfo = {
    hasNextPage: rows.length > size,
    hasPreviousPage: hasPrevious,
    get startCursor() {
      return edges[0]?.cursor ?? null;
    },
    get endCursor() {
      return edges.at(-1)?.cursor ?? null;
    },
  };
  return { edges, pageInfo };
}

/** Most queries ask for one cursor of a page, the last: each is made when it is asked for. */
class Edge<Item> {
  readonly node: Item;
  readonly #cursorOf: (item: Item) => unknown;

  constructor(node: Item, cursorOf: (item: Item) => unknown) {
    this.node = node;
    this.#cursorOf = cursorOf;
  }

  get cursor(): string {
    return encodeCursor(this.#cursorOf(this.node));
  }
}

/** A page of a list that is sorted by id. */
export async function pageById<Item extends { id: string }>(
  args: { first?: number | null; after?: string | null },
  load: (page: { limit: number; after: string | null }) => Promise<Item[]>,
): Promise<Page<Item>> {
  const size = pageSize(args.first);
  const after = decodeCursor(args.after, ID_CURSOR);
  const rows = await load({ limit: size + 1, after });
  return toPage(rows, size, after !== null, (item) => item.id);
}
