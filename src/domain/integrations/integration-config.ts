import { checkPluginConfig } from '../../plugins/config-check.ts';
import type { PluginManifest } from '../../plugins/contract.ts';
import { isWithin, leafPathsIn, secretPathsIn } from '../../plugins/secret-properties.ts';
import { isJsonObject } from '../../shared/json.ts';
import { type ConfigProblem, pluginPart, readCallConfig } from './call-config.ts';
import type { Credentials } from './credential-vault.ts';
import type { Integration } from './integration.ts';

const CONFIG_MAX_BYTES = 65_536;
const CREDENTIALS_MAX_BYTES = 16_384;

/**
 * Everything that is wrong with a configuration and its credentials, by the plugin's schema and by what is common to
 * all. Values are never repeated.
 * @returns the configuration as it is stored
 */
export function checkConfig(
  manifest: PluginManifest,
  given: Record<string, unknown>,
  credentials: Credentials,
): { config: Integration['config']; problems: ConfigProblem[] } {
  const tooLarge = [
    ...checkSize('config', given, CONFIG_MAX_BYTES),
    ...checkSize('credentials', credentials, CREDENTIALS_MAX_BYTES),
  ];
  if (tooLarge.length > 0) return { config: {}, problems: tooLarge };
  const { common, problems } = readCallConfig(manifest, given);
  const config = { ...given, ...common };
  const misplaced = [
    ...secretsIn(manifest, given),
    ...strangersIn(manifest, credentials),
    ...unprintableIn(credentials, ['credentials']),
  ];
  if (misplaced.length > 0) return { config, problems: [...misplaced, ...problems] };
  const issues = checkPluginConfig(manifest, pluginConfig(manifest, config, credentials)).map((issue) => {
    const { path, message, isMissingSecret } = issue;
    if (isMissingSecret) {
      return { path: ['credentials', ...path], message: `give the credential ${path.join('.')} in credentials` };
    }
    return { path: [isCredential(manifest, credentials, path) ? 'credentials' : 'config', ...path], message };
  });
  return { config, problems: distinct([...problems, ...issues]) };
}

/** What the plugin's `create` takes. */
export function pluginConfig(
  manifest: PluginManifest,
  config: Record<string, unknown>,
  credentials: Credentials,
): Record<string, unknown> {
  return merged(pluginPart(manifest, config), credentials);
}

function secretsIn(manifest: PluginManifest, config: Record<string, unknown>): ConfigProblem[] {
  const message = 'is a credential: it belongs in credentials';
  return secretPathsIn(manifest.configSchema, config).map((path) => ({ path: ['config', ...path], message }));
}

function strangersIn(manifest: PluginManifest, credentials: Credentials): ConfigProblem[] {
  const secrets = secretPathsIn(manifest.configSchema, credentials);
  const message = 'is no credential of this plugin: what is not secret belongs in config';
  return leafPathsIn(credentials)
    .filter((path) => !isWithin(path, secrets))
    .map((path) => ({ path: ['credentials', ...path], message }));
}

/** They are sent in headers, where such a character is an error, or worse. Keys in PEM and in JSON have lines. */
function unprintableIn(value: unknown, path: string[]): ConfigProblem[] {
  if (typeof value === 'object' && value !== null) {
    return Object.entries(value).flatMap(([key, inner]) => unprintableIn(inner, [...path, key]));
  }
  if (typeof value !== 'string') return [];
  const allowed = value.startsWith('-----BEGIN ') || value.startsWith('{') ? /[\t\r\n]/g : /(?!)/g;
  if (!/\p{Cc}/u.test(value.replace(allowed, ''))) return [];
  return [{ path, message: 'has a line break or another control character: give it without' }];
}

function isCredential(manifest: PluginManifest, credentials: Credentials, path: readonly string[]): boolean {
  return path.length > 0 && isWithin(path, secretPathsIn(manifest.configSchema, credentials));
}

function checkSize(part: string, value: unknown, maxBytes: number): ConfigProblem[] {
  const isLarger = Buffer.byteLength(JSON.stringify(value)) > maxBytes;
  return isLarger ? [{ path: [part], message: `may have ${maxBytes / 1_024} KB as JSON` }] : [];
}

function merged(left: Record<string, unknown>, right: Record<string, unknown>): Record<string, unknown> {
  const both = Object.entries(right).map(([key, value]) => {
    const before = Object.hasOwn(left, key) ? left[key] : undefined;
    return [key, isJsonObject(before) && isJsonObject(value) ? merged(before, value) : value] as const;
  });
  return { ...left, ...Object.fromEntries(both) };
}

/** A property that both schemas know is checked by both. */
function distinct(problems: readonly ConfigProblem[]): ConfigProblem[] {
  const byPlace = new Map(problems.map((problem) => [problem.path.join('/'), problem]));
  return [...byPlace.values()];
}
