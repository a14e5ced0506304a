import type { Capability, EmbeddingTraits, ModelInfo } from '../../plugins/contract.ts';

const GEMINI: readonly Capability[] = ['GENERATE', 'STREAM', 'STRUCTURED_OUTPUT', 'TOOLS', 'IMAGE_INPUT'];
const CONTEXT_TOKENS = 1_048_576;
/** Texts in one batchEmbedContents, at the most. */
export const MAX_BATCH = 100;

/** [input, output, cached input], in US dollars for a million tokens of text. */
type Prices = readonly [string, string, string];

function gemini(name: string, [input, output, cached]: Prices): ModelInfo {
  return {
    name,
    capabilities: GEMINI,
    contextTokens: CONTEXT_TOKENS,
    inputUsdPerMillion: input,
    outputUsdPerMillion: output,
    cachedInputUsdPerMillion: cached,
  };
}

function embeddingTraits(maxInputTokens: number): EmbeddingTraits {
  return { maxBatch: MAX_BATCH, maxInputTokens, chunkWords: 300, sameMeaning: 0.86, hybridVectorWeight: 0.7 };
}

/** The day on which the prices were written down. */
export const PRICES_AS_OF = '2026-11-21';

/**
 * The models that the vendor offers. The prices of 2.5 Pro and 3.1 Pro are those of prompts of up to 200,000 tokens. Where
 * the vendor asks less for an introduction (Gemini 4 until December 2026, 3.8 Flash until 2027), the lasting price stands
 * here: a budget may be kept too well, never too badly.
 * @see https://ai.google.dev/gemini-api/docs/pricing
 */
export const MODELS: readonly ModelInfo[] = [
  gemini('gemini-4-argon', ['4', '20', '0.2']),
  gemini('gemini-4-carbon', ['4', '20', '0.2']),
  gemini('gemini-3.8-flash', ['1.5', '7.5', '0.15']),
  gemini('gemini-3.5-flash', ['1.5', '9', '0.15']),
  gemini('gemini-3.1-pro-preview', ['2', '12', '0.2']),
  gemini('gemini-3.1-flash-lite', ['0.25', '1.5', '0.025']),
  gemini('gemini-3-flash-preview', ['0.5', '3', '0.05']),
  gemini('gemini-2.5-pro', ['1.25', '10', '0.125']),
  gemini('gemini-2.5-flash', ['0.3', '2.5', '0.03']),
  gemini('gemini-2.5-flash-lite', ['0.1', '0.4', '0.01']),
  {
    name: 'gemini-embedding-2',
    capabilities: ['EMBED'],
    dimensions: 3_072,
    contextTokens: 8_192,
    inputUsdPerMillion: '0.2',
    embedding: embeddingTraits(8_192),
  },
  {
    name: 'gemini-embedding-001',
    capabilities: ['EMBED'],
    dimensions: 3_072,
    contextTokens: 2_048,
    inputUsdPerMillion: '0.15',
    embedding: embeddingTraits(2_048),
  },
  {
    name: 'gemini-3.1-flash-tts-preview',
    capabilities: ['SPEAK'],
    inputUsdPerMillion: '1',
    outputUsdPerMillion: '20',
  },
];

/** Models that can think as little as not at all to speak of. */
const MINIMAL_THINKERS = /^gemini-3(-flash|\.1-flash-lite|\.5-flash|\.6-flash)/;

/** How a model is told to think: by a level, by a number of tokens, or not at all. */
export function thinkingOf(model: string): { by: 'level'; minimal: boolean } | { by: 'budget' } | { by: 'nothing' } {
  if (/^gemini-(1|2\.0)/.test(model)) return { by: 'nothing' };
  if (model.startsWith('gemini-2.5')) return { by: 'budget' };
  return { by: 'level', minimal: MINIMAL_THINKERS.test(model) };
}

/** Whether a model refuses its own calls back without the signature that it gave them. */
export function wantsSignatures(model: string): boolean {
  return !/^gemini-[12]/.test(model);
}
