import type { Capability } from '../../plugins/contract.ts';
import { DomainError } from '../../shared/errors.ts';
import type { ModelChoice, ModelWork } from '../integrations/integration.ts';
import type { LiveIntegration, WorkspaceProviders } from '../integrations/integration-directory.ts';
import { NoProviderError } from './errors.ts';
import type { CatalogModel, ModelCatalog } from './model-catalog.ts';

/** Models that one call may try after the first. */
const MAX_FALLBACKS = 5;
const MAX_NAMES_SHOWN = 10;

/** What a call needs. */
export interface RouteRequest {
  workspaceId: string;
  /** Id of a model; undefined: the workspace's choice for the work. */
  model: string | undefined;
  /** Null: work that nobody chooses a model for. */
  work: ModelWork | null;
  fallbacks: readonly string[];
  /** The first one is what is done, and is asked for in errors. */
  capabilities: readonly [Capability, ...Capability[]];
}

/** The models of one call, in the order they are tried. What comes after the first is looked up when it is needed. */
export class Route {
  readonly first: CatalogModel;
  readonly #findRest: () => Promise<readonly CatalogModel[]>;
  #waiting: CatalogModel[];
  #rest: Promise<void> | null = null;
  readonly #deferred = new Set<CatalogModel>();

  constructor(first: CatalogModel, findRest: () => Promise<readonly CatalogModel[]>) {
    this.first = first;
    this.#findRest = findRest;
    this.#waiting = [first];
  }

  /** The next one to try; one whose provider asks to be spared comes after the others. Null: that was all. */
  async next(): Promise<CatalogModel | null> {
    if (this.#waiting.length === 0) await this.#expand();
    const target = this.#waiting.shift() ?? null;
    if (target === null || !target.live.health.isCooling || this.#deferred.has(target)) return target;
    await this.#expand();
    this.#deferred.add(target);
    this.#waiting.push(target);
    return this.next();
  }

  async hasMore(): Promise<boolean> {
    await this.#expand();
    return this.#waiting.length > 0;
  }

  #expand(): Promise<void> {
    this.#rest ??= this.#findRest().then((rest) => {
      this.#waiting.push(...rest);
    });
    return this.#rest;
  }
}

/** Says which models are tried for a call, in which order. */
export class Router {
  readonly #catalog: ModelCatalog;

  constructor(catalog: ModelCatalog) {
    this.#catalog = catalog;
  }

  /**
   * The model that was asked for or chosen, then the fallbacks of the call, those of the workspace's choice, and the
   * fallback integrations of the first, as far as they can do what is needed.
   * @throws NoProviderError where nothing can
   */
  async route(request: RouteRequest): Promise<Route> {
    const { workspaceId, capabilities, work } = request;
    const providers = await this.#catalog.directory.of(workspaceId);
    const choice = work === null ? undefined : providers.settings.models[work];
    const id = request.model ?? choice?.primary ?? (await this.defaultModel(workspaceId, capabilities))?.id;
    if (id === undefined) throw await this.#nothing(workspaceId, capabilities[0]);
    const first = await this.#catalog.model(workspaceId, id, capabilities[0]);
    requireAll(first, capabilities);
    const isChosen = request.model === undefined || request.model === choice?.primary;
    const named = [...request.fallbacks, ...(isChosen ? (choice?.fallbacks ?? []) : [])];
    return new Route(first, async () => {
      const chosen = await this.#named(workspaceId, named, capabilities[0]);
      const { name } = first.info;
      const chained = await Promise.all(
        fallbackIntegrations(providers, first).map(
          (live) => this.#catalog.knownModelIn(live, name) ?? this.#catalog.modelIn(live, live.defaultModel ?? name),
        ),
      );
      return others(first, [...chosen, ...chained], capabilities);
    });
  }

  /** Other ways to the same model alone: vectors of different models cannot be compared. */
  async embeddingRoute(workspaceId: string, model: CatalogModel): Promise<Route> {
    const providers = await this.#catalog.directory.of(workspaceId);
    return new Route(model, async () => {
      const { name } = model.info;
      const chosen = await this.#named(workspaceId, providers.settings.models.embed?.fallbacks ?? [], 'EMBED');
      const chained = await Promise.all(
        fallbackIntegrations(providers, model).map((live) => this.#catalog.modelIn(live, name)),
      );
      return others(
        model,
        [...chosen, ...chained].filter((other) => other?.info.name === name),
        ['EMBED'],
      );
    });
  }

  /** What a workspace calls the models with that it has chosen for a kind of work. */
  async chosenParameters(workspaceId: string, work: ModelWork): Promise<ModelChoice['parameters']> {
    const { settings } = await this.#catalog.directory.of(workspaceId);
    return settings.models[work]?.parameters ?? {};
  }

  /** Models by id; those that are not there (any more) are no reason to fail. */
  #named(workspaceId: string, ids: readonly string[], capability: Capability): Promise<(CatalogModel | null)[]> {
    return Promise.all(ids.map((id) => this.#catalog.model(workspaceId, id, capability).catch(ignoreMissing)));
  }

  /** What is taken where nothing is asked for and nothing chosen: the first integration that has a model for it. */
  async defaultModel(workspaceId: string, capabilities: readonly Capability[]): Promise<CatalogModel | null> {
    const { integrations } = await this.#catalog.directory.of(workspaceId);
    for (const live of integrations) {
      if (!live.isActive || live.opened === null) continue;
      const named = live.defaultModel === null ? null : await this.#catalog.modelIn(live, live.defaultModel);
      const candidates = named === null ? await this.#catalog.modelsOf(live) : [named];
      const found = candidates.find(({ info }) => capabilities.every((wanted) => info.capabilities.includes(wanted)));
      if (found !== undefined) return found;
    }
    return null;
  }

  async #nothing(workspaceId: string, capability: Capability): Promise<NoProviderError> {
    const ids = (await this.#catalog.list(workspaceId, [capability])).map(({ id }) => id);
    return new NoProviderError(
      ids.length === 0
        ? `the workspace has no integration that can do this (${capability}): ${this.#catalog.integrationsFor(capability)}`
        : `no model is chosen for this (${capability}); name one of: ${ids.slice(0, MAX_NAMES_SHOWN).join(', ')}`,
    );
  }
}

/** The active ones that the integration of a model falls back to, in their order. */
function fallbackIntegrations({ integrations }: WorkspaceProviders, first: CatalogModel): LiveIntegration[] {
  const chain: LiveIntegration[] = [first.live];
  for (;;) {
    const next = integrations.find(({ id }) => id !== null && id === chain.at(-1)?.fallbackId);
    // What is stored has no circles, but two changes may meet in one reading.
    if (next === undefined || chain.includes(next)) break;
    chain.push(next);
  }
  return chain.slice(1).filter((live) => live.isActive);
}

function requireAll(model: CatalogModel, capabilities: readonly Capability[]): void {
  const missing = capabilities.filter((wanted) => !model.info.capabilities.includes(wanted));
  if (missing.length > 0) throw new NoProviderError(`the model ${model.id} cannot do this (${missing.join(', ')})`);
}

/** A fallback that is not there (any more) is no reason to fail. */
function ignoreMissing(error: unknown): null {
  if (error instanceof DomainError) return null;
  throw error;
}

function others(
  first: CatalogModel,
  targets: readonly (CatalogModel | null)[],
  capabilities: readonly Capability[],
): CatalogModel[] {
  const byId = new Map<string, CatalogModel>();
  for (const target of targets) {
    if (target === null || target.id === first.id || byId.has(target.id)) continue;
    if (capabilities.every((wanted) => target.info.capabilities.includes(wanted))) byId.set(target.id, target);
  }
  return [...byId.values()].slice(0, MAX_FALLBACKS);
}
