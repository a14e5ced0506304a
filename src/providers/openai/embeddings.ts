import type { EmbeddingCreateParams } from 'openai/resources/embeddings';
import type { EmbedRequest } from '../../plugins/contract.ts';
import { ProviderError } from '../../plugins/errors.ts';
import { isJsonObject, type JsonObject } from '../../shared/json.ts';
import { tokenCount } from '../../shared/token-count.ts';
import { shareOutTokens } from '../text-tokens.ts';
import { unitVector, type VendorHttp } from '../vendor-http.ts';
import { isErrorBody } from './failures.ts';

const FLOAT_BYTES = 4;
/** OpenAI refuses '' where it takes a blank. */
const BLANK = ' ';

/** The body of POST /embeddings. */
export function embeddingsBody(request: EmbedRequest): EmbeddingCreateParams {
  return {
    model: request.model,
    input: request.texts.map((text) => text || BLANK),
    // A third of the bytes of numbers in decimal, and no parsing.
    encoding_format: 'base64',
    ...(request.dimensions === undefined ? {} : { dimensions: request.dimensions }),
  };
}

/** What one answer says, in the order of the request's texts. */
export interface ReadEmbeddings {
  vectors: Float32Array[];
  tokenCounts: number[];
  model: string | undefined;
}

/** Reads an answer to `embeddingsBody(request)`. @throws ProviderError where it is none */
export function readEmbeddings(json: JsonObject, request: EmbedRequest, http: VendorHttp): ReadEmbeddings {
  if (isErrorBody(json)) throw http.errorWithin(json);
  const { data, usage, model } = json;
  const { texts, dimensions } = request;
  if (!Array.isArray(data) || data.length !== texts.length) {
    throw http.malformed(`${Array.isArray(data) ? data.length : 'no'} vectors for ${texts.length} texts`);
  }
  const vectors: Float32Array[] = new Array(texts.length);
  for (const [position, item] of data.entries()) {
    const { index = position, embedding } = isJsonObject(item) ? item : {};
    if (typeof index !== 'number' || !(index in texts) || vectors[index] !== undefined) {
      throw http.malformed('vectors with wrong numbers');
    }
    vectors[index] = readVector(embedding, http);
  }
  const length = vectors[0]?.length;
  if (vectors.some((vector) => vector.length !== length)) throw http.malformed('vectors of different lengths');
  if (dimensions !== undefined && dimensions !== length) {
    throw new ProviderError('bad_request', `${request.model} gives vectors of ${length} numbers, not of ${dimensions}`);
  }
  const sum = isJsonObject(usage) ? (tokenCount(usage.prompt_tokens) ?? usage.total_tokens) : undefined;
  return {
    vectors,
    tokenCounts: shareOutTokens(sum, texts),
    model: typeof model === 'string' && model !== '' ? model : undefined,
  };
}

/** Base64 of little-endian 32 bit floats, or plain numbers from servers that know no encoding. */
function readVector(embedding: unknown, http: VendorHttp): Float32Array {
  if (typeof embedding === 'string') {
    const bytes = Buffer.from(embedding, 'base64');
    if (bytes.length === 0 || bytes.length % FLOAT_BYTES !== 0) throw http.malformed('a vector of broken numbers');
    // A small buffer lies in a pool, not always at a multiple of 4.
    return unitVector(new Float32Array(Uint8Array.from(bytes).buffer));
  }
  if (!Array.isArray(embedding)) throw http.malformed('no vector');
  return unitVector(embedding as number[]);
}

/** With no text of more bytes than the model reads tokens: a token has one byte at the least. */
export function cutToFit(request: EmbedRequest, maxInputTokens: number): EmbedRequest {
  return { ...request, texts: request.texts.map((text) => cutToBytes(text, maxInputTokens)) };
}

function cutToBytes(text: string, maxBytes: number): string {
  const bytes = Buffer.from(text);
  if (bytes.length <= maxBytes) return text;
  // A character that the cut goes through is left out.
  return new TextDecoder().decode(bytes.subarray(0, maxBytes), { stream: true });
}
