import { mkdirSync } from 'node:fs';
import type { PluginHost, PluginLogger } from './contract.ts';
import { ProviderError } from './errors.ts';
import type { PluginNetwork } from './network.ts';

/** How long a connection may take to be made, unless the configuration says otherwise. */
export const DEFAULT_CONNECT_MS = 5_000;

/** A host with the switch that ends its provider. */
export interface OwnedHost extends PluginHost {
  /** How long a connection may take to be made. */
  readonly connectMs: number;
  /** Aborts `signal`. Idempotent. */
  end(): void;
}

/** What a provider gets from this server. */
export function createHost(parts: {
  network: PluginNetwork;
  logger: PluginLogger;
  /** Made where it is missing. */
  cacheDir: string;
  connectMs?: number;
}): OwnedHost {
  const { network, logger, cacheDir, connectMs = DEFAULT_CONNECT_MS } = parts;
  const ending = new AbortController();
  mkdirSync(cacheDir, { recursive: true });
  return {
    ...network.access(connectMs),
    logger,
    now: Date.now,
    signal: ending.signal,
    cacheDir,
    connectMs,
    end: () => ending.abort(new ProviderError('unavailable', 'the provider was closed')),
  };
}
