import type { Database } from '../../db/client.ts';
import type { Logger } from '../../observability/logger.ts';
import type { LoadedPlugin, PluginLoader } from '../../plugins/loader.ts';
import { PluginNotFoundError, PluginRefusedError } from '../../plugins/plugin-errors.ts';
import type { PluginSource } from '../../plugins/plugin-source.ts';
import { type PluginRegistry, type RegisteredPlugin, SHIPPED } from '../../plugins/registry.ts';
import { unavailablePlugin } from '../../plugins/unavailable-plugin.ts';
import { ConflictError, InvalidInputError, NotFoundError } from '../../shared/errors.ts';
import { authorizeRoot, type Caller } from '../access/caller.ts';
import { countIntegrationsOf, deletePlugin, listPlugins, type StoredPlugin, upsertPlugin } from './plugin-store.ts';

const POLL_INTERVAL_MS = 2_000;
/** Before a plugin that could not be loaded is tried again; doubled with each failure. */
const RETRY_MS = 2_000;
const MAX_RETRY_MS = 60_000;
/** How long calls of a version that is being replaced may take to finish. */
const DRAIN_MS = 60_000;

/** Exactly one of the three. */
export interface RegisterPluginInput {
  package: string | null;
  path: string | null;
  url: string | null;
}

/** A stored plugin as this server has it. */
interface LivePlugin {
  stored: StoredPlugin;
  /** Null where it could not be loaded. */
  loaded: LoadedPlugin | null;
  failures: number;
  retryAtMs: number;
}

interface ServiceParts {
  database: Database;
  registry: PluginRegistry;
  loader: PluginLoader;
  logger: Logger;
}

/** Plugins that are registered while the server runs. Each server follows the table of them. */
export class PluginService {
  readonly #parts: ServiceParts;
  readonly #live = new Map<string, LivePlugin>();
  /** Old versions whose calls are finishing. */
  readonly #draining = new Set<LoadedPlugin>();
  /** One change at a time. */
  #turn: Promise<unknown> = Promise.resolve();
  #timer: NodeJS.Timeout | null = null;
  #isPolling = false;
  #isDatabaseDown = false;
  #isClosed = false;

  constructor(parts: ServiceParts) {
    this.#parts = parts;
  }

  /** Loads what is stored, and follows what other servers register. A plugin that does not load stops nothing. */
  async start(): Promise<void> {
    await this.#inTurn(() => this.#follow());
    this.#timer = setInterval(() => void this.#poll(), POLL_INTERVAL_MS);
    this.#timer.unref();
  }

  /** Ends the threads. Idempotent. */
  async close(): Promise<void> {
    this.#isClosed = true;
    if (this.#timer !== null) clearInterval(this.#timer);
    await this.#turn.catch(() => undefined);
    const loaded = [...this.#live.values()].flatMap((live) => live.loaded ?? []);
    await Promise.all([...loaded, ...this.#draining].map((each) => each.close()));
  }

  /**
   * Loads a plugin, checks it and has every server take it; one that is there from the same source is loaded anew.
   * Root key only.
   */
  async register(caller: Caller, input: RegisterPluginInput): Promise<RegisteredPlugin> {
    authorizeRoot(caller);
    const source = sourceOf(input);
    try {
      return await this.#inTurn(() => this.#register(source));
    } catch (error) {
      if (!(error instanceof PluginRefusedError)) throw error;
      // Neither the source nor the message: a url that was refused may hold a password.
      this.#parts.logger.info({ kind: source.kind, reason: error.reason }, 'a plugin was refused');
      throw new InvalidInputError([{ path: [source.kind], message: error.message, reason: error.reason }]);
    }
  }

  /** Takes a plugin from every server, unless an integration uses it. Root key only. */
  async unregister(caller: Caller, id: string): Promise<void> {
    authorizeRoot(caller);
    await this.#inTurn(() => this.#unregister(id));
  }

  async #register(source: PluginSource): Promise<RegisteredPlugin> {
    const loaded = await this.#parts.loader.load(source);
    try {
      const { id, version } = loaded.plugin.manifest;
      this.#refuseTaken(id, loaded.source);
      const stored = await this.#parts.database.withSystem((scope) =>
        upsertPlugin(scope, { id, source: loaded.source, version }),
      );
      if (stored === null) throw takenError(id);
      return this.#replace({ stored, loaded, failures: 0, retryAtMs: 0 });
    } catch (error) {
      await loaded.close();
      throw error;
    }
  }

  /** A shipped plugin's id cannot be had at all; another source's only after that was unregistered. */
  #refuseTaken(id: string, source: PluginSource): void {
    const there = this.#parts.registry.list().find(({ plugin }) => plugin.manifest.id === id);
    if (there?.source === SHIPPED) {
      throw new PluginRefusedError('ID_TAKEN', `choose another id: ${id} is that of a plugin of the server itself`);
    }
    const stored = this.#live.get(id)?.stored;
    if (stored !== undefined && (stored.sourceKind !== source.kind || stored.source !== source.value)) {
      throw takenError(id);
    }
  }

  async #unregister(id: string): Promise<void> {
    const { registry, database } = this.#parts;
    const there = registry.list().find(({ plugin }) => plugin.manifest.id === id);
    if (there?.source === SHIPPED) throw new ConflictError(`the plugin ${id} is part of the server, and stays`);
    const deleted = await database.withSystem(async (scope) => {
      const uses = await countIntegrationsOf(scope, id);
      if (uses > 0) {
        throw new ConflictError(
          `delete the integrations of the plugin ${id} first: there are ${uses} in all workspaces`,
        );
      }
      return deletePlugin(scope, id);
    });
    await this.#remove(id);
    if (!deleted) throw new NotFoundError('registered provider plugin', id, [...this.#live.keys()]);
  }

  async #poll(): Promise<void> {
    if (this.#isPolling || this.#isClosed) return;
    this.#isPolling = true;
    try {
      await this.#inTurn(() => this.#follow());
      this.#isDatabaseDown = false;
    } catch (error) {
      // Said once: the database's own trouble is logged elsewhere.
      if (!this.#isDatabaseDown) this.#parts.logger.warn({ err: error }, 'the registered plugins cannot be read');
      this.#isDatabaseDown = true;
    } finally {
      this.#isPolling = false;
    }
  }

  /** Makes this server's plugins those of the table. */
  async #follow(): Promise<void> {
    if (this.#isClosed) return;
    const rows = await this.#parts.database.withSystem(listPlugins);
    const ids = new Set(rows.map(({ id }) => id));
    const gone = [...this.#live.keys()].filter((id) => !ids.has(id));
    await Promise.all([...gone.map((id) => this.#remove(id)), ...rows.map((row) => this.#take(row))]);
  }

  /** Loads a row that is new, was registered again, or is due for another try. */
  async #take(stored: StoredPlugin): Promise<void> {
    const known = this.#live.get(stored.id);
    const isSame = known?.stored.revision === stored.revision;
    if (isSame && (known.loaded !== null || performance.now() < known.retryAtMs)) return;
    const failures = isSame ? known.failures : 0;
    let loaded: LoadedPlugin | null = null;
    try {
      loaded = await this.#parts.loader.load({ kind: stored.sourceKind, value: stored.source });
      const { id } = loaded.plugin.manifest;
      if (id !== stored.id) throw new PluginRefusedError('ID_INVALID', `its id is now ${id}: register it again`);
      this.#replace({ stored, loaded, failures: 0, retryAtMs: 0 });
    } catch (error) {
      await loaded?.close();
      const retryMs = Math.min(RETRY_MS * 2 ** failures, MAX_RETRY_MS);
      this.#fail(stored, error as Error, { failures: failures + 1, retryAtMs: performance.now() + retryMs });
    }
  }

  /** Lists it with what is wrong, in place of the version that was there. */
  #fail(stored: StoredPlugin, error: Error, next: Pick<LivePlugin, 'failures' | 'retryAtMs'>): void {
    if (next.failures === 1) {
      this.#parts.logger.error(
        { plugin: stored.id, err: error },
        'a registered plugin does not load; it is tried again',
      );
    }
    const known = error instanceof PluginRefusedError;
    const problem = known ? error.message : 'an unexpected failure; the log of the server has more';
    try {
      this.#replace({ stored, loaded: null, ...next }, problem);
    } catch (taken) {
      // A newer server ships a plugin of this id.
      this.#live.set(stored.id, { stored, loaded: null, ...next });
      if (next.failures === 1) this.#parts.logger.error({ plugin: stored.id, err: taken }, 'a plugin cannot be listed');
    }
  }

  #replace(next: LivePlugin, problem: string | null = null): RegisteredPlugin {
    const { registry, logger } = this.#parts;
    const { id, source, version } = next.stored;
    const before = this.#live.get(id);
    if (before !== undefined) this.#forget(id);
    const plugin = next.loaded?.plugin ?? unavailablePlugin(id, version);
    const registered = registry.register(plugin, source, problem);
    this.#live.set(id, next);
    if (before?.loaded != null) this.#drain(id, before.loaded);
    if (problem === null)
      logger.info({ plugin: id, version: plugin.manifest.version, source }, 'a plugin was registered');
    return registered;
  }

  #drain(id: string, old: LoadedPlugin): void {
    this.#draining.add(old);
    old
      .close(DRAIN_MS)
      .catch((error: unknown) => {
        this.#parts.logger.warn({ plugin: id, err: error }, 'the old version of a plugin did not end cleanly');
      })
      .finally(() => this.#draining.delete(old));
  }

  async #remove(id: string): Promise<void> {
    const before = this.#live.get(id);
    if (before === undefined) return;
    this.#forget(id);
    await before.loaded?.close();
    this.#parts.logger.info({ plugin: id }, 'a plugin was unregistered');
  }

  #forget(id: string): void {
    this.#live.delete(id);
    try {
      this.#parts.registry.unregister(id);
    } catch (error) {
      if (!(error instanceof PluginNotFoundError) && !(error instanceof PluginRefusedError)) throw error;
    }
  }

  #inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
    const done = this.#turn.then(work, work);
    this.#turn = done.catch(() => undefined);
    return done;
  }
}

function sourceOf(input: RegisterPluginInput): PluginSource {
  const given = (['package', 'path', 'url'] as const).flatMap((kind) => {
    const value = input[kind]?.trim();
    return value === undefined ? [] : [{ kind, value }];
  });
  const [only] = given;
  if (only === undefined || given.length > 1) {
    throw new InvalidInputError([{ path: [], message: 'give exactly one of package, path and url' }]);
  }
  if (only.value === '') throw InvalidInputError.at(only.kind, 'must not be empty');
  return only;
}

function takenError(id: string): ConflictError {
  return new ConflictError(
    `a plugin with the id ${id} is registered from another source: unregister that one first, or choose another id`,
  );
}
