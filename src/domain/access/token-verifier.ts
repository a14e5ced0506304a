import { createRemoteJWKSet, errors, type JWTPayload, jwtVerify } from 'jose';
import { LRUCache } from 'lru-cache';
import type { JwtConfig } from '../../config.ts';
import type { Database } from '../../db/client.ts';
import { UnavailableError } from '../../shared/errors.ts';
import { ROLES, type Role } from './actions.ts';
import { type Caller, type CallerWorkspace, UnauthenticatedError } from './caller.ts';
import { findWorkspace } from './workspace-lookup.ts';

const JWKS_TIMEOUT_MS = 5_000;
const WORKSPACE_CACHE_MS = 5_000;
const CLOCK_TOLERANCE_SECONDS = 30;

/** What jose throws when the issuer's keys could not be had, as opposed to a token that is not good. */
const ISSUER_FAILURES = [errors.JWKSTimeout, errors.JWKSInvalid];

/** Verifies the JWTs of the team's own issuer: signature, issuer, audience and times, by its JWKS. */
export class TokenVerifier {
  readonly #config: JwtConfig;
  readonly #database: Database;
  readonly #keys: ReturnType<typeof createRemoteJWKSet>;
  readonly #workspaces = new LRUCache<string, CallerWorkspace>({ max: 10_000, ttl: WORKSPACE_CACHE_MS });

  constructor(config: JwtConfig, database: Database) {
    this.#config = config;
    this.#database = database;
    this.#keys = createRemoteJWKSet(new URL(config.jwksUrl), { timeoutDuration: JWKS_TIMEOUT_MS });
  }

  /**
   * @throws UnauthenticatedError where the token is not good
   * @throws UnavailableError where the issuer's keys cannot be had
   */
  async verify(token: string): Promise<Caller> {
    const claims = await this.#claims(token);
    const { claims: names } = this.#config;
    const workspaceName = claims[names.workspace];
    if (typeof workspaceName !== 'string')
      throw new UnauthenticatedError(`the token has no claim "${names.workspace}"`);
    const workspace = await this.#workspace(workspaceName);
    if (workspace === null) throw new UnauthenticatedError(`the claim "${names.workspace}" names no workspace`);
    const user = claims[names.user];
    return {
      kind: 'user',
      workspace,
      role: readRole(claims[names.role]),
      apiKeyId: null,
      userId: typeof user === 'string' ? user : null,
    };
  }

  async #claims(token: string): Promise<JWTPayload> {
    const { issuer, audience } = this.#config;
    try {
      const { payload } = await jwtVerify(token, this.#keys, {
        issuer,
        ...(audience === undefined ? {} : { audience }),
        clockTolerance: CLOCK_TOLERANCE_SECONDS,
        requiredClaims: ['exp'],
      });
      return payload;
    } catch (error) {
      if (isIssuerFailure(error)) {
        throw new UnavailableError('the keys of the token issuer cannot be had now; try again', { cause: error });
      }
      throw new UnauthenticatedError(`this token is not valid: ${(error as Error).message}`);
    }
  }

  async #workspace(idOrSlug: string): Promise<CallerWorkspace | null> {
    const known = this.#workspaces.get(idOrSlug);
    if (known !== undefined) return known;
    const found = await this.#database.withSystem((scope) => findWorkspace(scope, idOrSlug));
    if (found !== null) this.#workspaces.set(idOrSlug, found);
    return found;
  }
}

/** jose reports an answer of the issuer other than 200, or one that is not JSON, as a plain JOSEError. */
function isIssuerFailure(error: unknown): boolean {
  if (!(error instanceof errors.JOSEError)) return true;
  return ISSUER_FAILURES.some((kind) => error instanceof kind) || error.code === 'ERR_JOSE_GENERIC';
}

/** A token without a role may look and no more. */
function readRole(claim: unknown): Role {
  const wanted = typeof claim === 'string' ? claim.toUpperCase() : 'VIEWER';
  const role = ROLES.find((known) => known === wanted);
  if (role === undefined) throw new UnauthenticatedError(`the token's role must be one of ${ROLES.join(', ')}`);
  return role;
}
