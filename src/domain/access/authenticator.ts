import { LRUCache } from 'lru-cache';
import type { Database } from '../../db/client.ts';
import { InvalidInputError } from '../../shared/errors.ts';
import { type ApiKey, hashSecret, sameSecret } from './api-key.ts';
import { findApiKeyBySecret, touchApiKeys } from './api-key-store.ts';
import { ANONYMOUS, type Caller, type CallerWorkspace, UnauthenticatedError } from './caller.ts';
import type { TokenVerifier } from './token-verifier.ts';
import { findWorkspace } from './workspace-lookup.ts';

/** How long a server may go on believing in a key that another server has revoked. */
const KEY_CACHE_MS = 5_000;
const KEY_CACHE_ENTRIES = 10_000;
/** `lastUsedAt` is written at most this often for a key. */
const TOUCH_INTERVAL_MS = 60_000;
/** Ages are told from the clock: what the cache does by itself, a timer of a millisecond, costs each request more. */
const KEY_CACHE = { max: KEY_CACHE_ENTRIES, ttlResolution: 0 } as const;

interface KnownKey {
  key: ApiKey;
  workspace: CallerWorkspace;
}

export interface Credentials {
  /** The value of the header `Authorization`, or null. */
  authorization: string | null;
  /** The value of the header `X-Signalbox-Workspace`, or null; only the root key may choose. */
  workspaceId: string | null;
}

/** Says who is asking. */
export class Authenticator {
  readonly #database: Database;
  readonly #rootKeyHash: Buffer;
  readonly #tokens: TokenVerifier | null;
  readonly #keys = new LRUCache<string, KnownKey>({ ...KEY_CACHE, ttl: KEY_CACHE_MS });
  /** Counts what was dropped: a look-up that was under way meanwhile may have read what is no longer true. */
  #forgotten = 0;
  readonly #touched = new LRUCache<string, true>({ ...KEY_CACHE, ttl: TOUCH_INTERVAL_MS });

  constructor(database: Database, rootKey: string, tokens: TokenVerifier | null) {
    this.#database = database;
    this.#rootKeyHash = hashSecret(rootKey);
    this.#tokens = tokens;
  }

  /**
   * @throws UnauthenticatedError where credentials were sent and are not good; without any the caller is anonymous
   * @throws UnavailableError where they cannot be checked now
   */
  async authenticate(credentials: Credentials): Promise<Caller> {
    if (credentials.authorization === null) return ANONYMOUS;
    const token = /^Bearer\s+(\S+)$/i.exec(credentials.authorization)?.[1];
    if (token === undefined) throw new UnauthenticatedError('the header Authorization must read "Bearer <key>"');
    const hash = hashSecret(token);
    if (sameSecret(hash, this.#rootKeyHash)) return this.#root(credentials.workspaceId);
    if (this.#tokens !== null && token.split('.').length === 3) return this.#tokens.verify(token);
    return this.#apiKey(hash);
  }

  /**
   * Who holds something that this server has signed for a workspace, such as a link: they see what a viewer sees.
   * @throws UnauthenticatedError where the workspace is gone
   */
  async viewerOf(workspaceId: string): Promise<Caller> {
    const workspace = await this.#database.withSystem((scope) => findWorkspace(scope, workspaceId));
    if (workspace === null) throw new UnauthenticatedError('the workspace that this was signed for is gone');
    return { kind: 'user', workspace, role: 'VIEWER', apiKeyId: null, userId: null };
  }

  /** Drops what is remembered of a key, so that its revocation counts at once on this server. */
  forget(secretHash: Uint8Array): void {
    this.#forgotten++;
    this.#keys.delete(Buffer.from(secretHash).toString('base64'));
  }

  /** Drops everything remembered of a workspace's keys: its name, tier or existence has changed. */
  forgetWorkspace(workspaceId: string): void {
    this.#forgotten++;
    for (const [hash, known] of this.#keys.entries()) if (known.workspace.id === workspaceId) this.#keys.delete(hash);
  }

  async #root(workspaceId: string | null): Promise<Caller> {
    const caller: Caller = { kind: 'root', workspace: null, role: 'OWNER', apiKeyId: null, userId: null };
    if (workspaceId === null) return caller;
    const workspace = await this.#database.withSystem((scope) => findWorkspace(scope, workspaceId));
    if (workspace === null) throw InvalidInputError.at('X-Signalbox-Workspace', 'names no workspace of this server');
    return { ...caller, workspace };
  }

  async #apiKey(hash: Buffer): Promise<Caller> {
    const cacheKey = hash.toString('base64');
    let known = this.#keys.get(cacheKey) ?? null;
    if (known === null) {
      const forgotten = this.#forgotten;
      known = await this.#database.withSystem((scope) => findApiKeyBySecret(scope, hash));
      if (known === null) throw new UnauthenticatedError('this API key is not known');
      if (forgotten === this.#forgotten) this.#keys.set(cacheKey, known);
    }
    const { key, workspace } = known;
    if (key.revokedAt !== null) throw new UnauthenticatedError('this API key was revoked');
    if (key.expiresAt !== null && key.expiresAt.getTime() <= Date.now())
      throw new UnauthenticatedError('this API key has expired');
    if (!this.#touched.has(key.id)) await this.#touch(key.id);
    return { kind: 'apiKey', workspace, role: key.role, apiKeyId: key.id, userId: null };
  }

  async #touch(keyId: string): Promise<void> {
    this.#touched.set(keyId, true);
    await this.#database.withSystem((scope) => touchApiKeys(scope, [keyId]));
  }
}
