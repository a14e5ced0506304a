/** Constants that belong to an embedding model's space. The defaults are those of `local/use-lite-768`. */
export interface EmbeddingSpace {
  /** Cosine from which two texts usually mean the same (the model's `EmbeddingTraits.sameMeaning`). */
  readonly sameMeaning: number;
  /** Cosine below which two texts have nothing to do with each other. */
  readonly related: number;
  /** Width of the kernel over centred vectors: higher looks at nearer examples only. */
  readonly rbfGamma: number;
  /** Ridge: higher trusts single examples less. */
  readonly ridgeLambda: number;
  /** Scores are multiplied by this before the softmax, where there are too few examples to calibrate it. */
  readonly sharpness: number;
}

/** Computes the vectors of texts, in their order, each of L2 norm 1; best served from a cache. */
export type EmbedTexts = (texts: readonly string[]) => Promise<readonly Float32Array[]>;

export const DEFAULT_SPACE: EmbeddingSpace = {
  sameMeaning: 0.73,
  related: 0.5,
  rbfGamma: 2,
  ridgeLambda: 0.3,
  sharpness: 10,
};

export function dotProduct(left: Float32Array, right: Float32Array): number {
  if (left.length !== right.length) {
    throw new RangeError(`Vectors of ${left.length} and ${right.length} dimensions come from different models`);
  }
  let sum = 0;
  for (let i = 0; i < left.length; i++) sum += (left[i] ?? 0) * (right[i] ?? 0);
  return sum;
}

export function meanVector(vectors: readonly Float32Array[]): Float32Array {
  const mean = new Float32Array(vectors[0]?.length ?? 0);
  for (const vector of vectors) {
    for (let i = 0; i < mean.length; i++) mean[i] = (mean[i] ?? 0) + (vector[i] ?? 0) / vectors.length;
  }
  return mean;
}

/**
 * The direction in which a vector differs from the average. Spaces differ in how close unrelated texts lie; what is left
 * after this is comparable, so that one kernel width fits all.
 */
export function centredDirection(vector: Float32Array, mean: Float32Array): Float32Array {
  const centred = new Float32Array(vector.length);
  let squares = 0;
  for (let i = 0; i < vector.length; i++) {
    const value = (vector[i] ?? 0) - (mean[i] ?? 0);
    centred[i] = value;
    squares += value * value;
  }
  if (squares === 0) return centred;
  const scale = 1 / Math.sqrt(squares);
  for (let i = 0; i < centred.length; i++) centred[i] = (centred[i] ?? 0) * scale;
  return centred;
}
