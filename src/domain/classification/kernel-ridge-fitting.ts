import { Piscina } from 'piscina';
import { fitKernelRidge, type KernelRidgeModel, type KernelRidgeProblem } from './kernel-ridge.ts';

/** Above this many rows a fit takes more than about 50 ms and leaves the thread that answers requests. */
export const INLINE_ROWS = 250;

const IDLE_TIMEOUT_MS = 5_000;

let pool: Piscina<KernelRidgeProblem, KernelRidgeModel> | undefined;

/** Fits here where that is quick, else in the one fitting thread; further large fits wait for it. */
export async function fitKernelRidgeAnywhere(problem: KernelRidgeProblem): Promise<KernelRidgeModel> {
  if (problem.rowCount <= INLINE_ROWS) return fitKernelRidge(problem);
  pool ??= new Piscina<KernelRidgeProblem, KernelRidgeModel>({
    filename: new URL('./classifier-worker.ts', import.meta.url).href,
    minThreads: 0,
    maxThreads: 1,
    idleTimeout: IDLE_TIMEOUT_MS,
  });
  return pool.run(problem);
}

/** Ends the fitting thread; the next large fit starts a new one. */
export async function closeKernelRidgeFitting(): Promise<void> {
  const closing = pool;
  pool = undefined;
  await closing?.destroy();
}
