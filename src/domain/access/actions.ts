import { DomainError } from '../../shared/errors.ts';

export const ROLES = ['OWNER', 'ADMIN', 'MEMBER', 'VIEWER'] as const;
export type Role = (typeof ROLES)[number];

export const PERMISSIONS = [
  'WORKSPACE_MANAGE',
  'KEYS_MANAGE',
  'DOCUMENTS_READ',
  'DOCUMENTS_WRITE',
  'AI_USE',
  'AGENTS_MANAGE',
  'JOBS_MANAGE',
  'INTEGRATIONS_MANAGE',
  'SETTINGS_MANAGE',
  'ANALYTICS_VIEW',
  'BUDGETS_MANAGE',
  'SAFETY_OVERRIDE',
  'AUDIT_VIEW',
] as const;
export type Permission = (typeof PERMISSIONS)[number];

const VIEWER: readonly Permission[] = ['DOCUMENTS_READ', 'ANALYTICS_VIEW'];
const MEMBER: readonly Permission[] = [...VIEWER, 'DOCUMENTS_WRITE', 'AI_USE'];
const ADMIN: readonly Permission[] = [
  ...MEMBER,
  'KEYS_MANAGE',
  'AGENTS_MANAGE',
  'JOBS_MANAGE',
  'INTEGRATIONS_MANAGE',
  'SETTINGS_MANAGE',
  'BUDGETS_MANAGE',
  'AUDIT_VIEW',
];

/** Who may do what: the one permission table. */
export const ROLE_PERMISSIONS: Readonly<Record<Role, readonly Permission[]>> = {
  VIEWER,
  MEMBER,
  ADMIN,
  OWNER: PERMISSIONS,
};

export class ForbiddenError extends DomainError {
  override readonly name = 'ForbiddenError';
  readonly code = 'FORBIDDEN';
  readonly requiredPermission: Permission;

  constructor(requiredPermission: Permission, message = `this needs the permission ${requiredPermission}`) {
    super(message);
    this.requiredPermission = requiredPermission;
  }

  override get details(): Record<string, unknown> {
    return { requiredPermission: this.requiredPermission };
  }
}
