import type { EmbeddingTraits, ModelInfo } from '../../plugins/contract.ts';

/** The model that comes with Signalbox and needs no download. */
export const USE_LITE = 'use-lite-768';

/** How a sentence-transformer's token vectors become one vector. */
export type Pooling = 'cls' | 'mean';

/** Number formats that a model's ONNX file may be published in. */
export const DTYPES = ['fp32', 'fp16', 'q8', 'q4'] as const;
export type Dtype = (typeof DTYPES)[number];

/** A sentence-transformer as it stands in the configuration. */
export interface ConfiguredModel {
  readonly name: string;
  /** A name on huggingface.co (`owner/model`), or the absolute path of a folder with the same files. */
  readonly source: string;
  readonly pooling?: Pooling;
  /** Put before a text that is embedded as a query. */
  readonly queryPrefix?: string;
  readonly dimensions: number;
  readonly dtype?: Dtype;
}

/** The plugin's configuration, checked against `CONFIG_SCHEMA`. */
export interface LocalConfig {
  readonly workers?: number;
  readonly models?: readonly ConfiguredModel[];
}

export const MAX_WORKERS = 8;

export const CONFIG_SCHEMA = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  type: 'object',
  additionalProperties: false,
  properties: {
    workers: {
      type: 'integer',
      minimum: 1,
      maximum: MAX_WORKERS,
      title: 'Worker threads',
      description:
        'Each holds its own copy of the model (about 200 MB) and uses one core. Default: 1, or 2 on two cores or more.',
    },
    models: {
      type: 'array',
      title: 'Sentence-transformers',
      description: 'Models to run through the npm package @huggingface/transformers, which has to be installed.',
      items: {
        type: 'object',
        additionalProperties: false,
        required: ['name', 'source', 'dimensions'],
        properties: {
          name: { type: 'string', minLength: 1, title: 'Name', description: 'What the model is called here.' },
          source: {
            type: 'string',
            minLength: 1,
            title: 'Source',
            description:
              'A name on huggingface.co (owner/model), or the absolute path of a folder with the same files.',
          },
          pooling: { enum: ['cls', 'mean'], default: 'mean', title: 'Pooling' },
          queryPrefix: { type: 'string', title: 'Query prefix', description: 'Put before texts embedded as a query.' },
          dimensions: { type: 'integer', minimum: 1, maximum: 8192, title: 'Dimensions' },
          dtype: { enum: DTYPES, default: 'fp32', title: 'Number format' },
        },
      },
    },
  },
} as const;

/** A sentence-transformer with all that is needed to run it. */
export interface TransformerModel {
  readonly source: string;
  readonly pooling: Pooling;
  readonly queryPrefix: string;
  readonly dtype: Dtype;
  readonly dimensions: number;
  readonly maxInputTokens: number;
}

/** A model of this provider. */
export interface LocalModel {
  readonly info: ModelInfo & { readonly dimensions: number; readonly embedding: EmbeddingTraits };
  /** Absent for `USE_LITE`. */
  readonly transformer?: TransformerModel;
}

const MAX_BATCH = 256;

const USE_LITE_MODEL: LocalModel = {
  info: {
    name: USE_LITE,
    capabilities: ['EMBED'],
    dimensions: 768,
    contextTokens: 128,
    inputUsdPerMillion: '0',
    embedding: {
      maxBatch: MAX_BATCH,
      maxInputTokens: 128,
      chunkWords: 90,
      sameMeaning: 0.73,
      hybridVectorWeight: 0.3,
    },
  },
};

function transformerModel(
  name: string,
  transformer: TransformerModel,
  traits: Omit<EmbeddingTraits, 'maxBatch' | 'maxInputTokens'>,
  aliases: readonly string[] = [],
): LocalModel {
  return {
    info: {
      name,
      aliases,
      capabilities: ['EMBED'],
      dimensions: transformer.dimensions,
      contextTokens: transformer.maxInputTokens,
      inputUsdPerMillion: '0',
      embedding: { maxBatch: MAX_BATCH, maxInputTokens: transformer.maxInputTokens, ...traits },
    },
    transformer,
  };
}

const KNOWN_TRANSFORMERS: readonly LocalModel[] = [
  transformerModel(
    'bge-base-en-v1.5',
    {
      source: 'Xenova/bge-base-en-v1.5',
      pooling: 'cls',
      queryPrefix: 'Represent this sentence for searching relevant passages: ',
      dtype: 'fp32',
      dimensions: 768,
      maxInputTokens: 512,
    },
    { chunkWords: 250, sameMeaning: 0.8, hybridVectorWeight: 0.5 },
    ['Xenova/bge-base-en-v1.5'],
  ),
  transformerModel(
    'all-mpnet-base-v2',
    {
      source: 'Xenova/all-mpnet-base-v2',
      pooling: 'mean',
      queryPrefix: '',
      dtype: 'fp32',
      dimensions: 768,
      maxInputTokens: 384,
    },
    { chunkWords: 200, sameMeaning: 0.7, hybridVectorWeight: 0.5 },
    ['Xenova/all-mpnet-base-v2'],
  ),
  transformerModel(
    'all-MiniLM-L6-v2',
    {
      source: 'Xenova/all-MiniLM-L6-v2',
      pooling: 'mean',
      queryPrefix: '',
      dtype: 'fp32',
      dimensions: 384,
      maxInputTokens: 256,
    },
    { chunkWords: 150, sameMeaning: 0.65, hybridVectorWeight: 0.5 },
    ['Xenova/all-MiniLM-L6-v2'],
  ),
];

function configuredTransformer(model: ConfiguredModel): LocalModel {
  return transformerModel(
    model.name,
    {
      source: model.source,
      pooling: model.pooling ?? 'mean',
      queryPrefix: model.queryPrefix ?? '',
      dtype: model.dtype ?? 'fp32',
      dimensions: model.dimensions,
      maxInputTokens: 512,
    },
    { chunkWords: 250, sameMeaning: 0.7, hybridVectorWeight: 0.5 },
  );
}

/** The models of one configuration. A configured model takes the place of a known one that has its name. */
export function localModels(config: LocalConfig): readonly LocalModel[] {
  const configured = (config.models ?? []).map(configuredTransformer);
  const names = new Set(configured.map((model) => model.info.name));
  return [USE_LITE_MODEL, ...KNOWN_TRANSFORMERS, ...configured].filter(
    (model) => configured.includes(model) || !names.has(model.info.name),
  );
}
