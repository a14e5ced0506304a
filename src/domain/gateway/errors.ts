import { DomainError } from '../../shared/errors.ts';

/** No provider of this workspace can do what was asked. */
export class NoProviderError extends DomainError {
  override readonly name = 'NoProviderError';
  readonly code = 'NO_PROVIDER';
}

/** One try at a provider, as a client is told of it. */
export interface FailedAttempt {
  provider: string;
  model: string;
  errorCode: string;
  message: string;
  durationMs: number;
}

/** Every try at every provider failed. */
export class ProviderFailedError extends DomainError {
  override readonly name = 'ProviderFailedError';
  readonly code = 'PROVIDER_FAILED';
  readonly attempts: readonly FailedAttempt[];
  /** Whether the same request may succeed later. */
  readonly retryable: boolean;

  constructor(attempts: readonly FailedAttempt[], retryable: boolean, cause: unknown) {
    super(attempts.at(-1)?.message ?? 'no provider answered', { cause });
    this.attempts = attempts;
    this.retryable = retryable;
  }

  /** Why the last attempt failed, as a `ProviderErrorKind`. */
  get kind(): string | undefined {
    return this.attempts.at(-1)?.errorCode;
  }

  override get details(): Record<string, unknown> {
    return { attempts: this.attempts };
  }
}
