import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { LRUCache } from 'lru-cache';
import type { ModelInfo, Provider } from '../../plugins/contract.ts';
import { DomainError, UnavailableError } from '../../shared/errors.ts';
import type { Budget } from '../usage/budget.ts';
import type { CallTimeouts, ConfiguredModel, StoredIntegration, WorkspaceSettings } from './integration.ts';
import { IntegrationHealth } from './integration-health.ts';

/** How long a server may go on with what another one has changed. */
const FRESH_MS = 2_000;
/** Whoever comes after a longer silence waits for what is stored: nobody has had it read in the meantime. */
const UNREAD_MS = 2 * FRESH_MS;
/** How long, before what is known is used after all. */
const WAIT_MS = 1_000;
/** How long what is known is used while the database does not answer. */
const STALE_MS = 600_000;
/** Workspaces whose providers are kept open. */
const MAX_WORKSPACES = 1_000;

export const DEFAULT_TIMEOUTS: CallTimeouts = {
  connectMs: 5_000,
  firstTokenMs: 60_000,
  idleMs: 30_000,
  totalMs: 300_000,
};
export const DEFAULT_RETRIES = 2;

export const NOTHING_CHOSEN: WorkspaceSettings = {
  preferences: {},
  policies: {},
  models: {},
  answerEpoch: 0,
  embeddingEpoch: 0,
};

/** A provider that was made from an integration, with what the server knows of its plugin. */
export interface OpenedProvider {
  provider: Provider;
  /** Of the plugin's manifest. */
  knownModels: readonly ModelInfo[];
  /** Another object as soon as the plugin was registered anew. */
  registration: object;
  close(): Promise<void>;
}

/** An integration that calls can be made with. */
export interface LiveIntegration {
  /** Null: built in. */
  id: string | null;
  name: string;
  pluginId: string;
  /** Null where it could not be opened; `problem` says why. */
  opened: OpenedProvider | null;
  problem: DomainError | null;
  isActive: boolean;
  fallbackId: string | null;
  defaultModel: string | null;
  models: readonly ConfiguredModel[];
  timeouts: CallTimeouts;
  retries: number;
  batchSize: number | null;
  /** Tells what runs the models: another one where plugin or configuration have changed. Part of the caches' keys. */
  origin: string;
  health: IntegrationHealth;
}

/** What one workspace can call, and what it has chosen. */
export interface WorkspaceProviders {
  /** The oldest first; what is built in comes last. */
  integrations: readonly LiveIntegration[];
  settings: WorkspaceSettings;
  /** Of the workspace and of its API keys. */
  budgets: readonly Budget[];
}

/** What is stored of it. */
export interface StoredProviders {
  integrations: readonly StoredIntegration[];
  settings: WorkspaceSettings;
  /** Left out: none. */
  budgets?: readonly Budget[];
}

export interface DirectoryParts {
  builtIn: readonly LiveIntegration[];
  load: (workspaceId: string) => Promise<StoredProviders>;
  /** @throws DomainError where it cannot be opened now */
  open: (stored: StoredIntegration) => OpenedProvider;
  /** What `OpenedProvider.registration` would be now; null where there is no such plugin. */
  currentRegistration: (pluginId: string) => object | null;
  onCloseFailed: (error: unknown) => void;
}

/** An integration, and what it was made from. */
interface Opened {
  stamp: string;
  /** Of the plugin, also where it could not be opened. */
  registration: object | null;
  live: LiveIntegration;
}

/** What is known of one workspace. */
interface Slot {
  /** A promise, because every call asks several times. Null: nothing yet. */
  known: Promise<WorkspaceProviders> | null;
  /** By integration id: what each was made from, to tell whether it has changed. */
  opened: Map<string, Opened>;
  loadedAtMs: number;
  /** When the last reading ended, also one that failed: who comes soon after it does not wait for the next. */
  triedAtMs: number;
  loading: Promise<WorkspaceProviders> | null;
  /** Raised when something of it was changed here: what was being read meanwhile is read again. */
  changes: number;
}

/**
 * The open providers of each workspace. What is stored is read again every other second while there are calls, in the
 * background: only the first one, the first after a silence and the first after a change made here wait for it.
 */
export class IntegrationDirectory {
  readonly #parts: DirectoryParts;
  readonly #slots = new LRUCache<string, Slot>({
    max: MAX_WORKSPACES,
    dispose: (slot) => {
      for (const { live } of slot.opened.values()) this.#retire(live);
    },
  });
  readonly #retired = new Set<LiveIntegration>();

  constructor(parts: DirectoryParts) {
    this.#parts = parts;
  }

  /** @throws what the database answers, where nothing is known yet or what is known is too old */
  of(workspaceId: string): Promise<WorkspaceProviders> {
    const slot = this.#slots.get(workspaceId) ?? this.#newSlot(workspaceId);
    const ageMs = Date.now() - slot.loadedAtMs;
    if (slot.known !== null && ageMs < FRESH_MS) return slot.known;
    slot.loading ??= this.#refresh(workspaceId, slot).finally(() => {
      slot.loading = null;
      slot.triedAtMs = Date.now();
    });
    const { known } = slot;
    if (known === null || ageMs > STALE_MS) return slot.loading;
    slot.loading.catch(() => undefined);
    return Date.now() - slot.triedAtMs > UNREAD_MS ? this.#afterSilence(slot, slot.loading, known) : known;
  }

  /**
   * What another server has changed during a silence, such as a budget, holds for this call; a database that is down or
   * does not answer stops nobody for long.
   */
  async #afterSilence(
    slot: Slot,
    loading: Promise<WorkspaceProviders>,
    known: Promise<WorkspaceProviders>,
  ): Promise<WorkspaceProviders> {
    const waiting = new AbortController();
    const late = sleep(WAIT_MS, known, { signal: waiting.signal }).then((providers) => {
      slot.triedAtMs = Date.now();
      return providers;
    });
    try {
      return await Promise.race([loading.catch(() => known), late]);
    } finally {
      waiting.abort();
    }
  }

  /** Something of the workspace was changed here: the next call sees it. */
  forget(workspaceId: string): void {
    const slot = this.#slots.get(workspaceId);
    if (slot === undefined) return;
    slot.changes += 1;
    slot.loadedAtMs = Number.NEGATIVE_INFINITY;
  }

  /** Plugins were registered or unregistered: every workspace looks again. */
  forgetAll(): void {
    // A copy: each look-up moves its key to the front of those that are gone through, without an end.
    for (const workspaceId of [...this.#slots.keys()]) this.forget(workspaceId);
  }

  /** Of the workspaces that are known here, integrations whose circuit is open, by plugin. */
  openCircuits(): Map<string, number> {
    const open = new Map<string, number>();
    const own = [...this.#slots.values()].flatMap(({ opened }) => [...opened.values()].map(({ live }) => live));
    for (const { pluginId, health } of [...own, ...this.#parts.builtIn]) {
      if (health.circuit === 'OPEN') open.set(pluginId, (open.get(pluginId) ?? 0) + 1);
    }
    return open;
  }

  /** Closes every provider; calls under way are aborted. */
  async close(): Promise<void> {
    this.#slots.clear();
    const open = [...this.#retired, ...this.#parts.builtIn];
    this.#retired.clear();
    await Promise.all(open.map((live) => live.opened?.close()));
  }

  #newSlot(workspaceId: string): Slot {
    const slot: Slot = { known: null, opened: new Map(), loadedAtMs: 0, triedAtMs: 0, loading: null, changes: 0 };
    this.#slots.set(workspaceId, slot);
    return slot;
  }

  async #refresh(workspaceId: string, slot: Slot): Promise<WorkspaceProviders> {
    for (;;) {
      const { changes } = slot;
      const stored = await this.#parts.load(workspaceId);
      if (slot.changes !== changes) continue;
      const providers = this.#assemble(slot, stored);
      slot.known = Promise.resolve(providers);
      slot.loadedAtMs = Date.now();
      // Pushed out meanwhile: nobody will look here again.
      if (this.#slots.peek(workspaceId) !== slot) for (const { live } of slot.opened.values()) this.#retire(live);
      return providers;
    }
  }

  #assemble(slot: Slot, stored: StoredProviders): WorkspaceProviders {
    const before = slot.opened;
    slot.opened = new Map();
    for (const integration of stored.integrations) {
      const stamp = stampOf(integration);
      const registration = this.#parts.currentRegistration(integration.pluginId);
      const known = before.get(integration.id);
      const isCurrent = known?.stamp === stamp && known.registration === registration;
      const opened = isCurrent ? known : { stamp, registration, live: this.#openLive(integration) };
      slot.opened.set(integration.id, opened);
    }
    for (const [id, { live }] of before) if (slot.opened.get(id)?.live !== live) this.#retire(live);
    const own = [...slot.opened.values()].map(({ live }) => live);
    return { integrations: [...own, ...this.#parts.builtIn], settings: stored.settings, budgets: stored.budgets ?? [] };
  }

  #openLive(stored: StoredIntegration): LiveIntegration {
    const { config } = stored;
    const live: LiveIntegration = {
      id: stored.id,
      name: stored.name,
      pluginId: stored.pluginId,
      opened: null,
      problem: null,
      isActive: stored.isActive,
      fallbackId: stored.fallbackId,
      defaultModel: config.defaultModel ?? null,
      models: config.models ?? [],
      timeouts: { ...DEFAULT_TIMEOUTS, ...config.timeouts },
      retries: config.retries ?? DEFAULT_RETRIES,
      batchSize: config.batchSize ?? null,
      origin: originOf(stored),
      health: new IntegrationHealth(),
    };
    try {
      live.opened = this.#parts.open(stored);
    } catch (error) {
      // One that is broken must not take the others of the workspace along.
      live.problem =
        error instanceof DomainError
          ? error
          : new UnavailableError(`the integration ${stored.name} could not be opened`, { cause: error });
    }
    return live;
  }

  /** Calls under way may finish first. */
  #retire(live: LiveIntegration): void {
    const { opened } = live;
    if (opened === null) return;
    this.#retired.add(live);
    const closeLater = setTimeout(() => {
      if (!this.#retired.delete(live)) return;
      opened.close().catch(this.#parts.onCloseFailed);
    }, live.timeouts.totalMs);
    closeLater.unref();
  }
}

/** Neither its name nor how it is called: what answers. */
function originOf({ id, pluginId, config }: StoredIntegration): string {
  const { defaultModel, models, timeouts, retries, batchSize, ...own } = config;
  return createHash('sha256')
    .update(JSON.stringify([id, pluginId, own]))
    .digest('base64url');
}

function stampOf({ credentials, updatedAt, ...rest }: StoredIntegration): string {
  return JSON.stringify([
    updatedAt.getTime(),
    rest,
    credentials === null ? null : Buffer.from(credentials).toString('base64'),
  ]);
}
