import { fitKernelRidge, type KernelRidgeModel, type KernelRidgeProblem } from './kernel-ridge.ts';

/** What the fitting thread runs for each problem it is sent. */
export default function run(problem: KernelRidgeProblem): KernelRidgeModel {
  return fitKernelRidge(problem);
}
