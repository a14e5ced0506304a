import type { EmbedRequest, EmbedResult } from '../../plugins/contract.ts';
import { ProviderError } from '../../plugins/errors.ts';
import type { JsonObject } from '../../shared/json.ts';
import { tokenCount } from '../../shared/token-count.ts';
import { shareOutTokens } from '../text-tokens.ts';
import { unitVector } from '../vendor-http.ts';
import { MAX_BATCH } from './models.ts';

/** Of one text, where the vendor does not count: its own rule of thumb. */
const CHARACTERS_PER_TOKEN = 4;

/** One of the requests in a batchEmbedContents. */
interface EmbedContentRequest {
  model: string;
  content: { parts: [{ text: string }] };
  taskType?: 'RETRIEVAL_QUERY' | 'RETRIEVAL_DOCUMENT';
  outputDimensionality?: number;
}

/** The body of batchEmbedContents: one request for each text. @throws ProviderError where there are too many or none */
export function embedBody(request: EmbedRequest): { requests: EmbedContentRequest[] } {
  const { model, purpose, dimensions, texts } = request;
  if (texts.length < 1 || texts.length > MAX_BATCH) {
    throw new ProviderError('bad_request', `texts: ${model} embeds 1 to ${MAX_BATCH} a call.`);
  }
  const told = toldByText(model);
  const taskType = purpose === 'query' ? 'RETRIEVAL_QUERY' : 'RETRIEVAL_DOCUMENT';
  return {
    requests: texts.map((text) => ({
      model: `models/${model}`,
      content: { parts: [{ text: told ? withPurpose(text, purpose) : notEmpty(text) }] },
      ...(told ? {} : { taskType }),
      ...(dimensions === undefined ? {} : { outputDimensionality: dimensions }),
    })),
  };
}

/** Models from the second generation on take no task type: the text itself says what it is for. */
function toldByText(model: string): boolean {
  return /^gemini-embedding-[2-9]/.test(model);
}

function withPurpose(text: string, purpose: EmbedRequest['purpose']): string {
  return purpose === 'query' ? `task: search result | query: ${text}` : `title: none | text: ${text}`;
}

/** The vendor refuses a text of no characters. */
function notEmpty(text: string): string {
  return text === '' ? ' ' : text;
}

/** Vectors that are shortened do not have norm 1 as the vendor sends them. */
export function vectorsOf(answer: JsonObject, request: EmbedRequest): EmbedResult {
  const { embeddings, usageMetadata } = answer as {
    embeddings?: { values?: number[] }[];
    usageMetadata?: { promptTokenCount?: number };
  };
  const { texts, model } = request;
  if (!Array.isArray(embeddings) || embeddings.length !== texts.length) {
    throw new ProviderError('malformed', `Google sent no ${texts.length} vectors for as many texts`);
  }
  const tokens = tokenCount(usageMetadata?.promptTokenCount);
  return {
    vectors: embeddings.map(({ values = [] }) => unitVector(values)),
    tokenCounts:
      tokens === undefined
        ? texts.map((text) => Math.ceil(text.length / CHARACTERS_PER_TOKEN))
        : shareOutTokens(tokens, texts),
    model,
  };
}
