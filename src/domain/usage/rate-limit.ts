import { DomainError, InvalidInputError } from '../../shared/errors.ts';

/** A limit holds over every span of so long, wherever it begins. */
export const RATE_WINDOW_MS = 60_000;

/** Bounds the rows of a window too. */
const RATE_LIMIT_MAX = 100_000;

/** Model calls within a minute; null: any number. */
export interface RateLimits {
  perWorkspace: number | null;
  /** Of each API key. Users' tokens and the root key are no API keys, and count for the workspace alone. */
  perKey: number | null;
}

/** The names of the policies that hold them. */
const POLICIES = { perWorkspace: 'requestsPerMinute', perKey: 'requestsPerMinutePerKey' } as const;

type Policies = Readonly<Record<string, unknown>>;

/** The workspace's limits; null where it has none. */
export function rateLimitsOf(policies: Policies): RateLimits | null {
  const perWorkspace = limitIn(policies, POLICIES.perWorkspace);
  const perKey = limitIn(policies, POLICIES.perKey);
  return perWorkspace === null && perKey === null ? null : { perWorkspace, perKey };
}

/** @throws InvalidInputError where a limit is none */
export function checkRateLimits(policies: Policies): void {
  for (const name of Object.values(POLICIES)) {
    if (policies[name] === undefined || limitIn(policies, name) !== null) continue;
    throw InvalidInputError.at(
      `policies.${name}`,
      `must be a whole number from 1 to ${RATE_LIMIT_MAX}, or null for none`,
    );
  }
}

function limitIn(policies: Policies, name: string): number | null {
  const limit = policies[name];
  return typeof limit === 'number' && Number.isInteger(limit) && limit >= 1 && limit <= RATE_LIMIT_MAX ? limit : null;
}

/** The last minute has had as many model calls as it may. Nothing was done, and the refused call is not counted. */
export class RateLimitedError extends DomainError {
  override readonly name = 'RateLimitedError';
  readonly code = 'RATE_LIMITED';
  /** When the next call may pass, unless another one comes first. */
  readonly retryAfterMs: number;

  constructor(limited: keyof RateLimits, limit: number, retryAfterMs: number) {
    const whose = limited === 'perKey' ? 'each API key' : 'the workspace';
    super(
      `${whose} may make ${limit.toLocaleString('en-US')} model calls a minute, and they are made: try again in ` +
        `${Math.ceil(retryAfterMs / 1_000)} s, or raise policies.${POLICIES[limited]} with updateSettings`,
    );
    this.retryAfterMs = retryAfterMs;
  }

  override get details(): Record<string, unknown> {
    return { retryAfterMs: this.retryAfterMs };
  }
}
