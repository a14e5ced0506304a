import { hash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { Role } from './actions.ts';

/** A key as people see it; its secret is shown once, when it is made. */
export interface ApiKey {
  id: string;
  workspaceId: string;
  name: string;
  /** The first characters of the secret. */
  prefix: string;
  role: Role;
  createdAt: Date;
  lastUsedAt: Date | null;
  expiresAt: Date | null;
  revokedAt: Date | null;
}

const SECRET_BYTES = 32;
const PREFIX_LENGTH = 10;

/** A new secret: 256 random bits behind a mark that secret scanners can look for. */
export function newSecret(): { secret: string; prefix: string; hash: Uint8Array } {
  const secret = `sbx_${randomBytes(SECRET_BYTES).toString('base64url')}`;
  return { secret, prefix: secret.slice(0, PREFIX_LENGTH), hash: hashSecret(secret) };
}

/** Secrets have 256 random bits, so one round of SHA-256 is enough. */
export function hashSecret(secret: string): Buffer {
  return hash('sha256', secret, 'buffer');
}

/** Compares in constant time. */
export function sameSecret(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && timingSafeEqual(a, b);
}
