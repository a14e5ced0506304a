import { InferenceSession, Tensor } from 'onnxruntime-node';
import { LEXICAL_DIMENSIONS, lexicalVector } from '../lexical-vector.ts';
import { type EncodedTexts, normalize, type SentenceEncoder } from '../sentence-encoder.ts';
import { readGraphFile } from './graph-file.ts';
import { MAX_TOKENS, SENTENCE_DIMENSIONS } from './onnx-graph.ts';
import { UnigramTokenizer } from './tokenizer.ts';
import { readVocabulary } from './weights.ts';

/** Length of the lexical half beside the encoder's vector of length 1; tuned on sentence similarity and retrieval. */
const LEXICAL_SHARE = 0.8;
/** Far more than 128 tokens of writing; keeps a text of megabytes from being searched for pieces that are cut off anyway. */
const MAX_CHARACTERS = 4000;

/** Reads the weights and opens a session with one thread: several sessions side by side are faster than one with several. */
export async function loadUseLite(cacheDir: string): Promise<SentenceEncoder> {
  const session = await InferenceSession.create(readGraphFile(cacheDir), {
    intraOpNumThreads: 1,
    interOpNumThreads: 1,
    graphOptimizationLevel: 'all',
  });
  return new UseLiteEncoder(session, new UnigramTokenizer(readVocabulary(), MAX_TOKENS));
}

class UseLiteEncoder implements SentenceEncoder {
  readonly #session: InferenceSession;
  readonly #tokenizer: UnigramTokenizer;

  constructor(session: InferenceSession, tokenizer: UnigramTokenizer) {
    this.#session = session;
    this.#tokenizer = tokenizer;
  }

  async encode(texts: readonly string[]): Promise<EncodedTexts> {
    const read = texts.map((text) => text.slice(0, MAX_CHARACTERS));
    const tokens = read.map((text) => this.#tokenizer.encode(text));
    const sentences = await this.#run(tokens);
    const vectors = read.map((text, row) => {
      const vector = new Float32Array(SENTENCE_DIMENSIONS + LEXICAL_DIMENSIONS);
      vector.set(sentences.subarray(row * SENTENCE_DIMENSIONS, (row + 1) * SENTENCE_DIMENSIONS));
      for (const [index, value] of lexicalVector(text).entries()) {
        vector[SENTENCE_DIMENSIONS + index] = value * LEXICAL_SHARE;
      }
      return normalize(vector);
    });
    return { vectors, tokenCounts: tokens.map((ids) => ids.length) };
  }

  async #run(tokens: readonly (readonly number[])[]): Promise<Float32Array> {
    const width = Math.max(...tokens.map((ids) => ids.length));
    const ids = new BigInt64Array(tokens.length * width);
    const mask = new Float32Array(tokens.length * width);
    for (const [row, text] of tokens.entries()) {
      for (const [column, id] of text.entries()) ids[row * width + column] = BigInt(id);
      mask.fill(1, row * width, row * width + text.length);
    }
    const shape = [tokens.length, width];
    const { vectors } = await this.#session.run({
      ids: new Tensor('int64', ids, shape),
      mask: new Tensor('float32', mask, shape),
    });
    if (!(vectors?.data instanceof Float32Array)) throw new Error('use-lite: the graph gave no vectors');
    return vectors.data;
  }
}
