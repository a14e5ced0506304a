import { afterAll, describe, expect, test } from 'vitest';
import {
  fitKernelRidge,
  type KernelRidgeProblem,
  scoreKernelRidge,
} from '../../../src/domain/classification/kernel-ridge.ts';
import {
  closeKernelRidgeFitting,
  fitKernelRidgeAnywhere,
  INLINE_ROWS,
} from '../../../src/domain/classification/kernel-ridge-fitting.ts';

afterAll(closeKernelRidgeFitting);

/** Points on a circle; the label says on which half a point lies. */
function halves(angles: readonly number[], weights: readonly number[] = angles.map(() => 1)): KernelRidgeProblem {
  return {
    rows: Float32Array.from(angles.flatMap((angle) => [Math.cos(angle), Math.sin(angle)])),
    rowCount: angles.length,
    dimensions: 2,
    targets: Float64Array.from(angles.flatMap((angle) => (Math.sin(angle) > 0 ? [1, 0] : [0, 1]))),
    labelCount: 2,
    weights: Float64Array.from(weights),
    gamma: 2,
    lambda: 0.2,
  };
}

function scoreAt(problem: KernelRidgeProblem, angle: number): Float64Array {
  return scoreKernelRidge(fitKernelRidge(problem), Float32Array.from([Math.cos(angle), Math.sin(angle)]));
}

describe('kernel ridge regression', () => {
  const angles = [0.4, 1.1, 2.2, 2.9, -0.5, -1.3, -2, -2.7];

  test('gives points between the examples the label of their neighbours', () => {
    for (const angle of [0.8, 1.6, 2.5]) expect(scoreAt(halves(angles), angle)[0]).toBeGreaterThan(0.2);
    for (const angle of [-0.9, -1.6, -2.4]) expect(scoreAt(halves(angles), angle)[1]).toBeGreaterThan(0.2);
  });

  test('a weight of two is the same as giving the example twice', () => {
    const weighted = scoreAt(halves(angles, [2, 1, 1, 1, 1, 1, 1, 1]), 0.2);
    const repeated = scoreAt(halves([0.4, ...angles]), 0.2);
    expect(weighted[0]).toBeCloseTo(repeated[0] ?? Number.NaN, 5);
  });

  test('its left-out scores are those of a model fitted without the row', () => {
    const [left = 0, ...rest] = angles;
    const expected = scoreAt(halves(rest), left);
    expect(fitKernelRidge(halves(angles)).leftOutScores[0]).toBeCloseTo(expected[0] ?? Number.NaN, 6);
  });

  test('numbers that are not finite are refused instead of spoiling the model', () => {
    expect(() => fitKernelRidge(halves([Number.NaN, 1, -1]))).toThrow(RangeError);
  });

  test('many rows are fitted in another thread with the same result', async () => {
    const many = Array.from(
      { length: INLINE_ROWS + 1 },
      (_, index) => ((index + 0.5) / (INLINE_ROWS + 1)) * 2 * Math.PI,
    );
    const elsewhere = await fitKernelRidgeAnywhere(halves(many));
    const here = fitKernelRidge(halves(many));
    expect(elsewhere.coefficients).toEqual(here.coefficients);
  });
});
