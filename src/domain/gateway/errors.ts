import type { ProviderError, ProviderErrorKind } from '../../plugins/errors.ts';
import { DomainError } from '../../shared/errors.ts';
import type { Attempt } from './generation.ts';

/** No provider of this workspace can do what was asked. */
export class NoProviderError extends DomainError {
  override readonly name = 'NoProviderError';
  readonly code = 'NO_PROVIDER';
}

/** Every try at every provider failed. */
export class ProviderFailedError extends DomainError {
  override readonly name = 'ProviderFailedError';
  readonly code = 'PROVIDER_FAILED';
  readonly attempts: readonly Attempt[];
  /** Whether the same request may succeed later. */
  readonly retryable: boolean;
  /** When the provider asks to be called again; null where it does not say. */
  readonly retryAfterMs: number | null;
  /** Why the last provider failed; `unavailable` where none was called. */
  readonly kind: ProviderErrorKind;

  constructor(attempts: readonly Attempt[], last: ProviderError | null) {
    super(last?.message ?? attempts.at(-1)?.message ?? 'no provider answered', { cause: last });
    this.attempts = [...attempts];
    this.retryable = last?.retryable ?? true;
    this.retryAfterMs = last?.retryAfterMs ?? null;
    this.kind = last?.kind ?? 'unavailable';
  }

  override get details(): Record<string, unknown> {
    return { attempts: this.attempts };
  }
}
