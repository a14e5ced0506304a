import type { ValidateFunction } from 'ajv';
import { Ajv2020 } from 'ajv/dist/2020.js';
import type { JsonSchema, PluginManifest } from './contract.ts';

/** What is wrong with one place of a configuration. */
export interface ConfigIssue {
  /** e.g. ['models', '0', 'source']; empty for the configuration as a whole. */
  path: string[];
  message: string;
}

/** A compiled schema goes with its plugin: ajv itself keeps everything that it has ever compiled. */
const compiled = new WeakMap<JsonSchema, ValidateFunction>();

/** @throws where it is no JSON Schema of draft 2020-12 */
export function compileConfigSchema(schema: JsonSchema): ValidateFunction {
  const known = compiled.get(schema);
  if (known !== undefined) return known;
  // One for each schema: two plugins, or two versions of one, may give theirs the same $id.
  const validate = new Ajv2020({ allErrors: true, strict: false, validateFormats: false }).compile(schema);
  compiled.set(schema, validate);
  return validate;
}

/** What is wrong with a plugin's configuration, by the plugin's own JSON Schema; nothing where it is fine. */
export function checkPluginConfig(manifest: PluginManifest, config: unknown): ConfigIssue[] {
  const validate = compileConfigSchema(manifest.configSchema);
  if (validate(config)) return [];
  return (validate.errors ?? []).map((error) => ({
    path: error.instancePath.split('/').slice(1),
    message: error.message ?? 'is not valid',
  }));
}
