import { createHash } from 'node:crypto';
import { type ModelInfo, type ProviderPlugin, SPEC_VERSION } from '../src/plugins/contract.ts';
import { ProviderError } from '../src/plugins/errors.ts';

/** What `create` takes; `configSchema` below says the same in JSON Schema. */
interface Config {
  readonly dimensions?: number;
}

const MODEL = 'hashed-words';
const MAX_WORDS = 512;

/**
 * A whole provider plugin: each word adds 1 or -1 at a place that its hash names. Texts that share words are near each
 * other. It shows the contract, and is no model to search with.
 */
const plugin: ProviderPlugin<Config> = {
  manifest: {
    id: 'hashed',
    label: 'Hashed words',
    version: '1.0.0',
    specVersion: SPEC_VERSION,
    capabilities: ['EMBED'],
    configSchema: {
      type: 'object',
      additionalProperties: false,
      properties: { dimensions: { type: 'integer', minimum: 8, maximum: 4096, default: 256 } },
    },
  },
  create({ dimensions = 256 }, host) {
    const model: ModelInfo = {
      name: MODEL,
      capabilities: ['EMBED'],
      dimensions,
      inputUsdPerMillion: '0',
      embedding: {
        maxBatch: 100,
        maxInputTokens: MAX_WORDS,
        chunkWords: 200,
        sameMeaning: 0.6,
        hybridVectorWeight: 0.2,
      },
    };
    return {
      async embed(request, call) {
        if (request.model !== MODEL) throw new ProviderError('not_found', `there is no model ${request.model} here`);
        host.signal.throwIfAborted();
        call.signal.throwIfAborted();
        const words = request.texts.map((text) => wordsOf(text).slice(0, MAX_WORDS));
        return {
          vectors: words.map((own) => vectorOf(own, dimensions)),
          tokenCounts: words.map((own) => own.length),
          model: MODEL,
        };
      },
      listModels: async () => [model],
      check: async () => undefined,
      close: async () => undefined,
    };
  },
};

export default plugin;

function wordsOf(text: string): string[] {
  return text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];
}

/** Of length 1, also where there is no word. */
function vectorOf(words: readonly string[], dimensions: number): Float32Array {
  const vector = new Float32Array(dimensions);
  for (const word of words.length > 0 ? words : ['']) {
    const hash = createHash('sha256').update(word).digest();
    const place = hash.readUInt32BE(0) % dimensions;
    vector[place] = (vector[place] ?? 0) + ((hash[4] ?? 0) % 2 === 0 ? 1 : -1);
  }
  const norm = Math.hypot(...vector);
  // Words that cancel each other out leave nothing to point along.
  if (norm === 0) vector[0] = 1;
  return norm === 0 ? vector : vector.map((value) => value / norm);
}
