import type { ProviderPlugin } from './contract.ts';
import { PluginNotFoundError, PluginRefusedError } from './plugin-errors.ts';

/** A plugin and where it came from. */
export interface RegisteredPlugin {
  plugin: ProviderPlugin;
  /** `shipped`, or the package, path or url it was registered by. */
  source: string;
}

const ID_SHAPE = /^[a-z][a-z0-9-]{1,39}$/;

/** The kinds of provider that this server can talk to. */
export class PluginRegistry {
  readonly #plugins = new Map<string, RegisteredPlugin>();

  /** @throws PluginRefusedError */
  register(plugin: ProviderPlugin, source: string): void {
    const { manifest } = plugin;
    if (!ID_SHAPE.test(manifest.id)) {
      throw new PluginRefusedError(
        `the plugin id ${JSON.stringify(manifest.id)} must have 2 to 40 lower-case letters, digits and dashes`,
      );
    }
    if (manifest.specVersion !== 1) {
      throw new PluginRefusedError(
        `the plugin ${manifest.id} is written for contract version ${String(manifest.specVersion)}; this server speaks 1`,
      );
    }
    if (this.#plugins.has(manifest.id))
      throw new PluginRefusedError(`there is a plugin with the id ${manifest.id} already`);
    this.#plugins.set(manifest.id, { plugin, source });
  }

  /** @throws PluginNotFoundError that lists what is there */
  get(id: string): RegisteredPlugin {
    const found = this.#plugins.get(id);
    if (found === undefined) throw new PluginNotFoundError(id, [...this.#plugins.keys()]);
    return found;
  }

  list(): RegisteredPlugin[] {
    return [...this.#plugins.values()];
  }
}
