import type { ModelInfo } from '../../plugins/contract.ts';
import { InvalidInputError } from '../../shared/errors.ts';
import type { AiTask } from '../documents/document-service.ts';
import { usageCostUsd } from '../gateway/price.ts';
import { SUMMARISED_CHARACTERS } from '../summaries/llm-summariser.ts';
import { EXAMPLES_OF_THEME, MAX_THEMES } from '../themes/theme.ts';
import { EXAMPLE_CHARACTERS, THEMES_PER_QUESTION } from '../themes/theme-namer.ts';
import type { Operation } from './usage-event.ts';

/** What some work is going to cost, before it is done. */
export interface CostEstimate {
  /** Exact decimals. */
  lowUsd: string;
  highUsd: string;
  /** Read, and written at the most. */
  tokens: number;
  /** The model's id. */
  model: string;
  /** Whether the high end still fits into what every budget of the caller has left. */
  fitsBudget: boolean;
}

/** Two ends of what is likely. */
export interface Range {
  low: number;
  high: number;
}

/** How a task is done by asking a model that writes. */
export interface AskingTask {
  /** Texts in one question. */
  readonly textsPerCall: number;
  /** Of one text, at the most. */
  readonly textCharacters: number;
  /** Tokens of the instructions: alone, and with the shape of the answer in full. */
  readonly promptTokens: Range;
  /** Tokens of an answer about one text, where the workspace has no history. */
  readonly answerTokens: Range;
}

/** How a task appears in the ledger, and what is stored that spares it. */
export interface TaskWork {
  readonly operation: Operation;
  /** Labels of a taxonomy, or a summary; vectors where neither. */
  readonly stored: { readonly taxonomy: string } | 'summary' | null;
  /** Null: the task is done by vectors alone. */
  readonly asking: AskingTask | null;
}

const TEXTS_PER_CALL = 10;
const TEXT_CHARACTERS = 3_000;
const ANSWER_TOKENS: Range = { low: 40, high: 150 };

function labelling(operation: Operation, taxonomy: string, promptTokens: Range): TaskWork {
  const asking = { textsPerCall: TEXTS_PER_CALL, textCharacters: TEXT_CHARACTERS, promptTokens };
  return { operation, stored: { taxonomy }, asking: { ...asking, answerTokens: ANSWER_TOKENS } };
}

const SUMMARISING: AskingTask = {
  textsPerCall: TEXTS_PER_CALL,
  textCharacters: SUMMARISED_CHARACTERS,
  promptTokens: { low: 720, high: 1_100 },
  answerTokens: { low: 30, high: 120 },
};

const NAMING: AskingTask = {
  textsPerCall: THEMES_PER_QUESTION,
  textCharacters: EXAMPLE_CHARACTERS,
  promptTokens: { low: 450, high: 700 },
  answerTokens: { low: 10, high: 30 },
};

/** Prompts of the built-in taxonomies as they are counted for ten texts; a test holds them to what is sent. */
export const WORK_OF_TASK: Readonly<Record<AiTask, TaskWork>> = {
  EMBED: { operation: 'embed', stored: null, asking: null },
  CLASSIFY: labelling('classify', 'feedback', { low: 1_320, high: 3_300 }),
  SENTIMENT: labelling('sentiment', 'sentiment', { low: 940, high: 2_000 }),
  INTENT: labelling('intent', 'intent', { low: 1_310, high: 3_000 }),
  SUMMARISE: { operation: 'summarise', stored: 'summary', asking: SUMMARISING },
  THEMES: { operation: 'summarise', stored: null, asking: NAMING },
};

/** Chunks of a long text overlap by a sentence, and each begins with the title. */
const CHUNK_OVERLAP = 1.25;

/** Texts to work on, as they are counted. */
export interface WorkLoad {
  texts: Range;
  tokens: Range;
}

/** What is asked of a model that names the themes of documents: nothing where all have their names. */
export function namingLoad({ texts, tokens }: WorkLoad): WorkLoad {
  const themes = Math.min(MAX_THEMES, texts.high);
  const shown = Math.min(texts.high, themes * EXAMPLES_OF_THEME);
  const share = texts.high === 0 ? 0 : shown / texts.high;
  return { texts: { low: 0, high: themes }, tokens: { low: 0, high: Math.ceil(tokens.high * share) } };
}

/** What of both is done. */
export function addLoads(left: WorkLoad, right: WorkLoad): WorkLoad {
  return { texts: addRanges(left.texts, right.texts), tokens: addRanges(left.tokens, right.tokens) };
}

/** Tokens that go in and come out. */
export interface EstimatedTokens {
  input: Range;
  output: Range;
}

export function embeddingTokens({ tokens }: WorkLoad): EstimatedTokens {
  return { input: { low: tokens.low, high: Math.ceil(tokens.high * CHUNK_OVERLAP) }, output: { low: 0, high: 0 } };
}

/** @param answerTokens of one answer, as the workspace's history tells; null where it has too little of it */
export function askingTokens(load: WorkLoad, asking: AskingTask, answerTokens: Range | null): EstimatedTokens {
  const { textsPerCall, promptTokens } = asking;
  const callsOf = (texts: number) => Math.ceil(texts / textsPerCall);
  const outputOf = (end: keyof Range) =>
    answerTokens === null
      ? load.texts[end] * asking.answerTokens[end]
      : Math.ceil(callsOf(load.texts[end]) * answerTokens[end]);
  const inputOf = (end: keyof Range) => load.tokens[end] + callsOf(load.texts[end]) * promptTokens[end];
  return {
    input: { low: inputOf('low'), high: inputOf('high') },
    output: { low: outputOf('low'), high: outputOf('high') },
  };
}

/**
 * What tokens cost at a model's prices.
 * @throws InvalidInputError where a price is not known: no number would be true
 */
export function priceOf(
  model: { id: string; info: ModelInfo },
  { input, output }: EstimatedTokens,
): { lowUsd: string; highUsd: string } {
  const costOf = (end: keyof Range) => usageCostUsd({ inputTokens: input[end], outputTokens: output[end] }, model.info);
  const [lowUsd, highUsd] = [costOf('low'), costOf('high')];
  if (lowUsd === null || highUsd === null) {
    throw InvalidInputError.at(
      'model',
      `no price is known for ${model.id}: give its prices in the integration's config.models, or name another model`,
    );
  }
  return { lowUsd, highUsd };
}

function addRanges(left: Range, right: Range): Range {
  return { low: left.low + right.low, high: left.high + right.high };
}
