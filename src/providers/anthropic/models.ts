import type { Capability, ModelInfo } from '../../plugins/contract.ts';

const CLAUDE: readonly Capability[] = ['GENERATE', 'STREAM', 'STRUCTURED_OUTPUT', 'TOOLS', 'IMAGE_INPUT'];

/** [input, output, cache read, cache write for five minutes], in US dollars for a million tokens. */
type Prices = readonly [string, string, string?, string?];

function claude(name: string, contextTokens: number, prices: Prices, aliases?: readonly string[]): ModelInfo {
  const [inputUsdPerMillion, outputUsdPerMillion, cachedInputUsdPerMillion, cacheWriteUsdPerMillion] = prices;
  return {
    name,
    ...(aliases === undefined ? {} : { aliases }),
    capabilities: CLAUDE,
    contextTokens,
    inputUsdPerMillion,
    outputUsdPerMillion,
    ...(cachedInputUsdPerMillion === undefined ? {} : { cachedInputUsdPerMillion }),
    ...(cacheWriteUsdPerMillion === undefined ? {} : { cacheWriteUsdPerMillion }),
  };
}

const MILLION = 1_000_000;
const OPUS: Prices = ['5', '25', '0.5', '6.25'];

/** The day on which the prices were written down. */
export const PRICES_AS_OF = '2026-11-21';

/**
 * The models that the vendor offers. Claude Haiku 5.5 has no price here: it has two, by the length of the prompt.
 * @see https://platform.claude.com/docs/en/about-claude/pricing
 */
export const MODELS: readonly ModelInfo[] = [
  claude('claude-fable-5-1', MILLION, ['10', '50']),
  claude('claude-opus-5-5', MILLION, ['4', '20', '0.2', '5']),
  claude('claude-sonnet-5-5', MILLION, ['2', '10', '0.1', '2.5']),
  { name: 'claude-haiku-5-5', capabilities: CLAUDE, contextTokens: MILLION },
  claude('claude-opus-5', MILLION, OPUS),
  claude('claude-sonnet-5', MILLION, ['2', '10', '0.2', '2.5']),
  claude('claude-opus-4-8', MILLION, OPUS),
  claude('claude-opus-4-7', MILLION, OPUS),
  claude('claude-opus-4-6', MILLION, OPUS),
  claude('claude-sonnet-4-6', MILLION, ['3', '15', '0.3', '3.75']),
  claude('claude-opus-4-5', 200_000, OPUS, ['claude-opus-4-5-20251101']),
  claude('claude-sonnet-4-5', 200_000, ['3', '15', '0.3', '3.75'], ['claude-sonnet-4-5-20250929']),
  claude('claude-haiku-4-5', 200_000, ['1', '5', '0.1', '1.25'], ['claude-haiku-4-5-20251001']),
];

/** What a request to a model has to look like, where models differ. */
export interface ModelTraits {
  /** Sent where the request sets no limit: the vendor wants one. */
  readonly maxOutputTokens: number;
  /** `budget`: the caller says how many tokens; `adaptive`: the model decides, by the effort; `none`: it cannot think. */
  readonly thinking: 'adaptive' | 'budget' | 'none';
  /** Whether `temperature` and `top_p` may be other than the model's own. */
  readonly sampling: boolean;
}

/** e.g. claude-opus-4-5-20251101 and claude-sonnet-4-20250514 (4.0). */
const NAME_SHAPE = /^claude-([a-z]+)-(\d)(?:-(\d{1,2}))?(?:-|$)/;

/** By the model's generation, so that a new name of a known generation works too. */
export function traitsOf(model: string): ModelTraits {
  if (model.startsWith('claude-3')) {
    return { maxOutputTokens: 4_096, thinking: model.startsWith('claude-3-7') ? 'budget' : 'none', sampling: true };
  }
  const [, family, major, minor = '0'] = NAME_SHAPE.exec(model) ?? [];
  // A name of somebody's own, behind a proxy: the vendor judges.
  if (family === undefined) return { maxOutputTokens: 8_192, thinking: 'adaptive', sampling: true };
  const generation = Number(major) * 100 + Number(minor);
  return {
    maxOutputTokens: maxOutputTokens(family, generation),
    thinking: generation >= 406 ? 'adaptive' : 'budget',
    sampling: generation < (family === 'opus' ? 407 : 500),
  };
}

function maxOutputTokens(family: string, generation: number): number {
  if (generation >= 500 || (family === 'opus' && generation >= 406)) return 128_000;
  return family === 'opus' && generation < 405 ? 32_000 : 64_000;
}
