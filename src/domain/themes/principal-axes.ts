import { seededRandom } from './seeded-random.ts';
import { add, dot, emptyRows, normalise, type VectorRows } from './vector-rows.ts';

/** Rows that the axes are found with: more of them turn the axes by little. */
const SAMPLE_ROWS = 1_000;
const ROUNDS = 3;
const SEED = 0x7e_ed;

/**
 * Rows in fewer dimensions, with norm 1: turned onto the directions in which they differ most. They are compared several
 * times faster there, and what is left out is mostly noise.
 *
 * The axes are found by subspace iteration (Halko, Martinsson, Tropp: Finding structure with randomness, 2011, §4.5).
 * @param rows whose mean is about 0, in an order that has nothing to do with what they say
 */
export function onPrincipalAxes(rows: VectorRows, axisCount: number): VectorRows {
  if (axisCount >= Math.min(rows.dimensions, rows.count)) return rows;
  const axes = principalAxes(rows, axisCount);
  const turned = emptyRows(rows.count, axisCount);
  for (let row = 0; row < rows.count; row++) {
    const at = row * axisCount;
    for (let axis = 0; axis < axisCount; axis++) {
      const start = axis * rows.dimensions;
      turned.values[at + axis] = dot(rows.values, row * rows.dimensions, axes, start, rows.dimensions);
    }
    normalise(turned.values, at, axisCount);
  }
  return turned;
}

function principalAxes({ count, dimensions, values }: VectorRows, axisCount: number): Float32Array {
  const random = seededRandom(SEED);
  const sampled = Math.min(count, SAMPLE_ROWS);
  let axes = Float32Array.from({ length: axisCount * dimensions }, () => random() - 0.5);
  orthonormalise(axes, axisCount, dimensions);
  for (let round = 0; round < ROUNDS; round++) {
    const next = new Float32Array(axisCount * dimensions);
    for (let row = 0; row < sampled; row++) {
      const at = Math.floor((row * count) / sampled) * dimensions;
      for (let axis = 0; axis < axisCount; axis++) {
        const start = axis * dimensions;
        add(next, start, values, at, dimensions, dot(values, at, axes, start, dimensions));
      }
    }
    orthonormalise(next, axisCount, dimensions);
    axes = next;
  }
  return axes;
}

/** Gram and Schmidt's, each axis against those before it. */
function orthonormalise(axes: Float32Array, axisCount: number, dimensions: number): void {
  for (let axis = 0; axis < axisCount; axis++) {
    const at = axis * dimensions;
    for (let before = 0; before < axis; before++) {
      const from = before * dimensions;
      add(axes, at, axes, from, dimensions, -dot(axes, at, axes, from, dimensions));
    }
    normalise(axes, at, dimensions);
  }
}
