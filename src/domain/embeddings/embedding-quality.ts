/** What was counted of one model's vectors. */
export interface VectorFigures {
  /** Vectors of the model; a document has one for each piece that it was cut into. */
  total: number;
  /** Vectors that were looked at: all, or a sample. */
  sampled: number;
  /** Of those that were looked at. */
  zeroVectors: number;
  distinctVectors: number;
  /** Different lengths. */
  dimensions: number;
  meanMagnitude: number;
  magnitudeStdDev: number;
}

/** The vectors of one model, judged. */
export interface EmbeddingQuality {
  /** The model's id. */
  model: string;
  total: number;
  sampled: number;
  /** Documents whose text has no vector of the model. */
  missing: number;
  dimensionConsistent: boolean;
  /** Counted in the sample, and stretched to the total. */
  zeroVectors: number;
  /** 0..1: vectors that are the very same as another one, each but the first. */
  duplicateRate: number;
  meanMagnitude: number;
  magnitudeStdDev: number;
  /** 0..1: documents whose text has a vector of the model. */
  coverage: number;
  /** 0..1; see `qualityScore`. */
  score: number;
}

/** Above it a model's vectors are healthy. */
export const HEALTHY_SCORE = 0.85;

/** What each part is worth where nothing is wrong with it; together 1. */
const WEIGHTS = { coverage: 0.3, dimensions: 0.2, nonZero: 0.2, distinct: 0.2, magnitude: 0.1 } as const;
/** How fast the share that is wrong takes the whole part: at half of the documents without a vector … */
const COVERAGE_STRICTNESS = 2;
/** … and at a tenth of the vectors being zero. */
const ZERO_STRICTNESS = 10;

/**
 * How good vectors are, 0 to 1: .3 for coverage (all of it at 100 %, nothing at 50 %), .2 for one length of all vectors, .2
 * for none that is zero (nothing at 10 %), .2 for the share that is distinct, .1 for even magnitudes (nothing where they
 * deviate by their mean). So any one part that fails makes it unhealthy but uneven magnitudes, which cosine forgives. 1
 * where there is no document; 0 where there are documents and no vector at all.
 */
export function qualityScore(
  quality: Pick<
    EmbeddingQuality,
    'coverage' | 'dimensionConsistent' | 'duplicateRate' | 'meanMagnitude' | 'magnitudeStdDev' | 'total' | 'zeroVectors'
  >,
): number {
  const { coverage, dimensionConsistent, duplicateRate, meanMagnitude, magnitudeStdDev, total, zeroVectors } = quality;
  if (total === 0) return coverage === 1 ? 1 : 0;
  const deviation = meanMagnitude === 0 ? 1 : magnitudeStdDev / meanMagnitude;
  return (
    WEIGHTS.coverage * part(COVERAGE_STRICTNESS * (1 - coverage)) +
    WEIGHTS.dimensions * part(dimensionConsistent ? 0 : 1) +
    WEIGHTS.nonZero * part((ZERO_STRICTNESS * zeroVectors) / total) +
    WEIGHTS.distinct * part(duplicateRate) +
    WEIGHTS.magnitude * part(deviation)
  );
}

function part(wrong: number): number {
  return Math.max(0, 1 - wrong);
}

/** @param documents those that are looked at, and how many of them have no vector of the model for their text */
export function judgeVectors(
  model: string,
  figures: VectorFigures,
  documents: { total: number; missing: number },
): EmbeddingQuality {
  const { total, sampled, meanMagnitude, magnitudeStdDev } = figures;
  const judged = {
    ...{ model, total, sampled, missing: documents.missing, meanMagnitude, magnitudeStdDev },
    dimensionConsistent: figures.dimensions <= 1,
    zeroVectors: sampled === 0 ? 0 : Math.round((figures.zeroVectors * total) / sampled),
    duplicateRate: sampled === 0 ? 0 : 1 - figures.distinctVectors / sampled,
    coverage: documents.total === 0 ? 1 : 1 - documents.missing / documents.total,
  };
  return { ...judged, score: qualityScore(judged) };
}
