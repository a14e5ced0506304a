/** Vectors of one length, one after the other. */
export interface VectorRows {
  count: number;
  dimensions: number;
  values: Float32Array;
}

export function emptyRows(count: number, dimensions: number): VectorRows {
  return { count, dimensions, values: new Float32Array(count * dimensions) };
}

/** Inner product of a part of each. Four sums, so that no addition waits for the one before it. */
export function dot(left: Float32Array, leftAt: number, right: Float32Array, rightAt: number, length: number): number {
  let first = 0;
  let second = 0;
  let third = 0;
  let fourth = 0;
  let i = 0;
  for (; i + 3 < length; i += 4) {
    first += (left[leftAt + i] as number) * (right[rightAt + i] as number);
    second += (left[leftAt + i + 1] as number) * (right[rightAt + i + 1] as number);
    third += (left[leftAt + i + 2] as number) * (right[rightAt + i + 2] as number);
    fourth += (left[leftAt + i + 3] as number) * (right[rightAt + i + 3] as number);
  }
  for (; i < length; i++) first += (left[leftAt + i] as number) * (right[rightAt + i] as number);
  return first + second + third + fourth;
}

/** Adds a part of `right`, so many times, to a part of `left`. */
export function add(
  left: Float32Array,
  leftAt: number,
  right: Float32Array,
  rightAt: number,
  length: number,
  times = 1,
): void {
  for (let i = 0; i < length; i++)
    left[leftAt + i] = (left[leftAt + i] as number) + times * (right[rightAt + i] as number);
}

/** Gives a part of `values` the norm 1; nothing stays nothing. */
export function normalise(values: Float32Array, at: number, length: number): void {
  const norm = Math.sqrt(dot(values, at, values, at, length));
  if (norm === 0) return;
  for (let i = at; i < at + length; i++) values[i] = (values[i] as number) / norm;
}

export function meanOf({ count, dimensions, values }: VectorRows): Float32Array {
  const mean = new Float32Array(dimensions);
  for (let row = 0; row < count; row++) add(mean, 0, values, row * dimensions, dimensions, 1 / count);
  return mean;
}

/** The directions of rows as they are seen from `mean`: what all of them have in common tells nobody anything. */
export function directionsFrom(mean: Float32Array, { count, dimensions, values }: VectorRows): VectorRows {
  const directions = values.slice();
  for (let row = 0; row < count; row++) {
    add(directions, row * dimensions, mean, 0, dimensions, -1);
    normalise(directions, row * dimensions, dimensions);
  }
  return { count, dimensions, values: directions };
}
