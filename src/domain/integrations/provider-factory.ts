import type { Logger } from '../../observability/logger.ts';
import { checkPluginConfig } from '../../plugins/config-check.ts';
import type { Provider, ProviderPlugin } from '../../plugins/contract.ts';
import { createHost, type OwnedHost } from '../../plugins/host.ts';
import type { PluginNetwork } from '../../plugins/network.ts';
import { PluginNotFoundError } from '../../plugins/plugin-errors.ts';
import type { PluginRegistry, RegisteredPlugin } from '../../plugins/registry.ts';
import { redactionOf } from '../../plugins/remote/redaction.ts';
import { UnavailableError } from '../../shared/errors.ts';
import type { Credentials, CredentialVault } from './credential-vault.ts';
import type { StoredIntegration } from './integration.ts';
import { pluginConfig } from './integration-config.ts';
import type { OpenedProvider } from './integration-directory.ts';

/** Makes providers of configurations. */
export class ProviderFactory {
  readonly #registry: PluginRegistry;
  readonly #network: PluginNetwork;
  readonly #vault: CredentialVault;
  readonly #logger: Logger;
  readonly #cacheDirOf: (pluginId: string) => string;

  constructor(parts: {
    registry: PluginRegistry;
    network: PluginNetwork;
    vault: CredentialVault;
    logger: Logger;
    /** The folder of a plugin's own. */
    cacheDirOf: (pluginId: string) => string;
  }) {
    this.#registry = parts.registry;
    this.#network = parts.network;
    this.#vault = parts.vault;
    this.#logger = parts.logger;
    this.#cacheDirOf = parts.cacheDirOf;
  }

  /**
   * A provider for a configuration, its common part included.
   * @throws UnavailableError where the plugin is not there, cannot be loaded, or takes another configuration by now
   */
  open(pluginId: string, config: Record<string, unknown>, credentials: Credentials): OpenedProvider {
    const registered = this.#plugin(pluginId);
    const { plugin } = registered;
    const given = pluginConfig(plugin.manifest, config, credentials);
    const [issue] = checkPluginConfig(plugin.manifest, given);
    if (issue !== undefined) {
      const place = ['config', ...issue.path].join('.');
      throw new UnavailableError(
        `the configuration does not fit the plugin ${pluginId} ${plugin.manifest.version}: ${place} ${issue.message}`,
      );
    }
    const host = createHost({
      network: this.#network,
      logger: this.#logger.child({ plugin: pluginId }),
      cacheDir: this.#cacheDirOf(pluginId),
      connectMs: (config.timeouts as { connectMs?: number } | undefined)?.connectMs,
    });
    const provider = this.#create(plugin, given, host);
    const close = async () => {
      host.end();
      await provider.close();
    };
    return { provider, knownModels: plugin.manifest.models ?? [], registration: registered, close };
  }

  /** @throws UnavailableError, also where its credentials do not open */
  openStored(stored: StoredIntegration): OpenedProvider {
    const credentials = stored.credentials === null ? {} : this.#vault.open(stored, stored.credentials);
    return this.open(stored.pluginId, stored.config, credentials);
  }

  #create(plugin: ProviderPlugin, config: Record<string, unknown>, host: OwnedHost): Provider {
    try {
      return plugin.create(config, host);
    } catch (error) {
      host.end();
      const { id, configSchema } = plugin.manifest;
      const reason = redactionOf(configSchema, config)(error instanceof Error ? error.message : String(error));
      this.#logger.error({ plugin: id, reason }, 'a plugin could not make a provider');
      throw new UnavailableError(`the plugin ${id} could not make a provider: ${reason}`);
    }
  }

  #plugin(id: string): RegisteredPlugin {
    const registered = this.#find(id);
    if (registered.error === null) return registered;
    throw new UnavailableError(`the plugin ${id} could not be loaded`);
  }

  #find(id: string): RegisteredPlugin {
    try {
      return this.#registry.get(id);
    } catch (error) {
      if (error instanceof PluginNotFoundError) throw new UnavailableError(error.message, { cause: error });
      throw error;
    }
  }
}
