import { DomainError } from '../../shared/errors.ts';
import { ForbiddenError, type Permission, ROLE_PERMISSIONS, type Role } from './actions.ts';

/** A workspace as far as every call needs to know it. */
export interface CallerWorkspace {
  id: string;
  name: string;
  slug: string;
  tier: Tier;
  createdAt: Date;
}

export type Tier = 'FREE' | 'PRO' | 'ENTERPRISE';

/** Who is asking. Nobody, the server's owner (root key), a key of a workspace, or a user of the team's own issuer. */
export interface Caller {
  kind: 'anonymous' | 'root' | 'apiKey' | 'user';
  workspace: CallerWorkspace | null;
  role: Role;
  apiKeyId: string | null;
  userId: string | null;
}

export const ANONYMOUS: Caller = { kind: 'anonymous', workspace: null, role: 'VIEWER', apiKeyId: null, userId: null };

/** What a caller does inside its workspace is done with one of these. */
export interface WorkspaceCaller extends Caller {
  workspace: CallerWorkspace;
}

export class UnauthenticatedError extends DomainError {
  override readonly name = 'UnauthenticatedError';
  readonly code = 'UNAUTHENTICATED';

  constructor(message = 'send an API key in the header "Authorization: Bearer <key>"') {
    super(message);
  }
}

export function permissionsOf(caller: Caller): readonly Permission[] {
  return caller.kind === 'anonymous' ? [] : ROLE_PERMISSIONS[caller.role];
}

/**
 * The caller, if it may do this in its workspace.
 * @throws UnauthenticatedError, ForbiddenError
 */
export function authorize(caller: Caller, permission: Permission): WorkspaceCaller {
  if (caller.kind === 'anonymous') throw new UnauthenticatedError();
  if (caller.workspace === null) {
    throw new ForbiddenError(
      permission,
      'the root key belongs to no workspace: send the header "X-Signalbox-Workspace: <workspace id>" with it, or use a key of the workspace',
    );
  }
  if (!permissionsOf(caller).includes(permission)) throw new ForbiddenError(permission);
  return caller as WorkspaceCaller;
}

/** @throws UnauthenticatedError, ForbiddenError */
export function authorizeRoot(caller: Caller): void {
  if (caller.kind === 'anonymous') throw new UnauthenticatedError();
  if (caller.kind !== 'root') throw new ForbiddenError('WORKSPACE_MANAGE', 'only the root key may do this');
}
