import { lookup } from 'node:dns/promises';
import ipaddr from 'ipaddr.js';
import type { JsonSchema, PluginManifest } from '../../plugins/contract.ts';
import { isJsonObject } from '../../shared/json.ts';
import { isPublicAddress } from '../../shared/public-address.ts';
import { withoutTrailingSlash } from '../../shared/trailing-slash.ts';
import { type ConfigProblem, pluginPart, propertiesOf } from './call-config.ts';

/** Names of properties that hold a url, whatever their schema says. */
const URL_NAME = /(url|uri|endpoint)$/i;
/** Names of properties that decide where a provider's requests go, without being urls. */
const PLACE_NAME = /(host|hostname|domain|origin|server|proxy|address|resource|region|port)$/i;
const LOOKUP_TIMEOUT_MS = 3_000;
const URL_MAX_CHARACTERS = 2_048;

/** A part of a configuration that says where a provider's requests go. */
interface Address {
  /** From the configuration as a whole. */
  path: string[];
  value: string;
  isUrl: boolean;
}

/** What urls of a configuration have to keep to. */
export interface UrlRules {
  /** Also addresses that are not of the public internet. */
  allowPrivate: boolean;
  /** Credentials go there, and not without encryption over the public internet. */
  withCredentials: boolean;
}

/**
 * What is wrong with the urls of a configuration: anything but http(s), user names and fragments, and what the rules
 * forbid. A name that cannot be looked up now is no problem: whether it leads to a private address is checked again for
 * each connection.
 */
export async function checkUrls(
  manifest: PluginManifest,
  config: Record<string, unknown>,
  rules: UrlRules,
): Promise<ConfigProblem[]> {
  const urls = addressesIn(manifest, config).filter(({ isUrl }) => isUrl);
  const messages = await Promise.all(urls.map(({ value }) => urlProblem(value, rules)));
  return urls.flatMap(({ path }, i) => {
    const message = messages[i];
    return message == null ? [] : [{ path: ['config', ...path], message }];
  });
}

/** Where another configuration would send the same credentials to another place; nothing where it would not. */
export function movedAddresses(
  manifest: PluginManifest,
  before: Record<string, unknown>,
  after: Record<string, unknown>,
): string[][] {
  const old = placesOf(manifest, before);
  const now = placesOf(manifest, after);
  const keys = [...new Set([...old.keys(), ...now.keys()])].filter((key) => old.get(key) !== now.get(key));
  return keys.map((key) => JSON.parse(key) as string[]);
}

/** What is wrong with one url; null where nothing is. */
export async function urlProblem(value: string, { allowPrivate, withCredentials }: UrlRules): Promise<string | null> {
  if (value.length > URL_MAX_CHARACTERS) return `may have ${URL_MAX_CHARACTERS} characters`;
  if (!URL.canParse(value)) return 'must be an http(s) url';
  const url = new URL(value);
  if (url.protocol !== 'http:' && url.protocol !== 'https:') return 'must be an http(s) url';
  if (url.username !== '' || url.password !== '') return 'must not hold a user name or password: use credentials';
  if (url.hash !== '' || value.endsWith('#')) return 'must not have a fragment';
  const isPlain = withCredentials && url.protocol === 'http:';
  if (allowPrivate && !isPlain) return null;
  const isPublic = (await addressesOf(url.hostname.replace(/^\[|\]$/g, ''))).map(isPublicAddress);
  if (!allowPrivate && isPublic.includes(false)) {
    return 'leads to a private address; set SIGNALBOX_ALLOW_PRIVATE_URLS=1 on the server where that is wanted';
  }
  return isPlain && isPublic.includes(true) ? 'must be https: credentials are sent there' : null;
}

/** Nothing for a name that cannot be looked up now. */
async function addressesOf(host: string): Promise<string[]> {
  if (ipaddr.isValid(host)) return [host];
  const tooLate = AbortSignal.timeout(LOOKUP_TIMEOUT_MS);
  const unknown = new Promise<never[]>((resolve) => tooLate.addEventListener('abort', () => resolve([])));
  const found = await Promise.race([lookup(host, { all: true }).catch(() => []), unknown]);
  return found.map(({ address }) => address);
}

/** By path: a url in one spelling, and anything else as it is. Gateways have many customers at one origin, told by path. */
function placesOf(manifest: PluginManifest, config: Record<string, unknown>): Map<string, string> {
  const withDefaults = { ...defaultsOf(manifest.configSchema), ...config };
  return new Map(
    addressesIn(manifest, withDefaults).map(({ path, value, isUrl }) => {
      const place = isUrl && URL.canParse(value) ? withoutTrailingSlash(new URL(value).href) : value;
      return [JSON.stringify(path), place];
    }),
  );
}

function defaultsOf(schema: JsonSchema): Record<string, unknown> {
  const defaults = Object.entries(propertiesOf(schema)).map(([key, property]) => [key, property.default]);
  return Object.fromEntries(defaults.filter(([, value]) => value !== undefined));
}

function addressesIn(manifest: PluginManifest, config: Record<string, unknown>): Address[] {
  return walk(manifest.configSchema, pluginPart(manifest, config), []);
}

function walk(schema: unknown, value: unknown, path: string[]): Address[] {
  const own = isJsonObject(schema) ? schema : {};
  if (typeof value === 'string' || typeof value === 'number') return addressOf(own, String(value), path);
  if (Array.isArray(value)) return value.flatMap((item, i) => walk(own.items, item, [...path, String(i)]));
  if (!isJsonObject(value)) return [];
  const properties = propertiesOf(own as JsonSchema);
  return Object.entries(value).flatMap(([key, item]) => walk(properties[key], item, [...path, key]));
}

function addressOf(schema: Record<string, unknown>, value: string, path: string[]): Address[] {
  const name = path.findLast((step) => !/^\d+$/.test(step)) ?? '';
  if (schema.format === 'uri' || URL_NAME.test(name) || /^[a-z]+:\/\//i.test(value)) {
    return [{ path, value, isUrl: true }];
  }
  const isPlace = PLACE_NAME.test(name) || schema.format === 'hostname';
  return isPlace ? [{ path, value, isUrl: false }] : [];
}
