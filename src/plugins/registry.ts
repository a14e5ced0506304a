import type { ProviderPlugin } from './contract.ts';
import { readManifest } from './manifest.ts';
import { PluginNotFoundError, PluginRefusedError } from './plugin-errors.ts';

/** The source of the plugins that come with the server. */
export const SHIPPED = 'shipped';

/** A plugin and where it came from. */
export interface RegisteredPlugin {
  plugin: ProviderPlugin;
  /** `shipped`, or the package, path or url it was registered by. */
  source: string;
  /** Why it could not be loaded: its providers do nothing but say so. For the root key's eyes. Null where all is well. */
  error: string | null;
}

type ChangeListener = (pluginId: string) => void;

/** The kinds of provider that this server can talk to. */
export class PluginRegistry {
  readonly #plugins = new Map<string, RegisteredPlugin>();
  readonly #listeners = new Set<ChangeListener>();

  /**
   * @param error why it could not be loaded: what stands in for it needs no good manifest
   * @throws PluginRefusedError where its manifest is not valid, or its id is taken
   */
  register(plugin: ProviderPlugin, source: string, error: string | null = null): RegisteredPlugin {
    if (error === null) readManifest(plugin.manifest);
    const { id } = plugin.manifest;
    if (this.#plugins.has(id)) {
      throw new PluginRefusedError('ID_TAKEN', `there is a plugin with the id ${id} already: choose another one`);
    }
    const registered = { plugin, source, error };
    this.#plugins.set(id, registered);
    this.#tell(id);
    return registered;
  }

  /**
   * Takes a plugin out. Who holds providers of it is told, and closes them.
   * @throws PluginNotFoundError, PluginRefusedError where it was shipped
   */
  unregister(id: string): void {
    const { source } = this.get(id);
    if (source === SHIPPED) throw new PluginRefusedError('SHIPPED', `the plugin ${id} is part of the server`);
    this.#plugins.delete(id);
    this.#tell(id);
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

  /**
   * Calls `listener` with the id of each plugin that was added or taken out, right after it was. A new version of a
   * plugin is taken out and added: two calls, the second of which finds the new one.
   * @returns ends the calls
   */
  onChange(listener: ChangeListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #tell(id: string): void {
    for (const listener of this.#listeners) listener(id);
  }
}
