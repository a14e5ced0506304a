import { GraphQLError } from 'graphql';
import type { GraphQLParams } from 'graphql-yoga';
import { z } from 'zod';
import { isJsonObject } from '../shared/json.ts';

/** Where a file goes: `variables.input.file` as ['variables', 'input', 'file']. */
export type VariablePath = string[];

/** Which part of a request goes to which variables. */
export type FileMap = ReadonlyMap<string, VariablePath[]>;

const MAP = z.record(z.string().min(1).max(100), z.array(z.string().startsWith('variables.').max(200)).min(1).max(20));

/** A multipart request that is refused before anything was executed. */
export function refusal(message: string, status = 400): GraphQLError {
  return new GraphQLError(message, { extensions: { code: 'BAD_INPUT', http: { status } } });
}

/** @throws GraphQLError */
export function readOperations(text: string): GraphQLParams {
  const operations = parseJson('operations', text);
  if (Array.isArray(operations)) throw refusal('`operations` must be one operation: a request has no batch of them');
  if (!isJsonObject(operations))
    throw refusal('`operations` must be an object such as { "query": "…", "variables": {} }');
  return operations as GraphQLParams;
}

/** @throws GraphQLError */
export function readMap(text: string, maxFiles: number): FileMap {
  const map = MAP.safeParse(parseJson('map', text));
  if (!map.success) throw refusal('`map` must be an object such as { "0": ["variables.input.file"] }');
  const files = Object.entries(map.data);
  if (files.length > maxFiles) throw refusal(`a request may have ${maxFiles} files`);
  return new Map(files.map(([name, paths]) => [name, paths.map((path) => path.split('.'))]));
}

/**
 * Puts a file where `map` wants it, which has to be null as the specification says: nothing is overwritten.
 * @throws GraphQLError
 */
export function placeFile(operations: GraphQLParams, path: VariablePath, file: object): void {
  let place: unknown = operations;
  for (const segment of path.slice(0, -1)) place = ownValue(place, segment);
  const last = path.at(-1) ?? '';
  if (ownValue(place, last) !== null) {
    throw refusal(`\`map\` names ${path.join('.')}, where \`operations\` must have null`);
  }
  (place as Record<string, unknown>)[last] = file;
}

function ownValue(place: unknown, name: string): unknown {
  return typeof place === 'object' && place !== null && Object.hasOwn(place, name)
    ? (place as Record<string, unknown>)[name]
    : undefined;
}

function parseJson(field: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw refusal(`\`${field}\` is no JSON`);
  }
}
