import { GraphQLError, Kind, type ValueNode } from 'graphql';
import { isDeeperThan, isJsonObject, JSON_MAX_DEPTH, type JsonObject, type JsonValue } from '../shared/json.ts';
import { isUpload } from '../shared/upload.ts';
import { builder } from './builder.ts';

const RFC_3339 = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?(?:Z|[+-]\d{2}:\d{2})$/i;
const DECIMAL = /^-?\d{1,30}(?:\.\d{1,30})?$/;

const SEND_FILES =
  'a File is no JSON: send it as a part of a multipart/form-data request, with null in its variable and its part in `map` ' +
  '(https://github.com/jaydenseric/graphql-multipart-request-spec)';

builder.scalarType('DateTime', {
  description: 'An instant as RFC 3339 in UTC, e.g. "2026-03-01T12:00:00.000Z".',
  specifiedByURL: 'https://www.rfc-editor.org/rfc/rfc3339',
  serialize: (value) => value.toISOString(),
  parseValue: (value) => {
    const instant = typeof value === 'string' && RFC_3339.test(value) ? new Date(value) : null;
    // NaN is in no range.
    const year = instant?.getUTCFullYear() ?? 0;
    if (instant === null || !(year >= 1 && year <= 9_999)) {
      throw new GraphQLError(
        'a DateTime is an RFC 3339 instant of the years 0001 to 9999, such as "2026-03-01T12:00:00Z"',
      );
    }
    return instant;
  },
});

builder.scalarType('Decimal', {
  description: 'An exact decimal as a string, e.g. "0.00012300". Money is never a float.',
  serialize: (value) => value,
  parseValue: (value) => {
    if (typeof value !== 'string' || !DECIMAL.test(value)) {
      throw new GraphQLError('a Decimal is a string of digits with at most one point, such as "12.50"');
    }
    return value;
  },
});

builder.scalarType('JSON', {
  description: 'A JSON object.',
  serialize: (value) => value,
  parseValue: (value) => {
    if (!isJsonObject(value)) throw new GraphQLError('a JSON value is an object such as {"plan": "pro"}');
    if (isDeeperThan(value, JSON_MAX_DEPTH)) {
      throw new GraphQLError(`a JSON value may be nested ${JSON_MAX_DEPTH} levels deep`);
    }
    return value;
  },
  parseLiteral: (node, variables) => {
    if (node.kind !== Kind.OBJECT)
      throw new GraphQLError('a JSON value is an object such as {plan: "pro"}', { nodes: node });
    return readLiteral(node, variables ?? {}) as JsonObject;
  },
});

builder.scalarType('Vector', {
  description: 'The numbers of an embedding, as an array; serialised in one piece.',
  serialize: (value) => Array.from(value),
  parseValue: () => {
    throw new GraphQLError('a Vector is only ever an answer');
  },
});

builder.scalarType('File', {
  description:
    'A file, sent as a part of a multipart/form-data request (graphql-multipart-request-spec) and read as a stream.',
  specifiedByURL: 'https://github.com/jaydenseric/graphql-multipart-request-spec',
  serialize: () => {
    throw new GraphQLError('a File is only ever sent to the server');
  },
  parseValue: (value) => {
    if (!isUpload(value)) throw new GraphQLError(SEND_FILES);
    return value;
  },
  parseLiteral: (node) => {
    throw new GraphQLError(SEND_FILES, { nodes: node });
  },
});

function readLiteral(node: ValueNode, variables: Record<string, unknown>): JsonValue {
  switch (node.kind) {
    case Kind.OBJECT:
      return Object.fromEntries(node.fields.map((field) => [field.name.value, readLiteral(field.value, variables)]));
    case Kind.LIST:
      return node.values.map((value) => readLiteral(value, variables));
    case Kind.INT:
    case Kind.FLOAT:
      return Number(node.value);
    case Kind.NULL:
      return null;
    case Kind.VARIABLE:
      return (variables[node.name.value] ?? null) as JsonValue;
    default:
      return node.value;
  }
}
