import { ProviderError, type ProviderErrorKind } from '../../plugins/errors.ts';
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
  /** When to come again: as the provider asks, or when one that is left alone is tried again. Null where nobody says. */
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
    const { attempts, retryAfterMs } = this;
    return retryAfterMs === null ? { attempts } : { attempts, retryAfterMs };
  }
}

/** Whether a provider is to blame. One that embeds the product's own texts is asked without the gateway's attempts around it. */
export function isProviderFailure(error: unknown): boolean {
  return error instanceof ProviderFailedError || error instanceof ProviderError;
}
