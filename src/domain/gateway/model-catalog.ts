import type { CallContext, Capability, EmbeddingTraits, ModelInfo, Provider } from '../../plugins/contract.ts';
import { NoProviderError } from './errors.ts';

/** A model that a workspace can use. */
export interface CatalogModel {
  /** `<integration>/<name>` */
  id: string;
  integration: string;
  info: ModelInfo;
}

/** An embedding model with the provider that runs it. */
export interface EmbeddingModel extends CatalogModel {
  provider: Provider & Required<Pick<Provider, 'embed'>>;
  dimensions: number;
  traits: EmbeddingTraits;
}

/** A configured provider under the name that its model ids begin with. */
export interface Integration {
  name: string;
  provider: Provider;
}

const LISTING: CallContext = { signal: new AbortController().signal, requestId: 'catalog' };

/** Finds models by id. */
export class ModelCatalog {
  readonly #integrations = new Map<string, Integration>();
  /** Listing models may cost a request, and what a provider offers seldom changes: asked once. */
  readonly #models = new Map<string, Promise<CatalogModel[]>>();
  /** The model of documents and queries. */
  readonly defaultEmbeddingModel: string;

  constructor(integrations: readonly Integration[], defaultEmbeddingModel: string) {
    for (const integration of integrations) this.#integrations.set(integration.name, integration);
    this.defaultEmbeddingModel = defaultEmbeddingModel;
  }

  async list(capabilities: readonly Capability[] = []): Promise<CatalogModel[]> {
    const all = await Promise.all([...this.#integrations.keys()].map((name) => this.#modelsOf(name)));
    return all.flat().filter((model) => capabilities.every((wanted) => model.info.capabilities.includes(wanted)));
  }

  /**
   * An embedding model by id, or the default one.
   * @throws NoProviderError that lists what is there
   */
  async embeddingModel(id: string = this.defaultEmbeddingModel): Promise<EmbeddingModel> {
    const slash = id.indexOf('/');
    const integration = this.#integrations.get(id.slice(0, Math.max(slash, 0)));
    const models = integration === undefined ? [] : await this.#modelsOf(integration.name);
    const name = id.slice(slash + 1);
    const model = models.find(({ info }) => info.name === name || info.aliases?.includes(name));
    if (integration === undefined || model === undefined || !canEmbed(integration.provider)) {
      const known = (await this.list(['EMBED'])).map((other) => other.id);
      throw new NoProviderError(
        `there is no embedding model ${JSON.stringify(id.slice(0, 200))}; there are: ${known.join(', ')}`,
      );
    }
    const { dimensions, embedding } = model.info;
    if (dimensions === undefined || embedding === undefined) {
      throw new NoProviderError(`the model ${id} does not say how it embeds; choose another`);
    }
    return { ...model, provider: integration.provider, dimensions, traits: embedding };
  }

  #modelsOf(name: string): Promise<CatalogModel[]> {
    const known = this.#models.get(name);
    if (known !== undefined) return known;
    const listed = this.#list(name);
    this.#models.set(name, listed);
    listed.catch(() => this.#models.delete(name));
    return listed;
  }

  async #list(name: string): Promise<CatalogModel[]> {
    const infos = (await this.#integrations.get(name)?.provider.listModels(LISTING)) ?? [];
    return infos.map((info) => ({ id: `${name}/${info.name}`, integration: name, info }));
  }
}

function canEmbed(provider: Provider): provider is EmbeddingModel['provider'] {
  return provider.embed !== undefined;
}
