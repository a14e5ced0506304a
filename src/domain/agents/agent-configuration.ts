import { z } from 'zod';
import { type InputIssue, InvalidInputError } from '../../shared/errors.ts';
import { isJsonObject, type JsonObject } from '../../shared/json.ts';
import { nearestName } from '../../shared/nearest-name.ts';
import type { AgentType, AgentTypeDefinition } from './agent-type.ts';
import { configurationOf } from './run-configuration.ts';

/** Each run keeps both. An input may bring a hundred metrics of two years of days; an HTTP request may have four times as much. */
const MAX_BYTES = { configuration: 131_072, input: 8 * 1024 * 1024 };
const ISSUES_MAX = 100;

const SCHEMAS = new Map<AgentType, JsonObject>();

/** JSON Schema of all that an agent of a type can be told. */
export function configurationSchemaOf(definition: AgentTypeDefinition): JsonObject {
  const known = SCHEMAS.get(definition.type);
  if (known !== undefined) return known;
  const made = z.toJSONSchema(configurationOf(definition), { target: 'draft-2020-12', io: 'input' }) as JsonObject;
  SCHEMAS.set(definition.type, made);
  return made;
}

/**
 * A configuration as it is kept: with the defaults of what it leaves out.
 * @throws InvalidInputError with a path for everything that is wrong, also for settings that the type does not have
 */
export function checkedConfiguration(definition: AgentTypeDefinition, given: unknown): JsonObject {
  return checkedAs('configuration', configurationOf(definition), given);
}

/**
 * What a run is asked for, as its type understands it.
 * @throws InvalidInputError, as `checkedConfiguration`
 */
export function checkedInput(definition: AgentTypeDefinition, given: unknown): JsonObject {
  return checkedAs('input', definition.input.strict(), given);
}

function checkedAs(field: keyof typeof MAX_BYTES, schema: z.ZodObject, given: unknown): JsonObject {
  if (!isJsonObject(given)) throw InvalidInputError.at(field, 'must be an object');
  if (Buffer.byteLength(JSON.stringify(given)) > MAX_BYTES[field]) {
    throw InvalidInputError.at(field, `must not have more than ${MAX_BYTES[field]} bytes`);
  }
  const parsed = schema.safeParse(given);
  // Plain JSON: what a schema has made of a date or of something left out is told again as it was given.
  if (parsed.success) return JSON.parse(JSON.stringify(parsed.data)) as JsonObject;
  const issues = parsed.error.issues.flatMap((issue) => issuesOf(field, schema, issue));
  throw new InvalidInputError(issues.slice(0, ISSUES_MAX));
}

function issuesOf(field: string, schema: z.ZodObject, issue: z.core.$ZodIssue): InputIssue[] {
  const path = [field, ...issue.path.map(String)];
  if (issue.code !== 'unrecognized_keys') return [{ path, message: issue.message }];
  return issue.keys.map((key) => {
    const nearest = issue.path.length === 0 ? nearestName(key, Object.keys(schema.shape)) : null;
    return {
      path: [...path, key],
      message: `is not known here${nearest === null ? '' : `: did you mean ${nearest}?`}`,
    };
  });
}
