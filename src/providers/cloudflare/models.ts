import type { Capability, EmbeddingTraits, ModelInfo } from '../../plugins/contract.ts';
import { ProviderError } from '../../plugins/errors.ts';
import { isJsonObject, type JsonObject } from '../../shared/json.ts';

const WRITES: readonly Capability[] = ['GENERATE', 'STREAM', 'STRUCTURED_OUTPUT'];

/** Of bge-m3. @see https://huggingface.co/BAAI/bge-m3 */
const BGE_M3: EmbeddingTraits = {
  maxBatch: 100,
  maxInputTokens: 8_192,
  chunkWords: 220,
  sameMeaning: 0.65,
  hybridVectorWeight: 0.6,
};

/** The day on which the prices were written down. */
export const PRICES_AS_OF = '2026-11-21';

/** Names that stay what they are while the vendor's change. Prices: developers.cloudflare.com/workers-ai/platform/pricing */
export const MODELS: readonly ModelInfo[] = [
  {
    name: 'llama-4-scout-17b',
    capabilities: [...WRITES, 'TOOLS', 'IMAGE_INPUT'],
    contextTokens: 131_000,
    inputUsdPerMillion: '0.27',
    outputUsdPerMillion: '0.85',
  },
  {
    name: 'llama-3.3-70b-fast',
    capabilities: [...WRITES, 'TOOLS'],
    contextTokens: 24_000,
    inputUsdPerMillion: '0.293',
    outputUsdPerMillion: '2.253',
  },
  {
    name: 'qwq-32b',
    capabilities: [...WRITES, 'TOOLS'],
    contextTokens: 24_000,
    inputUsdPerMillion: '0.66',
    outputUsdPerMillion: '1',
  },
  {
    name: 'llama-3.2-11b-vision',
    capabilities: [...WRITES, 'IMAGE_INPUT'],
    contextTokens: 128_000,
    inputUsdPerMillion: '0.049',
    outputUsdPerMillion: '0.676',
  },
  {
    name: 'llama-guard-3',
    capabilities: ['MODERATE'],
    contextTokens: 131_072,
    inputUsdPerMillion: '0.484',
    outputUsdPerMillion: '0.03',
  },
  // By the minute: 46.63 and 18.63 neurons of 0.000011 USD, of which a second is a sixtieth, rounded up.
  { name: 'whisper-large-v3-turbo', capabilities: ['TRANSCRIBE'], usdPerAudioSecond: '0.000008548834' },
  { name: 'melotts', capabilities: ['SPEAK'], usdPerAudioSecond: '0.0000034155' },
  {
    name: 'bge-m3',
    capabilities: ['EMBED'],
    dimensions: 1_024,
    contextTokens: 60_000,
    inputUsdPerMillion: '0.012',
    embedding: BGE_M3,
  },
  { name: 'bge-reranker-base', capabilities: ['RERANK'], inputUsdPerMillion: '0.003' },
];

/** What the vendor calls them. */
export const REAL_IDS: Readonly<Record<string, string>> = {
  'llama-4-scout-17b': '@cf/meta/llama-4-scout-17b-16e-instruct',
  'llama-3.3-70b-fast': '@cf/meta/llama-3.3-70b-instruct-fp8-fast',
  'llama-guard-3': '@cf/meta/llama-guard-3-8b',
  'qwq-32b': '@cf/qwen/qwq-32b',
  'llama-3.2-11b-vision': '@cf/meta/llama-3.2-11b-vision-instruct',
  'whisper-large-v3-turbo': '@cf/openai/whisper-large-v3-turbo',
  melotts: '@cf/myshell-ai/melotts',
  'bge-m3': '@cf/baai/bge-m3',
  'bge-reranker-base': '@cf/baai/bge-reranker-base',
};

/** Of a model's id at the vendor: it becomes a part of the address. */
export const REAL_ID_PATTERN = '^@(cf|hf)(/[A-Za-z0-9._-]*[A-Za-z0-9_-])+$';
const REAL_ID = new RegExp(REAL_ID_PATTERN);

/** The names of one configuration. */
export class ModelNames {
  readonly #realIds: Readonly<Record<string, string>>;
  readonly #overridden: ReadonlySet<string>;

  /** @param overrides real ids by the names that are wanted for them */
  constructor(overrides: Readonly<Record<string, string>> = {}) {
    this.#realIds = { ...REAL_IDS, ...overrides };
    this.#overridden = new Set(Object.keys(overrides));
  }

  /** @throws ProviderError `not_found` that lists the names */
  realIdOf(name: string): string {
    if (Object.hasOwn(this.#realIds, name)) return this.#realIds[name] as string;
    if (REAL_ID.test(name)) return name;
    const known = Object.keys(this.#realIds).join(', ');
    throw new ProviderError(
      'not_found',
      `no model ${JSON.stringify(name.slice(0, 100))}; there are ${known}, and the vendor's own such as @cf/meta/llama-3.1-8b-instruct`,
    );
  }

  /** The models that have names here. What another model than the usual one costs and takes is not known. */
  infos(): ModelInfo[] {
    const known = MODELS.map((info) => (this.#overridden.has(info.name) ? withoutFigures(info) : info));
    const names = new Set(MODELS.map(({ name }) => name));
    const others = [...this.#overridden].filter((name) => !names.has(name));
    return [...known, ...others.map((name): ModelInfo => ({ name, capabilities: [...WRITES, 'TOOLS'] }))];
  }

  /** Models of the vendor's list that write or embed, by the vendor's own names, without those that have one here. */
  listed(listing: readonly unknown[]): ModelInfo[] {
    const named = new Set(Object.values(this.#realIds));
    return listing
      .filter(isJsonObject)
      .flatMap(listedInfo)
      .filter(({ name }) => !named.has(name));
  }
}

function withoutFigures({ name, capabilities, embedding }: ModelInfo): ModelInfo {
  return { name, capabilities, ...(embedding === undefined ? {} : { embedding }) };
}

function listedInfo({ name, task, properties }: JsonObject): ModelInfo[] {
  if (typeof name !== 'string' || !REAL_ID.test(name)) return [];
  const taskName = isJsonObject(task) ? task.name : undefined;
  if (taskName === 'Text Embeddings') return [{ name, capabilities: ['EMBED'] }];
  if (taskName !== 'Text Generation') return [];
  const property = (id: string) => {
    const all = Array.isArray(properties) ? properties.filter(isJsonObject) : [];
    return all.find(({ property_id }) => property_id === id)?.value;
  };
  const contextTokens = Number(property('context_window'));
  const tools: Capability[] = property('function_calling') === 'true' ? ['TOOLS'] : [];
  return [{ name, capabilities: [...WRITES, ...tools], ...(contextTokens > 0 ? { contextTokens } : {}) }];
}
