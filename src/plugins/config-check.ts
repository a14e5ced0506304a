import { Ajv2020 } from 'ajv/dist/2020.js';
import type { PluginManifest } from './contract.ts';

/** What is wrong with one place of a configuration. */
export interface ConfigIssue {
  /** e.g. ['models', '0', 'source']; empty for the configuration as a whole. */
  path: string[];
  message: string;
}

const ajv = new Ajv2020({ allErrors: true, strict: false });

/** What is wrong with a plugin's configuration, by the plugin's own JSON Schema; nothing where it is fine. */
export function checkPluginConfig(manifest: PluginManifest, config: unknown): ConfigIssue[] {
  const validate = ajv.compile(manifest.configSchema);
  if (validate(config)) return [];
  return (validate.errors ?? []).map((error) => ({
    path: error.instancePath.split('/').slice(1),
    message: error.message ?? 'is not valid',
  }));
}
