import { readFileSync } from 'node:fs';
import {
  type GraphQLNamedType,
  isEnumType,
  isInputObjectType,
  isInterfaceType,
  isIntrospectionType,
  isNonNullType,
  isObjectType,
  isSpecifiedScalarType,
  isUnionType,
  printSchema,
} from 'graphql';
import { describe, expect, test } from 'vitest';
import { schema } from '../../src/schema/index.ts';

const OWN_TYPES = Object.values(schema.getTypeMap()).filter(
  (type) => !isIntrospectionType(type) && !isSpecifiedScalarType(type),
);

/** Everything of a type that a reader of the API may ask about, by its path. */
function describedParts(type: GraphQLNamedType): [path: string, description: string | null | undefined][] {
  const parts: [string, string | null | undefined][] = [[type.name, type.description]];
  if (isEnumType(type)) {
    for (const value of type.getValues()) parts.push([`${type.name}.${value.name}`, value.description]);
  } else if (isInputObjectType(type)) {
    for (const field of Object.values(type.getFields())) parts.push([`${type.name}.${field.name}`, field.description]);
  } else if (isObjectType(type) || isInterfaceType(type)) {
    for (const field of Object.values(type.getFields())) {
      parts.push([`${type.name}.${field.name}`, field.description]);
      for (const argument of field.args)
        parts.push([`${type.name}.${field.name}(${argument.name})`, argument.description]);
    }
  }
  return parts;
}

describe('the schema', () => {
  test('is the one that is committed in schema.graphql', () => {
    const committed = readFileSync(new URL('../../schema.graphql', import.meta.url), 'utf8');
    expect(`${printSchema(schema)}\n`, 'run `npm run schema`').toBe(committed);
  });

  test('describes every type, field, argument, value and input field', () => {
    const parts = OWN_TYPES.flatMap(describedParts);
    expect(parts.length).toBeGreaterThan(300);
    expect(parts.filter(([, description]) => (description ?? '').trim().length < 3).map(([path]) => path)).toEqual([]);
  });

  const mutations = Object.values(schema.getMutationType()?.getFields() ?? {});

  test('every mutation takes one required `input` and answers with a union of its result and typed errors', () => {
    expect(mutations.length).toBeGreaterThanOrEqual(10);
    for (const { name, args, type } of mutations) {
      expect([name, args.map((argument) => argument.name)]).toEqual([name, ['input']]);
      expect(isNonNullType(args[0]?.type)).toBe(true);
      const result = isNonNullType(type) ? type.ofType : type;
      if (!isUnionType(result)) throw new Error(`${name} answers with ${String(type)}, which is no union`);
      const errors = result
        .getTypes()
        .filter((member) => member.getInterfaces().some(({ name: of }) => of === 'Error'));
      expect(errors.map((error) => error.name)).toContain('ForbiddenError');
      expect(result.getTypes().length - errors.length).toBe(1);
    }
  });

  test('every list that can grow is a connection with pages of a bounded size', () => {
    const connections = OWN_TYPES.filter((type) => type.name.endsWith('Connection'));
    expect(connections.length).toBeGreaterThanOrEqual(5);
    for (const type of connections) {
      expect(isObjectType(type) && Object.keys(type.getFields())).toEqual(
        expect.arrayContaining(['edges', 'nodes', 'pageInfo']),
      );
    }
  });
});
