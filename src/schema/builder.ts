import SchemaBuilder from '@pothos/core';
import ComplexityPlugin from '@pothos/plugin-complexity';
import ErrorsPlugin from '@pothos/plugin-errors';
import RelayPlugin from '@pothos/plugin-relay';
import { GraphQLError } from 'graphql';
import { kindOfId } from '../shared/ids.ts';
import type { JsonObject } from '../shared/json.ts';
import type { Upload } from '../shared/upload.ts';
import type { GraphContext } from './context.ts';

export interface SchemaTypes {
  Context: GraphContext;
  DefaultFieldNullability: false;
  DefaultEdgesNullability: false;
  DefaultNodeNullability: false;
  Scalars: {
    ID: { Input: string; Output: string };
    DateTime: { Input: Date; Output: Date };
    Decimal: { Input: string; Output: string };
    JSON: { Input: JsonObject; Output: object };
    Vector: { Input: never; Output: Float32Array };
    File: { Input: Upload; Output: never };
  };
}

/** A page of 100 documents with all that models make of them and 10 similar ones each is 13,000; 100 pages of 100 are more. */
const MAX_COMPLEXITY = 20_000;
const MAX_DEPTH = 15;
const MAX_BREADTH = 500;

/** The field that has the page multiplies by its size already. */
const OF_THE_PAGE = { field: 1, multiplier: 1 };

/** Ids are opaque to clients but not wrapped: the prefix says the type. */
export const builder = new SchemaBuilder<SchemaTypes>({
  plugins: [ErrorsPlugin, RelayPlugin, ComplexityPlugin],
  defaultFieldNullability: false,
  errors: {
    directResult: true,
    defaultUnionOptions: {
      description: 'What the mutation made or changed, or why it did not.',
      name: ({ fieldName }) => `${fieldName[0]?.toUpperCase()}${fieldName.slice(1)}Result`,
    },
  },
  relay: {
    nodesOnConnection: { complexity: OF_THE_PAGE, description: 'The items of this page.' },
    cursorType: 'String',
    edgesFieldOptions: {
      complexity: OF_THE_PAGE,
      nullable: false,
      description: 'The items of this page with their cursors.',
    },
    nodeFieldOptions: { nullable: false, description: 'The item.' },
    nodesFieldOptions: { nullable: false, description: 'The items of this page.' },
    cursorFieldOptions: { description: 'Where this item stands; send it as `after` to go on behind it.' },
    hasNextPageFieldOptions: { description: 'Whether there is more behind this page.' },
    hasPreviousPageFieldOptions: { description: 'Whether there is something before this page.' },
    startCursorFieldOptions: { description: 'Where the first item stands; null on an empty page.' },
    endCursorFieldOptions: { description: 'Where the last item stands: send it as `after` for the next page.' },
    pageInfoFieldOptions: { description: 'Whether there is more, and where to go on.' },
    idFieldOptions: { description: 'Opaque, prefixed and sortable by age; `node(id)` resolves it.' },
    nodeTypeOptions: { description: 'Anything that has an id.' },
    pageInfoTypeOptions: { description: 'Where a page stands in its list.' },
    nodeQueryOptions: false,
    nodesQueryOptions: false,
    encodeGlobalID: (_typename, id) => String(id),
    decodeGlobalID: (id) => ({ typename: kindOfId(id) ?? 'Unknown', id }),
  },
  complexity: {
    limit: { complexity: MAX_COMPLEXITY, depth: MAX_DEPTH, breadth: MAX_BREADTH },
    defaultListMultiplier: 10,
    complexityError: (kind, result) =>
      new GraphQLError(
        `this query is too costly: ${kind.toLowerCase()} ${result[kind.toLowerCase() as 'depth']}; ` +
          `allowed are complexity ${MAX_COMPLEXITY}, depth ${MAX_DEPTH} and breadth ${MAX_BREADTH}`,
        { extensions: { code: 'QUERY_TOO_COSTLY' } },
      ),
  },
});

builder.queryType({ description: 'Everything that can be read.' });
builder.mutationType({
  description:
    'Everything that changes something. Each takes one `input` and answers with the thing itself or a typed error.',
});
builder.subscriptionType({ description: 'What is told as it happens, over WebSocket (graphql-transport-ws) or SSE.' });
