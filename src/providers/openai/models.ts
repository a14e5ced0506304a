import type { Capability, EmbeddingTraits, ModelInfo } from '../../plugins/contract.ts';

const TEXT: readonly Capability[] = ['GENERATE', 'STREAM', 'STRUCTURED_OUTPUT', 'TOOLS'];
const TEXT_AND_IMAGES: readonly Capability[] = [...TEXT, 'IMAGE_INPUT'];

/**
 * A request takes 2,048 texts and 300,000 tokens, and hardly any text has more than one token for two bytes; a smaller
 * batch answers sooner and is not lost as a whole.
 * https://platform.openai.com/docs/api-reference/embeddings/create
 */
const EMBEDDING: EmbeddingTraits = {
  maxBatch: 512,
  maxBatchBytes: 600_000,
  maxInputTokens: 8_191,
  chunkWords: 300,
  sameMeaning: 0.6,
  hybridVectorWeight: 0.6,
};

/** Context, and US dollars for a million tokens: input, cached input, output, written to the cache. */
type ChatFigures = [contextTokens: number, input?: string, cached?: string, output?: string, cacheWrite?: string];

/**
 * Standard prices of prompts up to 272,000 tokens, of November 2026: https://platform.openai.com/docs/pricing
 * The names without a date move on to newer versions; what a date has is the same model.
 */
const CHAT_MODELS: Readonly<Record<string, ChatFigures>> = {
  'gpt-6-astra': [1_050_000, '10', '1', '50', '12.5'],
  'gpt-6.1-sol': [1_050_000, '2', '0.1', '10'],
  'gpt-6.1-terra': [1_050_000, '1', '0.05', '5', '1.25'],
  'gpt-6-sol': [1_050_000, '2', '0.2', '10', '2.5'],
  'gpt-6-luna': [1_050_000, '0.1', '0.01', '0.5', '0.125'],
  'gpt-5.6-sol': [1_050_000, '4', '0.4', '20'],
  'gpt-5.6-terra': [1_050_000, '2', '0.2', '12'],
  'gpt-5.6-luna': [1_050_000, '0.2', '0.02', '1.2'],
  'gpt-5.5': [1_050_000, '5', '0.5', '30'],
  'gpt-5.4': [1_050_000, '2.5', '0.25', '15'],
  'gpt-5.4-mini': [400_000, '0.75', '0.075', '4.5'],
  'gpt-5.4-nano': [400_000],
  'gpt-5.2': [400_000, '1.75', '0.175', '14'],
  'gpt-5.1': [400_000, '1.25', '0.125', '10'],
  'gpt-5': [400_000, '1.25', '0.125', '10'],
  'gpt-5-mini': [400_000, '0.25', '0.025', '2'],
  'gpt-5-nano': [400_000, '0.05', '0.005', '0.4'],
  'gpt-4.1': [1_047_576, '2', '0.5', '8'],
  'gpt-4.1-mini': [1_047_576, '0.4', '0.1', '1.6'],
  'gpt-4.1-nano': [1_047_576, '0.1', '0.025', '0.4'],
  'gpt-4o': [128_000, '2.5', '1.25', '10'],
  'gpt-4o-mini': [128_000, '0.15', '0.075', '0.6'],
  o3: [200_000, '2', '0.5', '8'],
  'o4-mini': [200_000, '1.1', '0.275', '4.4'],
  o1: [200_000, '15', '7.5', '60'],
};
/** Reads no images. */
const O3_MINI: ModelInfo = chatModel('o3-mini', TEXT, [200_000, '1.1', '0.55', '4.4']);

/** The day on which the prices were written down. */
export const PRICES_AS_OF = '2026-11-21';

/** Models of OpenAI's that are known without asking. A price that is not known for sure is left out. */
export const OPENAI_MODELS: readonly ModelInfo[] = [
  ...Object.entries(CHAT_MODELS).map(([name, figures]) => chatModel(name, TEXT_AND_IMAGES, figures)),
  O3_MINI,
  embeddingModel('text-embedding-3-small', 1_536, '0.02', EMBEDDING),
  embeddingModel('text-embedding-3-large', 3_072, '0.13', EMBEDDING),
  // Unrelated texts have a similarity of 0.7 there.
  embeddingModel('text-embedding-ada-002', 1_536, '0.1', { ...EMBEDDING, sameMeaning: 0.87 }),
  { name: 'omni-moderation-latest', capabilities: ['MODERATE'], inputUsdPerMillion: '0', outputUsdPerMillion: '0' },
  // The others are billed by the character, or by tokens of text and of sound at prices of their own.
  { name: 'whisper-1', capabilities: ['TRANSCRIBE'], usdPerAudioSecond: '0.0001' },
  { name: 'gpt-4o-transcribe', capabilities: ['TRANSCRIBE'] },
  { name: 'gpt-4o-mini-transcribe', capabilities: ['TRANSCRIBE'] },
  { name: 'tts-1', capabilities: ['SPEAK'] },
  { name: 'tts-1-hd', capabilities: ['SPEAK'] },
  { name: 'gpt-4o-mini-tts', capabilities: ['SPEAK'] },
];

const BY_NAME = new Map(OPENAI_MODELS.map((model) => [model.name, model]));

export function knownOpenAiModel(name: string): ModelInfo | undefined {
  return BY_NAME.get(name);
}

/** Words in the names of models that do none of what the contract knows, or not by this API. */
const OTHER_KINDS =
  /realtime|image|dall-e|audio|search|sora|codex|davinci|babbage|instruct|deep-research|computer-use|-live/;

/** What a name that is not in the table says of the model; undefined where it is of no use here. */
export function openAiModelByName(name: string): ModelInfo | undefined {
  const known = BY_NAME.get(name);
  if (known !== undefined) return known;
  const undated = BY_NAME.get(name.replace(/-\d{4}-\d{2}-\d{2}$/, ''));
  if (undated !== undefined) return { ...undated, name };
  const capabilities = capabilitiesByName(name);
  return capabilities.length === 0 ? undefined : { name, capabilities };
}

function capabilitiesByName(name: string): readonly Capability[] {
  if (/embedding/.test(name)) return ['EMBED'];
  if (/moderation/.test(name)) return ['MODERATE'];
  if (/transcribe|whisper/.test(name)) return ['TRANSCRIBE'];
  if (/tts/.test(name)) return ['SPEAK'];
  if (OTHER_KINDS.test(name)) return [];
  return /^(ft:)?(gpt-|chatgpt-|o\d)/.test(name) ? TEXT_AND_IMAGES : [];
}

function chatModel(name: string, capabilities: readonly Capability[], figures: ChatFigures): ModelInfo {
  const [contextTokens, inputUsdPerMillion, cachedInputUsdPerMillion, outputUsdPerMillion, cacheWriteUsdPerMillion] =
    figures;
  return {
    name,
    capabilities,
    contextTokens,
    ...(inputUsdPerMillion === undefined ? {} : { inputUsdPerMillion }),
    ...(outputUsdPerMillion === undefined ? {} : { outputUsdPerMillion }),
    ...(cachedInputUsdPerMillion === undefined ? {} : { cachedInputUsdPerMillion }),
    ...(cacheWriteUsdPerMillion === undefined ? {} : { cacheWriteUsdPerMillion }),
  };
}

function embeddingModel(name: string, dimensions: number, price: string, embedding: EmbeddingTraits): ModelInfo {
  const { maxInputTokens: contextTokens } = embedding;
  return {
    name,
    capabilities: ['EMBED'],
    dimensions,
    contextTokens,
    inputUsdPerMillion: price,
    outputUsdPerMillion: '0',
    embedding,
  };
}
