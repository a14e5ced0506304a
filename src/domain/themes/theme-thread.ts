import { Piscina } from 'piscina';
import type { ThemeResults, ThemeWork } from './theme-work.ts';

const IDLE_TIMEOUT_MS = 5_000;

let pool: Piscina<ThemeWork, unknown> | undefined;

/** Computes in the one thread for themes; further work waits for it. */
export async function inThemeThread<Kind extends ThemeWork['kind']>(
  work: Extract<ThemeWork, { kind: Kind }>,
  signal: AbortSignal,
): Promise<ThemeResults[Kind]> {
  signal.throwIfAborted();
  pool ??= new Piscina<ThemeWork, unknown>({
    filename: new URL('./theme-worker.ts', import.meta.url).href,
    minThreads: 0,
    maxThreads: 1,
    idleTimeout: IDLE_TIMEOUT_MS,
  });
  return (await pool.run(work, { signal })) as ThemeResults[Kind];
}

/** Ends the thread; the next work starts a new one. */
export async function closeThemeThread(): Promise<void> {
  const closing = pool;
  pool = undefined;
  await closing?.destroy();
}
