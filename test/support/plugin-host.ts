import type { PluginLogger } from '../../src/plugins/contract.ts';
import { createHost, type OwnedHost } from '../../src/plugins/host.ts';
import { PluginNetwork } from '../../src/plugins/network.ts';

export const SILENT_LOGGER: PluginLogger = { debug() {}, info() {}, warn() {}, error() {} };

/** A host as the server makes them, that may connect to this machine. */
export function testHost(cacheDir: string, options: { connectMs?: number; logger?: PluginLogger } = {}): OwnedHost {
  const network = new PluginNetwork({ allowPrivate: true });
  return createHost({ network, cacheDir, logger: SILENT_LOGGER, ...options });
}
