import { tmpdir } from 'node:os';
import { isJsonObject } from '../../shared/json.ts';
import { checkPluginConfig } from '../config-check.ts';
import type { Capability, PluginHost, PluginManifest, Provider, ProviderPlugin } from '../contract.ts';
import { ProviderError } from '../errors.ts';
import { readManifest } from '../manifest.ts';

/** The method that is the capability. Null: a way of GENERATE. */
const METHOD_OF: Readonly<Record<Capability, keyof Provider | null>> = {
  EMBED: 'embed',
  GENERATE: 'generate',
  STREAM: 'stream',
  STRUCTURED_OUTPUT: null,
  TOOLS: null,
  IMAGE_INPUT: null,
  RERANK: 'rerank',
  MODERATE: 'moderate',
  TRANSCRIBE: 'transcribe',
  SPEAK: 'speak',
};
const CAPABILITIES = Object.keys(METHOD_OF) as Capability[];

/**
 * What is wrong with a plugin, as far as that shows without its vendor; nothing where it is fine. Each is a sentence.
 * Where a configuration can be made up from the plugin's schema, a provider is made and closed again; nothing is called.
 */
export async function checkPlugin(plugin: ProviderPlugin): Promise<string[]> {
  try {
    readManifest(plugin?.manifest);
  } catch (error) {
    return [(error as Error).message];
  }
  if (typeof plugin.create !== 'function') return ['The plugin has no function `create`.'];
  const problems = modelProblems(plugin.manifest);
  return problems.length > 0 ? problems : providerProblems(plugin);
}

/** How the methods of a provider differ from what its manifest promises. */
export function capabilityProblems(promised: readonly Capability[], provider: Provider): string[] {
  const problems: string[] = [];
  for (const capability of CAPABILITIES) {
    const method = METHOD_OF[capability];
    if (method === null) continue;
    const isThere = typeof provider[method] === 'function';
    if (isThere && !promised.includes(capability)) {
      problems.push(`The provider has a method \`${method}\`, but the manifest's capabilities lack ${capability}.`);
    }
    if (!isThere && promised.includes(capability)) {
      problems.push(`The manifest promises ${capability}, but the provider has no method \`${method}\`.`);
    }
  }
  return problems;
}

/** What its own shape does not show: how the models go with the manifest. */
function modelProblems({ models = [], capabilities }: PluginManifest): string[] {
  const problems: string[] = [];
  const names = new Set<string>();
  for (const { name, capabilities: ofModel } of models) {
    if (names.has(name)) problems.push(`The model ${name} is there twice.`);
    names.add(name);
    const more = ofModel.filter((each) => !capabilities.includes(each));
    if (more.length > 0)
      problems.push(`The model ${name} can do ${more.join(', ')}, which the manifest does not promise.`);
  }
  return problems;
}

async function providerProblems(plugin: ProviderPlugin): Promise<string[]> {
  const { configSchema, capabilities } = plugin.manifest;
  const config = smallestValue(configSchema) as Record<string, unknown>;
  // The schema asks for more than can be made up.
  if (checkPluginConfig(plugin.manifest, config).length > 0) return [];
  const ending = new AbortController();
  try {
    const provider = plugin.create(config, hostWithoutNetwork(ending.signal));
    const problems = capabilityProblems(capabilities, provider);
    for (const method of ['listModels', 'check', 'close'] as const) {
      if (typeof provider[method] !== 'function') problems.push(`The provider has no method \`${method}\`.`);
    }
    if (problems.length > 0) return problems;
    await provider.close();
    await provider.close();
    return [];
  } catch (error) {
    return [`Making and closing a provider failed: ${error instanceof Error ? error.message : String(error)}.`];
  } finally {
    ending.abort();
  }
}

/** A value that the commonest schemas accept: what is required, and nothing else. */
function smallestValue(schema: unknown): unknown {
  if (!isJsonObject(schema)) return {};
  if ('default' in schema) return schema.default;
  if ('const' in schema) return schema.const;
  if (Array.isArray(schema.enum)) return schema.enum[0];
  if (schema.type === 'object') {
    const properties = isJsonObject(schema.properties) ? schema.properties : {};
    const required = Array.isArray(schema.required) ? schema.required.map(String) : [];
    return Object.fromEntries(required.map((name) => [name, smallestValue(properties[name])]));
  }
  if (schema.type === 'array') return [];
  if (schema.type === 'boolean') return false;
  if (schema.type === 'number' || schema.type === 'integer') return schema.minimum ?? 1;
  // An address serves where any text does.
  return 'https://plugin-check.invalid';
}

function hostWithoutNetwork(signal: AbortSignal): PluginHost {
  const refuse = async (): Promise<never> => {
    throw new ProviderError('unavailable', 'a plugin has no network while it is checked');
  };
  const ignore = (): void => undefined;
  return {
    fetch: refuse,
    post: refuse,
    logger: { debug: ignore, info: ignore, warn: ignore, error: ignore },
    now: Date.now,
    signal,
    cacheDir: tmpdir(),
  };
}
