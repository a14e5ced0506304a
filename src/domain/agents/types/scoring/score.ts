/** What a score is made of; each is worked out apart, and has a weight of its own. */
export const FACTORS = ['fit', 'signals', 'engagement', 'sentiment', 'profile'] as const;
export type FactorName = (typeof FACTORS)[number];

export const GRADES = ['A', 'B', 'C', 'D'] as const;
export type Grade = (typeof GRADES)[number];

/** Scores from which a grade is given; below the last one it is D. */
export type GradeLimits = { A: number; B: number; C: number };

/** One factor as it was found. */
export type FoundFactor = {
  name: FactorName;
  /** 0 to 1; null: nothing is known of it. */
  value: number | null;
  /** In a sentence, why. */
  reason: string;
  /** Documents that it stands on. */
  evidenceIds: string[];
};

/** One factor with what it adds. */
export type Factor = FoundFactor & {
  /** Share of the score among all factors, known or not; all of them add up to 1. */
  weight: number;
  /** Points of the score that it brings; those of all factors add up to the score. */
  contribution: number;
};

export type Score = {
  /** 0 to 100. */
  score: number;
  grade: Grade;
  /** 0 to 1: the share of the weights of which something is known. */
  confidence: number;
  factors: Factor[];
  /** Factors of which nothing is known: the others decide, and the score is less sure. */
  missing: FactorName[];
};

/**
 * Weighs factors. One of which nothing is known is left out of the score, which then stands on the others' weights, and
 * makes it less sure: a company is not worse for what its documents do not say.
 * @param weights of which at least one is above 0; they need not add up to 1
 */
export function scoreOf(
  found: readonly FoundFactor[],
  weights: Readonly<Record<FactorName, number>>,
  limits: GradeLimits,
): Score {
  const all = found.reduce((sum, { name }) => sum + weights[name], 0);
  const known = found.reduce((sum, { name, value }) => sum + (value === null ? 0 : weights[name]), 0);
  const exact = found.map((factor) => ({
    ...factor,
    weight: rounded(weights[factor.name] / all, 3),
    contribution: known === 0 ? 0 : (100 * weights[factor.name] * (factor.value ?? 0)) / known,
  }));
  const score = Math.round(exact.reduce((sum, { contribution }) => sum + contribution, 0));
  return {
    score,
    grade: gradeOf(score, limits),
    confidence: rounded(known / all, 2),
    factors: exact
      .map((factor) => ({
        ...factor,
        value: factor.value === null ? null : rounded(factor.value, 3),
        contribution: rounded(factor.contribution, 1),
      }))
      .sort((left, right) => right.contribution - left.contribution || right.weight - left.weight),
    missing: found.filter(({ value }) => value === null).map(({ name }) => name),
  };
}

export function gradeOf(score: number, { A, B, C }: GradeLimits): Grade {
  if (score >= A) return 'A';
  if (score >= B) return 'B';
  return score >= C ? 'C' : 'D';
}

export function rounded(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}
