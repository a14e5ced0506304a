/** Codes of postgres.js, of Node's sockets and of the embedded database when the database cannot be reached. */
const CONNECTION_CODES = new Set([
  'CONNECT_TIMEOUT',
  'CONNECTION_CLOSED',
  'CONNECTION_DESTROYED',
  'CONNECTION_ENDED',
  'DATABASE_BUSY',
  'DATABASE_STOPPED',
  'ECONNREFUSED',
  'ECONNRESET',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EPIPE',
  'ETIMEDOUT',
]);

/** SQLSTATE classes: connection exception, insufficient resources, operator intervention. */
const UNAVAILABLE_CLASSES = ['08', '53', '57'];

/** Whether the database was away, as opposed to having refused a statement. */
export function isDatabaseUnavailable(error: unknown): boolean {
  const code = codeOf(error);
  if (code === undefined) return false;
  // A file that is not there says nothing about the database; the socket of a local one does.
  if (code === 'ENOENT') return (error as NodeJS.ErrnoException).syscall === 'connect';
  return CONNECTION_CODES.has(code) || (code.length === 5 && UNAVAILABLE_CLASSES.includes(code.slice(0, 2)));
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

/** SQLSTATE 23503: what a row refers to is not there, or not any more. */
export function isForeignKeyViolation(error: unknown): boolean {
  return codeOf(error) === '23503';
}

function codeOf(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null) return undefined;
  const { code } = error as { code?: unknown };
  return typeof code === 'string' ? code : undefined;
}
