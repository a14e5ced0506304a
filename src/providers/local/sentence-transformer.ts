import { basename, dirname } from 'node:path';
import { ProviderError } from '../../plugins/errors.ts';
import { TRANSFORMERS_PACKAGE } from './model-folder.ts';
import { type EncodedTexts, normalize, type SentenceEncoder } from './sentence-encoder.ts';
import type { EncoderSource } from './worker-messages.ts';

type TransformerSource = Extract<EncoderSource, { kind: 'sentence-transformer' }>;

/** More characters than a token has on average in any language: keeps a text of megabytes away from the tokenizer. */
const MAX_CHARACTERS_PER_TOKEN = 20;

interface ModelTensor {
  readonly data: ArrayLike<number | bigint>;
  readonly dims: readonly number[];
}

type ModelInputs = Readonly<Record<string, ModelTensor>> & { readonly attention_mask: ModelTensor };

/** The part of `@huggingface/transformers` 4 that is used here; the package is optional, and so are its types. */
interface TransformersModule {
  readonly env: { localModelPath: string; allowRemoteModels: boolean; allowLocalModels: boolean };
  readonly AutoTokenizer: {
    from_pretrained(name: string, options: object): Promise<(texts: readonly string[], options: object) => ModelInputs>;
  };
  readonly AutoModel: {
    from_pretrained(
      name: string,
      options: object,
    ): Promise<(inputs: ModelInputs) => Promise<Readonly<Record<string, ModelTensor | undefined>>>>;
  };
}

async function importTransformers(): Promise<TransformersModule> {
  // A variable keeps the compiler from looking for a package that may not be there.
  const specifier: string = TRANSFORMERS_PACKAGE;
  return (await import(specifier)) as TransformersModule;
}

/** Loads a model out of a folder with `config.json`, `tokenizer.json`, `tokenizer_config.json` and `onnx/`. */
export async function loadSentenceTransformer(source: TransformerSource): Promise<SentenceEncoder> {
  const { env, AutoTokenizer, AutoModel } = await importTransformers();
  env.allowRemoteModels = false;
  env.allowLocalModels = true;
  env.localModelPath = dirname(source.folder);
  const name = basename(source.folder);
  const tokenizer = await AutoTokenizer.from_pretrained(name, { local_files_only: true });
  const model = await AutoModel.from_pretrained(name, {
    local_files_only: true,
    device: 'cpu',
    dtype: source.dtype,
    session_options: { intraOpNumThreads: 1, interOpNumThreads: 1 },
  });
  return {
    async encode(texts) {
      const longest = source.maxInputTokens * MAX_CHARACTERS_PER_TOKEN;
      const inputs = tokenizer(
        texts.map((text) => text.slice(0, longest).toWellFormed()),
        { padding: true, truncation: true, max_length: source.maxInputTokens },
      );
      const outputs = await model(inputs);
      const hidden = outputs.last_hidden_state ?? outputs.token_embeddings;
      if (!hidden) {
        const given = Object.keys(outputs).join(', ');
        throw new ProviderError('malformed', `${source.folder}: the model gives no token vectors, only ${given}.`);
      }
      return poolTokens(hidden, inputs.attention_mask, source);
    },
  };
}

/** One vector a text: that of its first token, or the mean over its tokens without the padding. */
function poolTokens(
  hidden: ModelTensor,
  attentionMask: ModelTensor,
  model: Pick<TransformerSource, 'pooling' | 'dimensions' | 'folder'>,
): EncodedTexts {
  const [texts = 0, tokens = 0, dimensions = 0] = hidden.dims;
  if (dimensions !== model.dimensions) {
    throw new ProviderError(
      'malformed',
      `${model.folder}: the model gives vectors of ${dimensions} numbers; the configuration says ${model.dimensions}.`,
    );
  }
  const vectors: Float32Array<ArrayBuffer>[] = [];
  const tokenCounts: number[] = [];
  for (let text = 0; text < texts; text++) {
    const vector = new Float32Array(dimensions);
    let count = 0;
    for (let token = 0; token < tokens; token++) {
      if (Number(attentionMask.data[text * tokens + token]) === 0) continue;
      count += 1;
      if (model.pooling === 'cls' && count > 1) continue;
      const offset = (text * tokens + token) * dimensions;
      for (let index = 0; index < dimensions; index++) {
        vector[index] = (vector[index] ?? 0) + Number(hidden.data[offset + index]);
      }
    }
    vectors.push(normalize(vector));
    tokenCounts.push(count);
  }
  return { vectors, tokenCounts };
}
