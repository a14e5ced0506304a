import type { JsonSchema } from '../plugins/contract.ts';

/** A credential of a configuration. */
export function secretProperty(title: string, description: string): JsonSchema {
  return { type: 'string', minLength: 1, secret: true, title, description };
}

export function apiKeyProperty(description: string): JsonSchema {
  return secretProperty('API key', description);
}

/** An address of a configuration. @param more such as its `default` */
export function urlProperty(title: string, description: string, more: JsonSchema = {}): JsonSchema {
  return { type: 'string', format: 'uri', pattern: '^https?://', ...more, title, description };
}

export function baseUrlProperty(description: string, more: JsonSchema = {}): JsonSchema {
  return urlProperty('Base URL', description, more);
}

/** What every vendor's configuration begins with. */
export const CONFIG_OBJECT: JsonSchema = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  type: 'object',
  additionalProperties: false,
};
