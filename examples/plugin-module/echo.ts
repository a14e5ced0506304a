/** A provider plugin as a module: it embeds by hashed words and says again what it was told. No model to work with. */
import { createHash } from 'node:crypto';
// Types alone: the file runs wherever it is copied to.
import type { GenerateRequest, GenerateResult, ModelInfo, ProviderPlugin } from '../../src/plugins/contract.ts';

const CHAT: ModelInfo = { name: 'parrot', capabilities: ['GENERATE', 'STREAM'], contextTokens: 8_000 };
const TRAITS = { maxBatch: 100, maxInputTokens: 512, chunkWords: 200, sameMeaning: 0.6, hybridVectorWeight: 0.2 };
const HONOURED = ['model', 'messages', 'maxOutputTokens'];

const plugin: ProviderPlugin<{ dimensions?: number }> = {
  manifest: {
    id: 'echo',
    label: 'Echo',
    version: '1.0.0',
    specVersion: 1,
    capabilities: ['EMBED', 'GENERATE', 'STREAM'],
    configSchema: {
      type: 'object',
      additionalProperties: false,
      properties: { dimensions: { type: 'integer', minimum: 8, maximum: 4096 } },
    },
  },
  create: ({ dimensions = 256 }) => ({
    async embed({ model, texts }) {
      if (model !== 'hashed') throw providerError('not_found', `there is no embedding model ${model} here`);
      const words = texts.map(
        (text) =>
          text
            .toLowerCase()
            .match(/[\p{L}\p{N}]+/gu)
            ?.slice(0, 512) ?? [],
      );
      const vectors = words.map((own) => vectorOf(own, dimensions));
      return { vectors, tokenCounts: words.map((own) => own.length), model };
    },
    generate: async (request) => answerTo(request),
    async *stream(request, call) {
      const { text, toolCalls: _none, ...end } = answerTo(request);
      for (const word of text.match(/\S+\s*/g) ?? []) {
        call.signal.throwIfAborted();
        yield { kind: 'text', text: word };
      }
      yield { kind: 'finish', ...end };
    },
    listModels: async () => [CHAT, { name: 'hashed', capabilities: ['EMBED'], dimensions, embedding: TRAITS }],
    check: async () => undefined,
    close: async () => undefined,
  }),
};
export default plugin;

function answerTo(request: GenerateRequest): GenerateResult {
  if (request.model !== CHAT.name) throw providerError('not_found', `there is no chat model ${request.model} here`);
  const other = Object.entries(request).find(([field, value]) => value !== undefined && !HONOURED.includes(field));
  if (other !== undefined) throw providerError('bad_request', `${CHAT.name} has no ${other[0]}`);
  const said = request.messages.map((message) =>
    'text' in message ? message.text : message.parts.map((part) => (part.kind === 'text' ? part.text : '')).join(''),
  );
  const words = `You said: ${said.at(-1)}`.split(' ');
  const kept = words.slice(0, request.maxOutputTokens);
  const usage = { inputTokens: said.join(' ').split(' ').length, outputTokens: kept.length };
  const finishReason = kept.length < words.length ? 'length' : 'stop';
  return { text: kept.join(' '), toolCalls: [], finishReason, usage, model: CHAT.name };
}

/** Each word adds 1 at a place that its hash names, so that texts that share words are near each other. */
function vectorOf(words: readonly string[], dimensions: number): Float32Array {
  const vector = new Float32Array(dimensions);
  for (const word of words.length > 0 ? words : ['']) {
    const place = createHash('sha256').update(word).digest().readUInt32BE(0) % dimensions;
    vector[place] = (vector[place] ?? 0) + 1;
  }
  return vector.map((value) => value / Math.hypot(...vector));
}

/** The server knows it by its name and kind. */
function providerError(kind: string, message: string): Error {
  return Object.assign(new Error(message), { name: 'ProviderError', kind });
}
