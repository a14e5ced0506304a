import type { ProviderErrorKind } from '../../plugins/errors.ts';
import { isJsonObject } from '../../shared/json.ts';
import type { ErrorReader } from '../vendor-http.ts';

/** @see https://developers.cloudflare.com/workers-ai/platform/errors/ and the API's own codes */
const KINDS: Readonly<Record<number, ProviderErrorKind>> = {
  // Of the vendor's gateway: a prompt, or an answer, that its guardrails hold back.
  2016: 'content_filter',
  2017: 'content_filter',
  3006: 'too_large',
  3007: 'timeout',
  3008: 'timeout',
  3023: 'permission',
  // The day's free allocation is used up; with the status 429.
  3036: 'rate_limited',
  3040: 'overloaded',
  3041: 'permission',
  3042: 'not_found',
  5007: 'not_found',
  5016: 'permission',
  5018: 'permission',
  5021: 'context_length',
  7000: 'not_found',
  7003: 'not_found',
  9106: 'authentication',
  9109: 'permission',
  10000: 'authentication',
};

const TOO_LONG = /context (window|length)|maximum context|exceeds? the (maximum|max) (number of )?tokens/i;
/** The model did not manage the schema: another try or another model may. */
const NO_JSON = /JSON Mode couldn.t be met/i;

/** Reads `{ success: false, errors: [{ code, message }] }`, in an answer and in a stream. */
export const readError: ErrorReader = (body) => {
  const { errors, error } = isJsonObject(body) ? body : {};
  const told = [errors, error].flat().find((each) => each !== undefined && each !== null);
  const { code, message } = isJsonObject(told) ? told : { code: undefined, message: told };
  const words = typeof message === 'string' ? message : undefined;
  return { kind: kindOf(Number(code), words ?? ''), message: words };
};

function kindOf(code: number, message: string): ProviderErrorKind | undefined {
  if (TOO_LONG.test(message)) return 'context_length';
  if (NO_JSON.test(message)) return 'malformed';
  return KINDS[code];
}
