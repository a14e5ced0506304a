import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';
import type { CallContext, PluginLogger, Provider } from '../../src/plugins/contract.ts';
import { type LoadedPlugin, PluginLoader } from '../../src/plugins/loader.ts';
import { PluginNetwork } from '../../src/plugins/network.ts';
import type { PluginSource } from '../../src/plugins/plugin-source.ts';
import { testHost } from '../support/plugin-host.ts';
import { makeTempFolder } from '../support/temp-folder.ts';

/** Folder of the plugin modules of these tests. */
export const MODULES = fileURLToPath(new URL('./modules', import.meta.url));

/** One line of a log. */
export interface LogLine {
  level: string;
  fields: object;
  message: string;
}

/** A logger that keeps what it is told. */
export function keepingLogger(): { logger: PluginLogger; lines: LogLine[] } {
  const lines: LogLine[] = [];
  const at = (level: string) => (fields: object, message: string) => void lines.push({ level, fields, message });
  return { lines, logger: { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') } };
}

/** What loads plugins from a folder, and may use this machine's addresses unless told otherwise. */
export function testLoader(
  options: { pluginsDir?: string; allowPrivate?: boolean; logger?: PluginLogger } = {},
): PluginLoader {
  const { allowPrivate = true } = options;
  const network = new PluginNetwork({ allowPrivate });
  const logger = options.logger ?? keepingLogger().logger;
  return new PluginLoader({ pluginsDir: options.pluginsDir ?? MODULES, allowPrivate, network, logger });
}

/** A plugin that was loaded, one provider of it, and what the two have logged. */
export interface TestPlugin {
  loaded: LoadedPlugin;
  provider: Provider;
  lines: LogLine[];
}

/** Loads a plugin and makes a provider; both are closed when the test is over. */
export async function openPlugin(source: PluginSource, config: object = {}, allowPrivate = true): Promise<TestPlugin> {
  const { logger, lines } = keepingLogger();
  const folder = makeTempFolder('plugin');
  const loaded = await testLoader({ logger, allowPrivate }).load(source);
  const provider = loaded.plugin.create(config as Record<string, unknown>, testHost(folder.path, { logger }));
  onTestFinished(async () => {
    await loaded.close();
    await folder.remove();
  });
  return { loaded, provider, lines };
}

/** What a call is made with, where nobody leaves. */
export function call(signal: AbortSignal = new AbortController().signal): CallContext {
  return { signal, requestId: 'req_test' };
}
