/** How sure a find must be, alone and among many. */
export interface Strictness {
  /** How likely one series without anything may raise something. */
  chance: number;
  /** Of all series that raise something, how many may do so by chance (Benjamini and Hochberg 1995). */
  falseShare: number;
}

export type Sensitivity = 'LOW' | 'NORMAL' | 'HIGH';

export const STRICTNESS: Readonly<Record<Sensitivity, Strictness>> = {
  LOW: { chance: 0.01, falseShare: 0.1 },
  NORMAL: { chance: 0.04, falseShare: 0.2 },
  HIGH: { chance: 0.1, falseShare: 0.3 },
};

/**
 * The chance that the finds of a series must stay below, given those of all series that were looked at: the more series,
 * the surer each must be, unless many raise something at once.
 * @param chances of the likeliest find of each series; 1 where there is none
 */
export function admittedChance(chances: readonly number[], { chance, falseShare }: Strictness): number {
  const sorted = chances.toSorted((left, right) => left - right);
  const admitted = sorted.findLast((each, rank) => each <= (falseShare * (rank + 1)) / sorted.length);
  return Math.min(chance, admitted ?? 0);
}
