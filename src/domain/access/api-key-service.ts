import type { Database } from '../../db/client.ts';
import { ConflictError, InvalidInputError, NotFoundError } from '../../shared/errors.ts';
import { newId } from '../../shared/ids.ts';
import { storableText } from '../../shared/text.ts';
import type { Budget } from '../usage/budget.ts';
import { ForbiddenError, ROLES, type Role } from './actions.ts';
import { type ApiKey, newSecret } from './api-key.ts';
import { findApiKeys, insertApiKey, listApiKeys, lockLivingOwnerKeys, revokeApiKey } from './api-key-store.ts';
import type { Authenticator } from './authenticator.ts';
import { authorize, type Caller } from './caller.ts';

export interface CreatedApiKey {
  apiKey: ApiKey;
  /** Shown this once. */
  secret: string;
}

export interface NewApiKey {
  name: string;
  role: Role;
  expiresAt: Date | null;
  /** What it may spend; null or left out: as much as the workspace. */
  budget?: Omit<Budget, 'subject'> | null;
}

/** Sets the budget of a key that is about to be made. @throws InvalidInputError */
type SetKeyBudget = (workspaceId: string, budget: Budget) => Promise<void>;

const NAME_MAX_CHARACTERS = 200;

export class ApiKeyService {
  readonly #database: Database;
  readonly #authenticator: Authenticator;
  readonly #setBudget: SetKeyBudget;

  constructor(database: Database, authenticator: Authenticator, setBudget: SetKeyBudget) {
    this.#database = database;
    this.#authenticator = authenticator;
    this.#setBudget = setBudget;
  }

  /**
   * Makes a key of the caller's workspace. Nobody makes a key that may do more than themselves.
   * @throws InvalidInputError, ForbiddenError
   */
  async create(caller: Caller, input: NewApiKey): Promise<CreatedApiKey> {
    const { workspace } = authorize(caller, 'KEYS_MANAGE');
    if (input.budget != null) authorize(caller, 'BUDGETS_MANAGE');
    checkRank(caller, input.role, 'make');
    if (input.expiresAt !== null && input.expiresAt.getTime() <= Date.now()) {
      throw InvalidInputError.at('expiresAt', 'must be in the future');
    }
    const made = makeApiKey(workspace.id, input);
    // Before there is a key that could spend without it; the budget of a key that is not made in the end harms nobody.
    if (input.budget != null) await this.#setBudget(workspace.id, { subject: made.apiKey.id, ...input.budget });
    await this.#database.withWorkspace(workspace.id, (scope) => insertApiKey(scope, made.apiKey, made.hash));
    return made;
  }

  async list(caller: Caller, page: { limit: number; after: string | null }): Promise<ApiKey[]> {
    const { workspace } = authorize(caller, 'KEYS_MANAGE');
    return this.#database.withWorkspace(workspace.id, (scope) => listApiKeys(scope, page));
  }

  /** Keys by id, in no order; those that are not there are left out. */
  async find(caller: Caller, ids: readonly string[]): Promise<ApiKey[]> {
    const { workspace } = authorize(caller, 'KEYS_MANAGE');
    return this.#database.withWorkspace(workspace.id, (scope) => findApiKeys(scope, ids));
  }

  /** The key that the caller came with; it may always see itself. */
  async own(caller: Caller): Promise<ApiKey | null> {
    const { workspace, apiKeyId } = caller;
    if (workspace === null || apiKeyId === null) return null;
    const keys = await this.#database.withWorkspace(workspace.id, (scope) => findApiKeys(scope, [apiKeyId]));
    return keys[0] ?? null;
  }

  /**
   * Nobody revokes a key that may do more than themselves, and the last OWNER key of a workspace stays: without it
   * nobody but the root key could get in again.
   * @throws NotFoundError, ForbiddenError, ConflictError
   */
  async revoke(caller: Caller, id: string): Promise<ApiKey> {
    const { workspace } = authorize(caller, 'KEYS_MANAGE');
    const revoked = await this.#database.withWorkspace(workspace.id, async (scope) => {
      const owners = await lockLivingOwnerKeys(scope);
      const [key] = await findApiKeys(scope, [id]);
      if (key === undefined) throw new NotFoundError('API key', id);
      checkRank(caller, key.role, 'revoke');
      if (owners.length === 1 && owners[0] === id && caller.kind !== 'root') {
        throw new ConflictError('this is the last OWNER key of the workspace: make another one first');
      }
      return revokeApiKey(scope, id);
    });
    if (revoked === null) throw new NotFoundError('API key', id);
    this.#authenticator.forget(revoked.secretHash);
    return revoked.key;
  }
}

function checkRank(caller: Caller, role: Role, action: 'make' | 'revoke'): void {
  if (ROLES.indexOf(role) >= ROLES.indexOf(caller.role)) return;
  throw new ForbiddenError('WORKSPACE_MANAGE', `the role ${caller.role} cannot ${action} a key of the role ${role}`);
}

/** A key that is not stored yet. */
export function makeApiKey(
  workspaceId: string,
  input: { name: string; role: Role; expiresAt: Date | null },
): CreatedApiKey & { hash: Uint8Array } {
  const name = storableText(input.name).trim();
  if (name === '' || name.length > NAME_MAX_CHARACTERS) {
    throw InvalidInputError.at('name', `must have 1 to ${NAME_MAX_CHARACTERS} characters`);
  }
  const { secret, prefix, hash } = newSecret();
  const apiKey: ApiKey = {
    id: newId('ApiKey'),
    workspaceId,
    name,
    prefix,
    role: input.role,
    createdAt: new Date(),
    lastUsedAt: null,
    expiresAt: input.expiresAt,
    revokedAt: null,
  };
  return { apiKey, secret, hash };
}
