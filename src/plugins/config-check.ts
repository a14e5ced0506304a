import type { ErrorObject, ValidateFunction } from 'ajv';
import { Ajv2020 } from 'ajv/dist/2020.js';
import type { JsonSchema, PluginManifest } from './contract.ts';
import { isWithin, secretPathsIn } from './secret-properties.ts';

/** What is wrong with one place of a configuration. */
export interface ConfigIssue {
  /** e.g. ['models', '0', 'source']; empty for the configuration as a whole. */
  path: string[];
  message: string;
  /** A credential that is not there. */
  isMissingSecret: boolean;
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
  return (validate.errors ?? []).map((error) => issueOf(manifest.configSchema, config, error));
}

/** What is missing is named at its own place. */
function issueOf(schema: JsonSchema, config: unknown, error: ErrorObject): ConfigIssue {
  const steps = error.instancePath.split('/').slice(1);
  const place = steps.map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'));
  const { missingProperty } = error.params as { missingProperty?: string };
  if (error.keyword !== 'required' || missingProperty === undefined) {
    return { path: place, message: error.message ?? 'is not valid', isMissingSecret: false };
  }
  const path = [...place, missingProperty];
  return {
    path,
    message: 'is missing',
    isMissingSecret: isWithin(path, secretPathsIn(schema, filledAt(config, path))),
  };
}

/** The configuration as it would be with something at a place: where credentials are shows by what is there alone. */
function filledAt(config: unknown, path: readonly string[]): unknown {
  const filled: unknown = structuredClone(config);
  const parent = path.slice(0, -1).reduce<unknown>((value, step) => (value as Record<string, unknown>)[step], filled);
  (parent as Record<string, unknown>)[path.at(-1) as string] = '';
  return filled;
}
