import { ProviderError, type ProviderErrorKind } from '../errors.ts';

/** What can be asked of a provider that runs elsewhere with one answer; the last part of the address over HTTP. */
export type RemoteMethod =
  | ('embed' | 'generate' | 'rerank' | 'moderate' | 'transcribe' | 'speak')
  | ('models' | 'check' | 'spend');

/** A failure as it crosses to another thread or process. */
export interface WireError {
  kind: ProviderErrorKind;
  message: string;
  status?: number;
  retryAfterMs?: number;
}

const KINDS: Readonly<Record<ProviderErrorKind, true>> = {
  authentication: true,
  permission: true,
  not_found: true,
  bad_request: true,
  context_length: true,
  content_filter: true,
  conflict: true,
  too_large: true,
  rate_limited: true,
  overloaded: true,
  server: true,
  network: true,
  timeout: true,
  cancelled: true,
  malformed: true,
  unavailable: true,
};

/** Of a message that is shown. It is cut after credentials were taken out: half of one is not recognised. */
export const MESSAGE_MAX_CHARACTERS = 2_000;
/** Of one that crosses; a longer one is left behind as a whole. */
const CROSSING_MAX_CHARACTERS = 64_000;

/**
 * A failure in the form in which it crosses. A plugin need not import our class: what is called `ProviderError` and has
 * a known kind is one. An abort is `cancelled`, everything else `server`.
 */
export function encodeError(error: unknown): WireError {
  const thrown = isObject(error) ? error : { message: String(error) };
  // fetch wraps what the way to the network has refused.
  const given = isObject(thrown.cause) && thrown.cause.name === 'ProviderError' ? thrown.cause : thrown;
  const text =
    typeof given.message === 'string' && given.message !== '' ? given.message : String(given.name ?? 'failed');
  const message = bounded(text);
  const { name } = given;
  if (name === 'ProviderError' && isKind(given.kind)) {
    return { kind: given.kind, message, ...numbersOf(given) };
  }
  return { kind: name === 'AbortError' || name === 'TimeoutError' ? 'cancelled' : 'server', message };
}

/** What another thread or process has called its failure; null where that is no `WireError`. Its message is not cut yet. */
export function decodeError(given: unknown): ProviderError | null {
  if (!isObject(given) || !isKind(given.kind) || typeof given.message !== 'string') return null;
  return new ProviderError(given.kind, bounded(given.message), numbersOf(given));
}

/** The plugin has answered, but not as the contract says. */
export function malformed(what: string, cause?: unknown): ProviderError {
  return new ProviderError('malformed', `the plugin's answer ${what}`, { cause });
}

function bounded(message: string): string {
  return message.length <= CROSSING_MAX_CHARACTERS ? message : `failed with a message of ${message.length} characters`;
}

function numbersOf(given: Record<string, unknown>): { status?: number; retryAfterMs?: number } {
  const { status, retryAfterMs } = given;
  return {
    ...(isCount(status) ? { status } : {}),
    ...(isCount(retryAfterMs) ? { retryAfterMs } : {}),
  };
}

function isKind(kind: unknown): kind is ProviderErrorKind {
  return typeof kind === 'string' && Object.hasOwn(KINDS, kind);
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
