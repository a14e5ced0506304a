import { checkPlugin } from './conformance/plugin-check.ts';
import type { PluginLogger, PluginManifest, ProviderPlugin } from './contract.ts';
import { DEFAULT_CONNECT_MS } from './host.ts';
import { readManifest } from './manifest.ts';
import type { PluginNetwork } from './network.ts';
import { PluginRefusedError } from './plugin-errors.ts';
import { checkUrl, findFile, findPackage, type PluginModule, type PluginSource } from './plugin-source.ts';
import { connectProcess } from './remote/plugin-process.ts';
import { PluginThread } from './remote/plugin-thread.ts';
import { type RemoteConnection, remoteProvider } from './remote/remote-provider.ts';

const MANIFEST_TIMEOUT_MS = 10_000;
const MANIFEST_MAX_BYTES = 1_000_000;

/** A plugin that answers from its own thread or process. */
export interface LoadedPlugin {
  plugin: ProviderPlugin;
  /** As it was asked for, in one spelling. */
  source: PluginSource;
  /**
   * Ends its thread. Idempotent.
   * @param drainMs how long calls under way may take to finish
   */
  close(drainMs?: number): Promise<void>;
}

export interface LoaderParts {
  pluginsDir: string;
  /** Whether plugins may connect to private addresses, or be at one. */
  allowPrivate: boolean;
  network: PluginNetwork;
  logger: PluginLogger;
}

/** Brings plugins to life that are no part of the server. */
export class PluginLoader {
  readonly #parts: LoaderParts;

  constructor(parts: LoaderParts) {
    this.#parts = parts;
  }

  /**
   * Loads a plugin and checks it, as far as that can be done without its vendor.
   * @throws PluginRefusedError
   */
  async load(source: PluginSource): Promise<LoadedPlugin> {
    if (source.kind === 'url') return loadProcess(source.value, this.#parts);
    if (source.kind === 'package') return this.#loadModule(findPackage(source.value), source);
    const { module, path } = await findFile(this.#parts.pluginsDir, source.value);
    return this.#loadModule(module, { kind: 'path', value: path });
  }

  async #loadModule(module: PluginModule, source: PluginSource): Promise<LoadedPlugin> {
    const { allowPrivate, logger } = this.#parts;
    const thread = new PluginThread({ ...module, allowPrivate }, logger);
    try {
      const { manifest: given, verify } = await thread.load();
      const manifest = readManifest(given);
      refuseProblems(await verify().catch((error: unknown) => [(error as Error).message]));
      const plugin = pluginOf(manifest, (config, host) => thread.connect(manifest, config, host));
      return { plugin, source, close: (drainMs) => thread.close(drainMs) };
    } catch (error) {
      await thread.close();
      throw error;
    }
  }
}

/** A plugin that is a process of its own. @throws PluginRefusedError */
export async function loadProcess(
  given: string,
  { network, allowPrivate }: Pick<LoaderParts, 'network' | 'allowPrivate'>,
): Promise<LoadedPlugin> {
  const url = await checkUrl(given, allowPrivate);
  const manifest = readManifest(await fetchManifest(url, network));
  const plugin = pluginOf(manifest, (config, host) => connectProcess(url, config, host));
  refuseProblems(await checkPlugin(plugin));
  return { plugin, source: { kind: 'url', value: url }, close: async () => undefined };
}

async function fetchManifest(url: string, network: PluginNetwork): Promise<unknown> {
  const { fetch } = network.access(DEFAULT_CONNECT_MS);
  const address = `${url}/manifest`;
  const signal = AbortSignal.timeout(MANIFEST_TIMEOUT_MS);
  const response = await fetch(address, { redirect: 'manual', signal }).catch((error: unknown) => {
    throw new PluginRefusedError('URL_UNREACHABLE', `start the process first: ${address} does not answer`, {
      cause: error,
    });
  });
  const body = await readBody(response).catch((error: unknown) => {
    if (error instanceof PluginRefusedError) throw error;
    throw new PluginRefusedError('URL_UNREACHABLE', `the answer of ${address} was cut`, { cause: error });
  });
  if (response.status !== 200) {
    throw new PluginRefusedError('URL_UNREACHABLE', `${address} must answer with 200, not with ${response.status}`);
  }
  try {
    return JSON.parse(body);
  } catch (error) {
    throw new PluginRefusedError('MANIFEST_INVALID', `${address} must answer with JSON`, { cause: error });
  }
}

async function readBody(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body ?? []) {
    size += chunk.length;
    if (size > MANIFEST_MAX_BYTES) throw new PluginRefusedError('MANIFEST_INVALID', 'the manifest is too long');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function pluginOf(
  manifest: PluginManifest,
  connect: (config: unknown, host: Parameters<ProviderPlugin['create']>[1]) => RemoteConnection,
): ProviderPlugin {
  return { manifest, create: (config, host) => remoteProvider(manifest, config, host, connect(config, host)) };
}

function refuseProblems(problems: unknown): void {
  if (!Array.isArray(problems) || problems.length === 0) return;
  throw new PluginRefusedError('CONFORMANCE_FAILED', problems.join(' '));
}
