/** Codes of postgres.js and of the embedded database when the database cannot be reached. */
const CONNECTION_CODES = new Set([
  'CONNECT_TIMEOUT',
  'CONNECTION_CLOSED',
  'CONNECTION_DESTROYED',
  'CONNECTION_ENDED',
  'DATABASE_BUSY',
  'DATABASE_STOPPED',
]);

/** Codes of Node's sockets. Files have some of them too: a path that is not there says nothing about the database. */
const SOCKET_CODES = new Set(['ECONNREFUSED', 'ECONNRESET', 'ENOENT', 'ENOTFOUND', 'EAI_AGAIN', 'EPIPE', 'ETIMEDOUT']);

const SOCKET_CALLS = new Set(['connect', 'getaddrinfo', 'read', 'write', 'shutdown']);

/** SQLSTATE classes: connection exception, insufficient resources, operator intervention. */
const UNAVAILABLE_CLASSES = ['08', '53', '57'];

/** Whether the database was away, as opposed to having refused a statement. */
export function isDatabaseUnavailable(error: unknown): boolean {
  const code = codeOf(error);
  if (code === undefined) return false;
  if (SOCKET_CODES.has(code)) return isOfSocket(error as NodeJS.ErrnoException);
  return CONNECTION_CODES.has(code) || (code.length === 5 && UNAVAILABLE_CLASSES.includes(code.slice(0, 2)));
}

/** Files fail with other system calls, and have a path but no address. */
function isOfSocket({ syscall }: NodeJS.ErrnoException): boolean {
  return syscall !== undefined && SOCKET_CALLS.has(syscall);
}

/** SQLSTATE 22021 and 22P05: a text that was sent has a NUL, which Postgres takes in no id, filter or JSON. */
export function isUnstorableText(error: unknown): boolean {
  const code = codeOf(error);
  return code === '22021' || code === '22P05';
}

/** SQLSTATE 40P01 and 40001: two transactions got in each other's way, and this one was rolled back. It may run again. */
export function isRolledBackByConflict(error: unknown): boolean {
  const code = codeOf(error);
  return code === '40P01' || code === '40001';
}

/** SQLSTATE 23505, of the constraint named where one is. */
export function isUniqueViolation(error: unknown, constraint?: string): boolean {
  if (codeOf(error) !== '23505') return false;
  return constraint === undefined || (error as { constraint_name?: string }).constraint_name === constraint;
}

function codeOf(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null) return undefined;
  const { code } = error as { code?: unknown };
  return typeof code === 'string' ? code : undefined;
}
