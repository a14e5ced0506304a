const SHARPNESS_GRID = [1, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10, 14, 20];

const SMALL_CLASS_BONUS = 3;

/** Probabilities that add up to 1. */
export function softmax(scores: Float64Array, sharpness: number): Float64Array {
  const highest = scores.reduce((best, score) => Math.max(best, score), Number.NEGATIVE_INFINITY);
  const powers = scores.map((score) => Math.exp(sharpness * (score - highest)));
  const total = powers.reduce((sum, power) => sum + power, 0);
  return powers.map((power) => power / total);
}

/**
 * Temperature scaling (Guo et al. 2017, https://arxiv.org/abs/1706.04599) on the scores that each row would have had
 * without itself: the sharpness with which the given rows' labels are the least surprising.
 *
 * @param rows the rows to look at: people's examples, not the product's own sentences, which are easier than real text
 */
export function calibratedSharpness(
  leftOutScores: Float64Array,
  targets: Float64Array,
  labelCount: number,
  rows: readonly number[],
): number {
  let best = { sharpness: 1, surprise: Number.POSITIVE_INFINITY };
  for (const sharpness of SHARPNESS_GRID) {
    let surprise = 0;
    for (const row of rows) {
      const span = [row * labelCount, (row + 1) * labelCount] as const;
      const probabilities = softmax(leftOutScores.subarray(...span), sharpness);
      const wanted = targets.subarray(...span);
      surprise -= Math.log(
        Math.max(
          1e-9,
          probabilities.reduce((sum, p, label) => sum + p * (wanted[label] ?? 0), 0),
        ),
      );
    }
    if (surprise < best.surprise) best = { sharpness, surprise };
  }
  // A row left out of a small class is missed more than it will be: the full model is surer.
  return best.sharpness * (1 + SMALL_CLASS_BONUS * (labelCount / rows.length));
}
