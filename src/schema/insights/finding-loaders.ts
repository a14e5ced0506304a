import DataLoader from 'dataloader';
import type { Insight } from '../../domain/insights/insight.ts';
import type { Signal } from '../../domain/insights/signal.ts';
import { inOrder } from '../loading.ts';
import type { GraphRequest } from '../request.ts';

/** What belongs to insights and signals: one query for a page. Read anew each time, as runs add to them. */
export interface FindingLoaders {
  insight: DataLoader<string, Insight | null>;
  signal: DataLoader<string, Signal | null>;
  /** By the insight's id. */
  insightDocumentIds: DataLoader<string, string[]>;
  /** By the signal's id. */
  signalEvidenceIds: DataLoader<string, string[]>;
  /** By the run's id. */
  insightsOfRun: DataLoader<string, Insight[]>;
  signalsOfRun: DataLoader<string, Signal[]>;
}

const OPTIONS = { maxBatchSize: 500, cache: false };

export function findingLoaders({ services, caller }: GraphRequest): FindingLoaders {
  const { insights, signals } = services;
  return {
    insight: new DataLoader(async (ids) => inOrder(ids, await insights.find(caller, ids)), OPTIONS),
    signal: new DataLoader(async (ids) => inOrder(ids, await signals.find(caller, ids)), OPTIONS),
    insightDocumentIds: new DataLoader((ids) => insights.documentIds(caller, ids), OPTIONS),
    signalEvidenceIds: new DataLoader((ids) => signals.evidenceIds(caller, ids), OPTIONS),
    insightsOfRun: new DataLoader((runIds) => insights.ofRuns(caller, runIds), OPTIONS),
    signalsOfRun: new DataLoader((runIds) => signals.ofRuns(caller, runIds), OPTIONS),
  };
}
