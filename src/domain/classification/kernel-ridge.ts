/**
 * Kernel ridge regression with an RBF kernel, `k(a, b) = exp(-gamma·|a - b|²)`, on vectors of length 1: the closed-form
 * few-shot classifier of this module. One target column a label; a row's weight divides the ridge for that row, so that
 * weight 2 is exactly the same as giving the row twice. See Murphy, Probabilistic Machine Learning (2022), 17.3.9.
 */

/** Rows to fit, ready to be sent to a worker: plain typed arrays, row by row. */
export interface KernelRidgeProblem {
  /** `rowCount × dimensions` numbers; each row has the L2 norm 1. */
  readonly rows: Float32Array;
  readonly rowCount: number;
  readonly dimensions: number;
  /** `rowCount × labelCount` numbers: 1 where the row has the label, else 0. */
  readonly targets: Float64Array;
  readonly labelCount: number;
  /** Above 0, one a row. */
  readonly weights: Float64Array;
  readonly gamma: number;
  readonly lambda: number;
}

/** A fitted model; serialisable. */
export interface KernelRidgeModel {
  readonly rows: Float32Array;
  readonly rowCount: number;
  readonly dimensions: number;
  readonly labelCount: number;
  readonly gamma: number;
  /** `rowCount × labelCount` dual coefficients. */
  readonly coefficients: Float64Array;
  /** What each row would score had it not been among the rows: `rowCount × labelCount`. For calibration. */
  readonly leftOutScores: Float64Array;
}

/** Seconds where there are thousands of rows: time grows with the cube of their number. */
export function fitKernelRidge(problem: KernelRidgeProblem): KernelRidgeModel {
  const { rows, rowCount, dimensions, labelCount, gamma, targets } = problem;
  const factor = regularisedKernel(problem);
  factorise(factor, rowCount);
  const centred = Float64Array.from(targets, (target) => target - 1 / labelCount);
  const coefficients = solve(factor, rowCount, centred, labelCount);
  const inverseDiagonal = diagonalOfInverse(factor, rowCount);
  const leftOutScores = new Float64Array(rowCount * labelCount);
  for (let row = 0; row < rowCount; row++) {
    for (let label = 0; label < labelCount; label++) {
      const at = row * labelCount + label;
      leftOutScores[at] = (centred[at] ?? 0) - (coefficients[at] ?? 0) / (inverseDiagonal[row] ?? 1);
    }
  }
  return { rows, rowCount, dimensions, labelCount, gamma, coefficients, leftOutScores };
}

/** Scores of a vector, one a label: about `1 - 1/labels` for a sure label, `-1/labels` for one that it is not, 0 far from all rows. */
export function scoreKernelRidge(model: KernelRidgeModel, vector: Float32Array): Float64Array {
  const { rows, rowCount, dimensions, labelCount, gamma, coefficients } = model;
  const scores = new Float64Array(labelCount);
  for (let row = 0; row < rowCount; row++) {
    let dot = 0;
    const start = row * dimensions;
    for (let i = 0; i < dimensions; i++) dot += (rows[start + i] ?? 0) * (vector[i] ?? 0);
    const kernel = Math.exp(-2 * gamma * (1 - dot));
    for (let label = 0; label < labelCount; label++) {
      scores[label] = (scores[label] ?? 0) + kernel * (coefficients[row * labelCount + label] ?? 0);
    }
  }
  return scores;
}

function regularisedKernel(problem: KernelRidgeProblem): Float64Array {
  const { rows, rowCount, dimensions, gamma, lambda, weights } = problem;
  const kernel = new Float64Array(rowCount * rowCount);
  for (let a = 0; a < rowCount; a++) {
    const left = rows.subarray(a * dimensions, (a + 1) * dimensions);
    for (let b = 0; b < a; b++) {
      let dot = 0;
      const start = b * dimensions;
      for (let i = 0; i < dimensions; i++) dot += (left[i] ?? 0) * (rows[start + i] ?? 0);
      kernel[a * rowCount + b] = Math.exp(-2 * gamma * (1 - dot));
    }
    kernel[a * rowCount + a] = 1 + lambda / (weights[a] ?? 1);
  }
  return kernel;
}

/** Cholesky factor in place, in the lower triangle. The ridge keeps the matrix positive definite. */
function factorise(matrix: Float64Array, size: number): void {
  for (let a = 0; a < size; a++) {
    const rowA = a * size;
    for (let b = 0; b <= a; b++) {
      const rowB = b * size;
      let sum = matrix[rowA + b] ?? 0;
      for (let i = 0; i < b; i++) sum -= (matrix[rowA + i] ?? 0) * (matrix[rowB + i] ?? 0);
      if (a !== b) matrix[rowA + b] = sum / (matrix[rowB + b] ?? 1);
      else if (sum > 0) matrix[rowA + a] = Math.sqrt(sum);
      else
        throw new RangeError(
          'The kernel matrix is not positive definite: a vector is not finite, or lambda is not above 0',
        );
    }
  }
}

function solve(factor: Float64Array, size: number, targets: Float64Array, labelCount: number): Float64Array {
  const solution = Float64Array.from(targets);
  for (let label = 0; label < labelCount; label++) {
    for (let a = 0; a < size; a++) {
      let sum = solution[a * labelCount + label] ?? 0;
      for (let i = 0; i < a; i++) sum -= (factor[a * size + i] ?? 0) * (solution[i * labelCount + label] ?? 0);
      solution[a * labelCount + label] = sum / (factor[a * size + a] ?? 1);
    }
    for (let a = size - 1; a >= 0; a--) {
      const value = (solution[a * labelCount + label] ?? 0) / (factor[a * size + a] ?? 1);
      solution[a * labelCount + label] = value;
      for (let i = 0; i < a; i++) {
        const at = i * labelCount + label;
        solution[at] = (solution[at] ?? 0) - (factor[a * size + i] ?? 0) * value;
      }
    }
  }
  return solution;
}

/** diag(A⁻¹) from the Cholesky factor L of A: the squared norms of the columns of L⁻¹, one column at a time. */
function diagonalOfInverse(factor: Float64Array, size: number): Float64Array {
  const diagonal = new Float64Array(size);
  const column = new Float64Array(size);
  for (let c = 0; c < size; c++) {
    let norm = 0;
    for (let a = c; a < size; a++) {
      let sum = a === c ? 1 : 0;
      const rowA = a * size;
      for (let i = c; i < a; i++) sum -= (factor[rowA + i] ?? 0) * (column[i] ?? 0);
      const value = sum / (factor[rowA + a] ?? 1);
      column[a] = value;
      norm += value * value;
    }
    diagonal[c] = norm;
  }
  return diagonal;
}
