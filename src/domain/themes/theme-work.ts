import {
  type Assignments,
  assignRows,
  type Clustering,
  type ClusteringProblem,
  type Clusters,
  clusterRows,
} from './clustering.ts';
import { type ClusteredText, type Keyword, keywordsOf } from './keywords.ts';
import type { VectorRows } from './vector-rows.ts';

/** What is too much to compute on the thread that answers requests. */
export type ThemeWork =
  | { kind: 'cluster'; problem: ClusteringProblem }
  | { kind: 'assign'; clusters: Clusters; rows: VectorRows }
  | { kind: 'keywords'; texts: readonly ClusteredText[]; clusterCount: number };

export interface ThemeResults {
  cluster: Clustering;
  assign: Assignments;
  keywords: Keyword[][];
}

export function doThemeWork(work: ThemeWork): ThemeResults[keyof ThemeResults] {
  switch (work.kind) {
    case 'cluster':
      return clusterRows(work.problem);
    case 'assign':
      return assignRows(work.clusters, work.rows);
    case 'keywords':
      return keywordsOf(work.texts, work.clusterCount);
  }
}
