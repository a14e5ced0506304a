import { cpSync, mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { TestServer } from '../server-harness.ts';

/** A `ProviderPlugin`, a `Deleted`, or a typed error: what is not of the one is absent. */
export interface PluginResult {
  __typename: string;
  id: string;
  version: string;
  source: string;
  error: string | null;
  count: number;
  code: string;
  message: string;
  issues: { path: string[]; message: string; reason: string | null }[];
}

const REGISTER = /* GraphQL */ `
  mutation Register($input: RegisterProviderPluginInput!) {
    result: registerProviderPlugin(input: $input) {
      __typename
      ... on ProviderPlugin { id version source error }
      ... on Error { code message }
      ... on InvalidInputError { issues { path message reason } }
    }
  }
`;
const UNREGISTER = /* GraphQL */ `
  mutation Unregister($input: UnregisterProviderPluginInput!) {
    result: unregisterProviderPlugin(input: $input) {
      __typename
      ... on Deleted { count }
      ... on Error { code message }
    }
  }
`;
const LIST = /* GraphQL */ `
  query Plugins($capability: Capability) {
    providerPlugins(capability: $capability) { id label version source error capabilities configSchema docsUrl }
  }
`;

async function mutate(server: TestServer, document: string, input: object, key?: string): Promise<PluginResult> {
  const { body } = await server.query<{ result: PluginResult }>(document, { input }, { key });
  if (body.data?.result === undefined) throw new Error(body.errors?.[0]?.extensions.code ?? 'no answer');
  return body.data.result;
}

export function registerPlugin(
  server: TestServer,
  input: { package?: string; path?: string; url?: string },
  key: string | undefined = server.rootKey,
): Promise<PluginResult> {
  return mutate(server, REGISTER, input, key);
}

export function unregisterPlugin(
  server: TestServer,
  id: string,
  key: string | undefined = server.rootKey,
): Promise<PluginResult> {
  return mutate(server, UNREGISTER, { id }, key);
}

export async function listPlugins(server: TestServer, capability?: string): Promise<PluginResult[]> {
  const { body } = await server.query<{ providerPlugins: PluginResult[] }>(
    LIST,
    { capability },
    { key: server.rootKey },
  );
  return body.data?.providerPlugins ?? [];
}

/** The plugin of that id as a server lists it. */
export async function findPlugin(server: TestServer, id: string): Promise<PluginResult | undefined> {
  return (await listPlugins(server)).find((plugin) => plugin.id === id);
}

/** Puts a module of the repository into a server's plugins folder. */
export function installModule(pluginsDir: string, path: string, name: string): void {
  const target = join(pluginsDir, name);
  mkdirSync(dirname(target), { recursive: true });
  cpSync(fileURLToPath(new URL(`../../../${path}`, import.meta.url)), target);
}
