import { MAX_STORED_DIMENSIONS } from '../../db/vector.ts';
import type { Capability, EmbeddingTraits, ModelInfo } from '../../plugins/contract.ts';
import type { RegisteredPlugin } from '../../plugins/registry.ts';
import { waitFor } from '../../shared/wait-for.ts';
import type { ConfiguredModel } from '../integrations/integration.ts';
import type { IntegrationDirectory, LiveIntegration, OpenedProvider } from '../integrations/integration-directory.ts';
import { NoProviderError } from './errors.ts';

/** A model that a workspace can use. */
export interface CatalogModel {
  /** `<integration>/<name>` */
  id: string;
  /** Name of the integration that runs it. */
  integration: string;
  info: ModelInfo;
  live: LiveIntegration & { opened: OpenedProvider };
}

/** An embedding model. */
export interface EmbeddingModel extends CatalogModel {
  /** Null where it is not known before the first vector. */
  dimensions: number | null;
  traits: EmbeddingTraits;
}

/** An embedding model whose vectors can be stored and searched. */
export type DocumentEmbeddingModel = EmbeddingModel & { dimensions: number };

/** Where a configuration does not say more about an embedding model. */
const DEFAULT_TRAITS: EmbeddingTraits = {
  maxBatch: 96,
  maxBatchBytes: 600_000,
  maxInputTokens: 8_191,
  chunkWords: 220,
  sameMeaning: 0.7,
  hybridVectorWeight: 0.5,
};

const LISTING_TIMEOUT_MS = 5_000;
/** What a vendor offers seldom changes. */
const LISTING_FRESH_MS = 600_000;
/** A listing that failed is asked for again after this. */
const LISTING_RETRY_MS = 30_000;
const MAX_NAMES_SHOWN = 40;

interface Listing {
  /** What was listed last; null: never yet. */
  models: readonly ModelInfo[] | null;
  /** Whether the last try failed. */
  hasFailed: boolean;
  /** When it is asked for again. */
  dueAtMs: number;
  asking: Promise<void> | null;
}

/** Finds the models of a workspace by id. */
export class ModelCatalog {
  readonly directory: IntegrationDirectory;
  readonly #plugins: () => readonly RegisteredPlugin[];
  readonly #listings = new WeakMap<OpenedProvider, Listing>();
  /** The model of documents and queries, where a workspace has chosen none. */
  readonly defaultEmbeddingModel: string;

  /** @param plugins those of this server; left out: none */
  constructor(
    directory: IntegrationDirectory,
    defaultEmbeddingModel: string,
    plugins: () => readonly RegisteredPlugin[] = () => [],
  ) {
    this.directory = directory;
    this.defaultEmbeddingModel = defaultEmbeddingModel;
    this.#plugins = plugins;
  }

  /** What to do where no integration of a workspace can do something: which plugins could. */
  integrationsFor(capability: Capability): string {
    const able = this.#plugins().filter(({ plugin }) => plugin.manifest.capabilities.includes(capability));
    const ids = able.map(({ plugin }) => plugin.manifest.id).slice(0, MAX_NAMES_SHOWN);
    if (ids.length === 0) return 'no plugin of this server can; one that does comes with registerProviderPlugin';
    return `make one with createIntegration, of a plugin that can: ${ids.join(', ')}`;
  }

  /** Everything that the workspace's active integrations offer; an integration that cannot tell offers what is known. */
  async list(workspaceId: string, capabilities: readonly Capability[] = []): Promise<CatalogModel[]> {
    const { integrations } = await this.directory.of(workspaceId);
    const all = await Promise.all(integrations.filter(isUsable).map((live) => this.modelsOf(live)));
    return all.flat().filter((model) => capabilities.every((wanted) => model.info.capabilities.includes(wanted)));
  }

  /** The models of one integration. */
  async modelsOf(live: LiveIntegration): Promise<CatalogModel[]> {
    if (!isOpen(live)) return [];
    const listed = (await this.#listing(live.opened)) ?? [];
    const infos = new Map([...live.opened.knownModels, ...listed].map((info) => [info.name, info]));
    for (const configured of live.models) infos.set(configured.name, configuredInfo(live, configured, infos));
    return [...infos.values()].map((info) => catalogModel(live, info));
  }

  /**
   * A model by id. A name that is not configured and not known is looked for at the vendor; where the vendor cannot say,
   * it is taken at its word, so that a model of today needs no release of ours.
   * @throws NoProviderError that lists what is there; what kept the integration from opening
   */
  async model(workspaceId: string, id: string, capability: Capability): Promise<CatalogModel> {
    const slash = id.indexOf('/');
    const { integrations } = await this.directory.of(workspaceId);
    const live = integrations.find(({ name }) => name === id.slice(0, Math.max(slash, 0)));
    if (live?.problem != null) throw live.problem;
    const model = live !== undefined && isUsable(live) ? await this.modelIn(live, id.slice(slash + 1)) : null;
    if (model === null) throw await this.#unknown(workspaceId, id, capability, live);
    if (!model.info.capabilities.includes(capability)) throw await this.#unable(workspaceId, model, capability);
    return model;
  }

  /** A model of one integration by its name or alias; null where there is none. */
  async modelIn(live: LiveIntegration, name: string): Promise<CatalogModel | null> {
    const known = this.knownModelIn(live, name);
    if (known !== null || !isOpen(live) || name === '') return known;
    const listed = await this.#listing(live.opened);
    if (listed === null) return catalogModel(live, { name, capabilities: capabilitiesOf(live.opened.provider) });
    const info = listed.find((model) => isNamed(model, name));
    return info === undefined ? null : catalogModel(live, info);
  }

  /** The same, as far as the configuration or the plugin says it: no vendor is asked. */
  knownModelIn(live: LiveIntegration, name: string): CatalogModel | null {
    if (!isOpen(live)) return null;
    const configured = live.models.find((model) => model.name === name);
    const info = live.opened.knownModels.find((model) => isNamed(model, name));
    if (configured !== undefined) return catalogModel(live, configuredInfo(live, configured, new Map([[name, info]])));
    return info === undefined ? null : catalogModel(live, info);
  }

  /**
   * An embedding model by id, or the one that the workspace's documents are embedded with.
   * @throws NoProviderError that lists what is there
   */
  async embeddingModel(workspaceId: string, id?: string): Promise<EmbeddingModel> {
    const model = await this.model(workspaceId, id ?? (await this.documentEmbeddingModelId(workspaceId)), 'EMBED');
    const { dimensions, embedding } = model.info;
    const traits = embedding ?? DEFAULT_TRAITS;
    const maxBatch = Math.min(traits.maxBatch, model.live.batchSize ?? traits.maxBatch);
    return { ...model, dimensions: dimensions ?? null, traits: { ...traits, maxBatch } };
  }

  /** Id of the model that the workspace's documents and queries are embedded with. */
  async documentEmbeddingModelId(workspaceId: string): Promise<string> {
    const { settings } = await this.directory.of(workspaceId);
    return settings.models.embed?.primary ?? this.defaultEmbeddingModel;
  }

  /**
   * The embedding model of the workspace's documents and queries.
   * @throws NoProviderError where nobody knows how long its vectors are
   */
  async documentEmbeddingModel(workspaceId: string): Promise<DocumentEmbeddingModel> {
    const model = await this.embeddingModel(workspaceId);
    const { dimensions } = model;
    if (dimensions !== null && dimensions <= MAX_STORED_DIMENSIONS) return { ...model, dimensions };
    if (dimensions !== null) {
      throw new NoProviderError(
        `the vectors of ${model.id} have ${dimensions} dimensions; documents are stored with ${MAX_STORED_DIMENSIONS} at the most: choose a model of shorter ones`,
      );
    }
    throw new NoProviderError(
      `the model ${model.id} does not say how many dimensions its vectors have; set them in the integration's models`,
    );
  }

  /**
   * What the vendor says it offers; null where it cannot be asked. Only the first call waits for it: later ones get what
   * was listed last, while it is listed again behind them.
   */
  async #listing(opened: OpenedProvider): Promise<readonly ModelInfo[] | null> {
    const listing = this.#listings.get(opened) ?? this.#newListing(opened);
    if (listing.asking === null && Date.now() >= listing.dueAtMs) this.#ask(opened, listing);
    if (listing.models === null && !listing.hasFailed) await listing.asking;
    return listing.models;
  }

  #newListing(opened: OpenedProvider): Listing {
    const listing: Listing = { models: null, hasFailed: false, dueAtMs: 0, asking: null };
    this.#listings.set(opened, listing);
    return listing;
  }

  /** Never rejects, and ends with its time limit whatever the provider makes of its signal. */
  #ask(opened: OpenedProvider, listing: Listing): void {
    const signal = AbortSignal.timeout(LISTING_TIMEOUT_MS);
    listing.asking = waitFor(opened.provider.listModels({ signal, requestId: 'catalog' }), signal).then(
      (models) => {
        Object.assign(listing, { models, hasFailed: false, dueAtMs: Date.now() + LISTING_FRESH_MS, asking: null });
      },
      () => {
        Object.assign(listing, { hasFailed: true, dueAtMs: Date.now() + LISTING_RETRY_MS, asking: null });
      },
    );
  }

  async #unknown(
    workspaceId: string,
    id: string,
    capability: Capability,
    live: LiveIntegration | undefined,
  ): Promise<NoProviderError> {
    const called = JSON.stringify(id.slice(0, 200));
    if (live !== undefined && !live.isActive) {
      return new NoProviderError(`the integration of the model ${called} is switched off`);
    }
    return new NoProviderError(`there is no model ${called}; ${await this.#offer(workspaceId, capability)}`);
  }

  async #unable(workspaceId: string, model: CatalogModel, capability: Capability): Promise<NoProviderError> {
    const offer = await this.#offer(workspaceId, capability);
    return new NoProviderError(`the model ${model.id} cannot do this (${capability}); ${offer}`);
  }

  async #offer(workspaceId: string, capability: Capability): Promise<string> {
    const ids = (await this.list(workspaceId, [capability])).map(({ id }) => id);
    if (ids.length === 0)
      return `the workspace has no integration that can (${capability}): ${this.integrationsFor(capability)}`;
    const rest = ids.length - MAX_NAMES_SHOWN;
    return `there are: ${ids.slice(0, MAX_NAMES_SHOWN).join(', ')}${rest > 0 ? ` and ${rest} more` : ''}`;
  }
}

function isOpen(live: LiveIntegration): live is CatalogModel['live'] {
  return live.opened !== null;
}

function isUsable(live: LiveIntegration): live is CatalogModel['live'] {
  return live.isActive && isOpen(live);
}

function isNamed(model: ModelInfo, name: string): boolean {
  return model.name === name || model.aliases?.includes(name) === true;
}

function catalogModel(live: CatalogModel['live'], info: ModelInfo): CatalogModel {
  return { id: `${live.name}/${info.name}`, integration: live.name, info, live };
}

/** What the configuration says goes before what the plugin knows. */
function configuredInfo(
  live: CatalogModel['live'],
  configured: ConfiguredModel,
  known: ReadonlyMap<string, ModelInfo | undefined>,
): ModelInfo {
  const base = known.get(configured.name);
  const capabilities =
    configured.capabilities ?? base?.capabilities ?? capabilitiesOf(live.opened.provider, configured);
  // What a vendor asks for its prompt cache goes with what it asks for everything it reads.
  const { cachedInputUsdPerMillion: _read, cacheWriteUsdPerMillion: _written, ...otherwise } = base ?? {};
  return { ...(configured.inputUsdPerMillion === undefined ? base : otherwise), ...configured, capabilities };
}

/** Where nobody says what a model can: what has vectors embeds, everything else writes, as far as the provider does. */
function capabilitiesOf({ embed, generate, stream }: OpenedProvider['provider'], hint?: ConfiguredModel): Capability[] {
  if (hint?.dimensions !== undefined) return ['EMBED'];
  const capabilities: Capability[] = [];
  if (embed !== undefined && (hint === undefined || generate === undefined)) capabilities.push('EMBED');
  if (generate !== undefined) capabilities.push('GENERATE', 'STRUCTURED_OUTPUT', 'TOOLS', 'IMAGE_INPUT');
  if (stream !== undefined) capabilities.push('STREAM');
  return capabilities;
}
