import type { Database } from '../../db/client.ts';
import { isUniqueViolation } from '../../db/failures.ts';
import { ConflictError, InvalidInputError, NotFoundError } from '../../shared/errors.ts';
import { newId } from '../../shared/ids.ts';
import { storableText } from '../../shared/text.ts';
import { ForbiddenError } from '../access/actions.ts';
import { type CreatedApiKey, makeApiKey } from '../access/api-key-service.ts';
import type { Authenticator } from '../access/authenticator.ts';
import { authorize, authorizeRoot, type Caller, type CallerWorkspace, type Tier } from '../access/caller.ts';
import { findWorkspace } from '../access/workspace-lookup.ts';
import { wakeDelayedJobs } from '../queues/job-control-store.ts';
import { checkSlug, slugOf } from './slug.ts';
import {
  deleteWorkspace,
  insertFirstKey,
  insertWorkspace,
  listWorkspaces,
  updateWorkspace,
} from './workspace-store.ts';

const NAME_MAX_CHARACTERS = 200;

export class WorkspaceService {
  readonly #database: Database;
  readonly #authenticator: Authenticator;
  readonly #onDeleted: (workspaceId: string) => void;

  /** @param onDeleted told of each workspace that is gone, for what is remembered of it */
  constructor(database: Database, authenticator: Authenticator, onDeleted: (workspaceId: string) => void) {
    this.#database = database;
    this.#authenticator = authenticator;
    this.#onDeleted = onDeleted;
  }

  /** Makes a workspace and its first OWNER key. Root key only. */
  async create(
    caller: Caller,
    input: { name: string; slug: string | null; tier: Tier },
  ): Promise<{ workspace: CallerWorkspace; ownerKey: CreatedApiKey }> {
    authorizeRoot(caller);
    const name = checkName(input.name);
    const slug = input.slug === null ? slugOf(name) : checkSlug(input.slug);
    const workspace: CallerWorkspace = { id: newId('Workspace'), name, slug, tier: input.tier, createdAt: new Date() };
    const { hash, ...ownerKey } = makeApiKey(workspace.id, { name: 'owner', role: 'OWNER', expiresAt: null });
    try {
      await this.#database.withSystem(async (scope) => {
        await insertWorkspace(scope, workspace);
        await insertFirstKey(scope, ownerKey.apiKey, hash);
      });
    } catch (error) {
      if (isUniqueViolation(error)) throw new ConflictError(`there is a workspace with the slug "${slug}" already`);
      throw error;
    }
    return { workspace, ownerKey };
  }

  async list(caller: Caller, page: { limit: number; after: string | null }): Promise<CallerWorkspace[]> {
    authorizeRoot(caller);
    return this.#database.withSystem((scope) => listWorkspaces(scope, page));
  }

  /** A workspace by id: its own for a key, any for the root key. */
  async find(caller: Caller, id: string): Promise<CallerWorkspace | null> {
    if (caller.workspace?.id === id) return caller.workspace;
    if (caller.kind !== 'root') return null;
    return this.#database.withSystem((scope) => findWorkspace(scope, id));
  }

  async findBySlug(slug: string): Promise<CallerWorkspace | null> {
    return this.#database.withSystem((scope) => findWorkspace(scope, slug));
  }

  /** An OWNER renames its workspace; its tier is the root key's to change, and jobs that wait for an allowance look again. */
  async update(
    caller: Caller,
    input: { id: string; name: string | null; tier: Tier | null },
  ): Promise<CallerWorkspace> {
    this.#authorizeOn(caller, input.id);
    if (input.tier !== null && caller.kind !== 'root') {
      throw new ForbiddenError('WORKSPACE_MANAGE', 'only the root key may change the tier of a workspace');
    }
    const name = input.name === null ? null : checkName(input.name);
    const changed = await this.#database.withSystem(async (scope) => {
      // The workspace before its jobs, as whoever changes a budget locks them.
      const updated = await updateWorkspace(scope, input.id, { name, tier: input.tier });
      if (input.tier !== null) await wakeDelayedJobs(scope, input.id);
      return updated;
    });
    if (changed === null) throw new NotFoundError('workspace', input.id);
    this.#authenticator.forgetWorkspace(input.id);
    return changed;
  }

  /** Deletes a workspace with all that is in it. */
  async delete(caller: Caller, input: { id: string; confirmSlug: string }): Promise<number> {
    this.#authorizeOn(caller, input.id);
    const workspace = await this.find(caller, input.id);
    if (workspace === null) throw new NotFoundError('workspace', input.id);
    if (workspace.slug !== input.confirmSlug) {
      throw InvalidInputError.at('confirmSlug', 'must be the slug of the workspace');
    }
    const deleted = await this.#database.withSystem((scope) => deleteWorkspace(scope, input.id));
    this.#authenticator.forgetWorkspace(input.id);
    this.#onDeleted(input.id);
    return deleted ? 1 : 0;
  }

  #authorizeOn(caller: Caller, workspaceId: string): void {
    if (caller.kind === 'root') return;
    const { workspace } = authorize(caller, 'WORKSPACE_MANAGE');
    if (workspace.id !== workspaceId) throw new NotFoundError('workspace', workspaceId);
  }
}

function checkName(given: string): string {
  const name = storableText(given).trim();
  if (name === '' || name.length > NAME_MAX_CHARACTERS) {
    throw InvalidInputError.at('name', `must have 1 to ${NAME_MAX_CHARACTERS} characters`);
  }
  return name;
}
