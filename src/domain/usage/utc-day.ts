const DAY_MS = 86_400_000;

/** Midnight (UTC) at or before an instant, in milliseconds since 1970. */
export function startOfDay(atMs: number): number {
  return Math.floor(atMs / DAY_MS) * DAY_MS;
}

/** Midnight (UTC) at or after an instant. */
export function endOfDay(atMs: number): number {
  return Math.ceil(atMs / DAY_MS) * DAY_MS;
}

export function addDays(atMs: number, days: number): number {
  return atMs + days * DAY_MS;
}

/** The day of an instant as `YYYY-MM-DD`, in UTC. */
export function dayOf(atMs: number): string {
  const startMs = startOfDay(atMs);
  // Each call asks several times, and most of them ask for today.
  if (startMs !== latest.startMs) latest = { startMs, text: new Date(atMs).toISOString().slice(0, 10) };
  return latest.text;
}

let latest = { startMs: Number.NaN, text: '' };
