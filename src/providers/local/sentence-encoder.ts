/** What an encoder makes of some texts, in their order. */
export interface EncodedTexts {
  /** L2 norm 1, one for each text, each with a buffer of its own. */
  readonly vectors: readonly Float32Array<ArrayBuffer>[];
  /** Tokens that the model read of each text. */
  readonly tokenCounts: readonly number[];
}

/** A model loaded in a worker thread. */
export interface SentenceEncoder {
  encode(texts: readonly string[]): Promise<EncodedTexts>;
}

/** Scales a vector to L2 norm 1, in place. */
export function normalize(vector: Float32Array<ArrayBuffer>): Float32Array<ArrayBuffer> {
  let squares = 0;
  for (const value of vector) squares += value * value;
  const scale = 1 / Math.sqrt(squares);
  for (let index = 0; index < vector.length; index++) vector[index] = (vector[index] ?? 0) * scale;
  return vector;
}
