/** What each side of a hybrid search knows of one document. */
export interface FusionCandidate {
  documentId: string;
  /** Cosine similarity; null where the document has no vector. */
  similarity: number | null;
  lexicalScore: number | null;
  /** Whether it is one of the best of the vector's side, and not there only because of its words. */
  isNearest: boolean;
  /** Whether the query names it by its identifier: then it comes first, with a score of 1. */
  isNamed: boolean;
}

export interface FusedDocument extends FusionCandidate {
  /** 0..1 */
  score: number;
}

/** https://doi.org/10.1145/1571941.1572114 */
const RECIPROCAL_RANK_CONSTANT = 60;

/**
 * Weighted sum of both sides, each stretched to 0..1: the vector's from the last to the first of its nearest documents,
 * the lexical one over its candidates. A document that matched by its words alone keeps its real similarity.
 * @param vectorWeight 0..1
 */
export function fuseByWeight(candidates: readonly FusionCandidate[], vectorWeight: number): FusedDocument[] {
  const nearest = stretchOver(candidates.flatMap((c) => (c.isNearest && c.similarity !== null ? [c.similarity] : [])));
  // Beside a named document, whose score stands above all words, the others would hardly differ.
  const lexical = stretchOver(
    candidates.flatMap((c) => (c.lexicalScore !== null && !c.isNamed ? [c.lexicalScore] : [])),
  );
  return ranked(
    candidates.map((candidate) => ({
      ...candidate,
      score: candidate.isNamed
        ? 1
        : vectorWeight * nearest(candidate.similarity) + (1 - vectorWeight) * lexical(candidate.lexicalScore),
    })),
  );
}

/** Sum of 1 / (60 + rank) over both sides, as a share of what being first in both would give. */
export function fuseByReciprocalRank(candidates: readonly FusionCandidate[]): FusedDocument[] {
  const nearest = ranksOf(candidates, (c) => (c.isNearest ? c.similarity : null));
  const lexical = ranksOf(candidates, (c) => c.lexicalScore);
  const share = (rank: number | undefined) =>
    rank === undefined ? 0 : (RECIPROCAL_RANK_CONSTANT + 1) / (RECIPROCAL_RANK_CONSTANT + rank) / 2;
  return ranked(
    candidates.map((candidate) => ({
      ...candidate,
      score: candidate.isNamed
        ? 1
        : share(nearest.get(candidate.documentId)) + share(lexical.get(candidate.documentId)),
    })),
  );
}

function stretchOver(values: readonly number[]): (value: number | null) => number {
  const lowest = Math.min(...values);
  const highest = Math.max(...values);
  return (value) => {
    if (value === null || values.length === 0) return 0;
    if (highest === lowest) return value >= lowest ? 1 : 0;
    return Math.max(0, (value - lowest) / (highest - lowest));
  };
}

function ranksOf(
  candidates: readonly FusionCandidate[],
  valueIn: (candidate: FusionCandidate) => number | null,
): Map<string, number> {
  const present = candidates.flatMap((candidate) => {
    const score = valueIn(candidate);
    return score === null ? [] : [{ documentId: candidate.documentId, score }];
  });
  return new Map(ranked(present).map(({ documentId }, index) => [documentId, index + 1]));
}

/** Best first; equal scores by id, so that every page of a search sees one order. */
function ranked<Scored extends { documentId: string; score: number }>(documents: Scored[]): Scored[] {
  return documents.sort((a, b) => b.score - a.score || (a.documentId < b.documentId ? -1 : 1));
}
