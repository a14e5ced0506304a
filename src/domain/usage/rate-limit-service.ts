import type { Database } from '../../db/client.ts';
import { isForeignKeyViolation } from '../../db/failures.ts';
import { NotFoundError } from '../../shared/errors.ts';
import type { WorkspaceCaller } from '../access/caller.ts';
import { Lanes, type Verdict } from './lanes.ts';
import { RateLimitedError, type RateLimits, rateLimitsOf } from './rate-limit.ts';
import { lockRate, passCalls, type RateVerdict, verdictNow } from './rate-limit-store.ts';

interface Call {
  workspaceId: string;
  apiKeyId: string | null;
  limits: RateLimits;
}

/** Holds workspaces and their keys to so many model calls in any minute, exactly, however many servers there are. */
export class RateLimitService {
  readonly #database: Database;
  readonly #lanes = new Lanes<Call, void>((calls) => this.#pass(calls));

  constructor(database: Database) {
    this.#database = database;
  }

  /**
   * Counts one call, before anything is done for it. Where the policies limit nothing it costs nothing.
   * @throws RateLimitedError, and then it is not counted; NotFoundError where the workspace has been deleted
   */
  async pass({ workspace, apiKeyId }: WorkspaceCaller, policies: Readonly<Record<string, unknown>>): Promise<void> {
    const limits = rateLimitsOf(policies);
    if (limits === null) return;
    await this.#lanes.ask(workspace.id, { workspaceId: workspace.id, apiKeyId, limits });
  }

  /**
   * Whether a call would pass now; nothing is counted.
   * @throws RateLimitedError
   */
  async check({ workspace, apiKeyId }: WorkspaceCaller, policies: Readonly<Record<string, unknown>>): Promise<void> {
    const limits = rateLimitsOf(policies);
    if (limits === null) return;
    const verdict = await this.#database.withWorkspace(workspace.id, (scope) => verdictNow(scope, limits, apiKeyId));
    if (verdict !== null) throw refusalOf(verdict, limits);
  }

  async #pass(calls: readonly [Call, ...Call[]]): Promise<Verdict<void>[]> {
    const [{ workspaceId }] = calls;
    // What came last knows the settings best.
    const { limits } = calls.at(-1) ?? calls[0];
    const keys = calls.map(({ apiKeyId }) => apiKeyId ?? '');
    const verdicts = await this.#database
      .withWorkspace(workspaceId, async (scope) => {
        // Two statements, so that what is read is what the last holder of the lock has committed; they travel together.
        const [, passed] = await Promise.all([lockRate(scope), passCalls(scope, limits, keys)]);
        return passed;
      })
      .catch((error: unknown) => {
        throw isForeignKeyViolation(error) ? new NotFoundError('workspace', workspaceId) : error;
      });
    return verdicts.map((verdict) => {
      return verdict === null ? { granted: undefined } : { refused: refusalOf(verdict, limits) };
    });
  }
}

function refusalOf({ limited, retryAfterMs }: NonNullable<RateVerdict>, limits: RateLimits): RateLimitedError {
  return new RateLimitedError(limited, limits[limited] ?? 0, retryAfterMs);
}
