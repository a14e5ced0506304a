/** What went wrong at a provider, in words that every vendor's errors can be put into. */
export type ProviderErrorKind =
  | 'authentication'
  | 'permission'
  | 'not_found'
  | 'bad_request'
  | 'context_length'
  | 'content_filter'
  | 'conflict'
  | 'too_large'
  | 'rate_limited'
  | 'overloaded'
  | 'server'
  | 'network'
  | 'timeout'
  | 'cancelled'
  | 'malformed'
  | 'unavailable';

/** Kinds where the same request may succeed a moment later. */
const RETRYABLE: ReadonlySet<ProviderErrorKind> = new Set([
  'conflict',
  'rate_limited',
  'overloaded',
  'server',
  'network',
  'timeout',
  'malformed',
  'unavailable',
]);

/** Nobody waits longer for a vendor. */
const RETRY_AFTER_MAX_MS = 24 * 60 * 60_000;

/** A vendor's failure, normalised once at the vendor's edge. The message is safe to show: it holds no credential. */
export class ProviderError extends Error {
  override readonly name = 'ProviderError';
  readonly kind: ProviderErrorKind;
  /** HTTP status that the vendor answered with, where there was one. */
  readonly status: number | undefined;
  /** How long the vendor asked to wait, from Retry-After and its relatives: finite, and a day at the most. */
  readonly retryAfterMs: number | undefined;

  constructor(
    kind: ProviderErrorKind,
    message: string,
    options: { status?: number; retryAfterMs?: number; cause?: unknown } = {},
  ) {
    super(message, { cause: options.cause });
    this.kind = kind;
    this.status = options.status;
    this.retryAfterMs = waitOf(options.retryAfterMs);
  }

  /** Whether the same request may be sent again to the same provider. */
  get retryable(): boolean {
    return RETRYABLE.has(this.kind);
  }
}

function waitOf(told: number | undefined): number | undefined {
  return told !== undefined && told >= 0 ? Math.min(told, RETRY_AFTER_MAX_MS) : undefined;
}
