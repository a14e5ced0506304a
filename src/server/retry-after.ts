/** The value of `Retry-After` for a failure that says when to come again, in whole seconds; null where it does not. */
export function retryAfterOf(error: unknown): string | null {
  const { retryAfterMs, resetsAt } = (error ?? {}) as { retryAfterMs?: unknown; resetsAt?: unknown };
  const waitMs = resetsAt instanceof Date ? resetsAt.getTime() - Date.now() : retryAfterMs;
  return typeof waitMs === 'number' ? String(Math.max(1, Math.ceil(waitMs / 1_000))) : null;
}
