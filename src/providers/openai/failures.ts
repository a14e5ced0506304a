import type { ProviderErrorKind } from '../../plugins/errors.ts';
import { isJsonObject } from '../../shared/json.ts';
import { type ErrorReader, kindOfStatus } from '../vendor-http.ts';

/** Of OpenAI and of the servers that took over its format; https://platform.openai.com/docs/guides/error-codes */
const KIND_OF_CODE: Readonly<Record<string, ProviderErrorKind>> = {
  context_length_exceeded: 'context_length',
  // llama.cpp
  exceed_context_size_error: 'context_length',
  content_filter: 'content_filter',
  content_policy_violation: 'content_filter',
  ResponsibleAIPolicyViolation: 'content_filter',
  invalid_api_key: 'authentication',
  // What was paid for is used up; of LiteLLM, a budget, as a 400 or 429. No waiting helps.
  insufficient_quota: 'permission',
  budget_exceeded: 'permission',
  model_not_found: 'not_found',
};

/** Words that say no more than a status does; they count where there is none. */
const KIND_OF_TYPE: Readonly<Record<string, ProviderErrorKind>> = {
  authentication_error: 'authentication',
  permission_error: 'permission',
  not_found_error: 'not_found',
  invalid_request_error: 'bad_request',
  invalid_prompt: 'bad_request',
  rate_limit_error: 'rate_limited',
  rate_limit_exceeded: 'rate_limited',
  overloaded_error: 'overloaded',
  service_unavailable: 'overloaded',
  timeout: 'timeout',
};

/** vLLM, llama.cpp, Ollama and OpenAI's own embeddings have no code for it. */
const CONTEXT_LENGTH_WORDS =
  /maximum context length|context (length|window|size)\b.*\bexceed|exceed\w*\b.*\bcontext (length|window|size)|input length exceeds/i;
/** Codes that a too long prompt is refused with. */
const REFUSAL_STATUSES: readonly (number | undefined)[] = [400, 413, 422, 500, undefined];

/** Reads `{ error: { message, type, code } }` and its variants. */
export const readOpenAiError: ErrorReader = (body, status) => {
  const error = errorObject(body);
  const message = text(error.message) ?? text(error.detail) ?? text(error.error);
  const inner = isJsonObject(error.innererror) ? error.innererror : {};
  const [code, type] = [text(error.code), text(error.type)];
  const known = [code, text(inner.code), type].map((word) => KIND_OF_CODE[word ?? '']).find(Boolean);
  return {
    kind:
      known ??
      kindOfWords(message, status) ??
      (status === undefined ? kindWithoutStatus(error, code, type) : undefined),
    message: withFilterCategories(message, inner.content_filter_result),
  };
};

/** Whether a 200 answer, or an event of its stream, is an error. */
export function isErrorBody(body: Readonly<Record<string, unknown>>): boolean {
  return (body.error !== undefined && body.error !== null) || body.object === 'error';
}

function errorObject(body: unknown): Readonly<Record<string, unknown>> {
  if (!isJsonObject(body)) return {};
  return isJsonObject(body.error) ? body.error : body;
}

function kindOfWords(message: string | undefined, status: number | undefined): ProviderErrorKind | undefined {
  const isTooLong = message !== undefined && CONTEXT_LENGTH_WORDS.test(message);
  return isTooLong && REFUSAL_STATUSES.includes(status) ? 'context_length' : undefined;
}

/** An event's error may have an HTTP status for its code. */
function kindWithoutStatus(
  error: Readonly<Record<string, unknown>>,
  code: string | undefined,
  type: string | undefined,
): ProviderErrorKind {
  const status = [error.code, error.status, error.status_code].map(Number).find((each) => each >= 400 && each < 600);
  if (status !== undefined) return kindOfStatus(status);
  return KIND_OF_TYPE[code ?? ''] ?? KIND_OF_TYPE[type ?? ''] ?? 'server';
}

/** Azure tells which of its filters it was. */
function withFilterCategories(message: string | undefined, results: unknown): string | undefined {
  if (!isJsonObject(results)) return message;
  const filtered = Object.entries(results).filter(([, result]) => isJsonObject(result) && result.filtered === true);
  if (filtered.length === 0) return message;
  return `${message ?? 'refused'} (filtered for: ${filtered.map(([category]) => category).join(', ')})`;
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}
