import { Registry } from 'prom-client';
import { beforeEach, expect, test } from 'vitest';
import { AiMetrics } from '../../src/observability/ai-metrics.ts';
import type { ObservedAttempt } from '../../src/observability/model-call-observer.ts';

let registry: Registry;
let metrics: AiMetrics;
const circuits = new Map<string, number>();
beforeEach(() => {
  circuits.clear();
  registry = new Registry();
  metrics = new AiMetrics({ isPlugin: (id) => id.startsWith('real'), openCircuits: () => circuits });
  metrics.registerIn(registry);
});

function attempt(fields: Partial<ObservedAttempt> = {}): ObservedAttempt {
  return {
    ...{ pluginId: 'real', model: 'm', operation: 'chat', outcome: 'SUCCEEDED', errorKind: null },
    ...{ durationMs: 200, firstTokenMs: null, inputTokens: 10, outputTokens: 5, cachedTokens: 0, costUsd: '0.25' },
    ...{ cacheKind: null, cacheHits: 0 },
    ...fields,
  };
}

/** The lines of one metric, without the buckets of histograms. */
async function linesOf(name: string): Promise<string[]> {
  const text = await registry.metrics();
  return text.split('\n').filter((line) => line.startsWith(name) && !line.startsWith(`${name}_bucket`));
}

test('an attempt counts its time, tokens and cost by its plugin', async () => {
  metrics.attemptEnded(attempt());
  metrics.attemptEnded(attempt({ costUsd: '0.5', durationMs: 300 }));
  expect(await linesOf('ai_processing_duration_seconds')).toEqual([
    'ai_processing_duration_seconds_sum{operation="chat",provider="real",outcome="SUCCEEDED"} 0.5',
    'ai_processing_duration_seconds_count{operation="chat",provider="real",outcome="SUCCEEDED"} 2',
  ]);
  expect(await linesOf('ai_tokens_used_total')).toEqual([
    'ai_tokens_used_total{direction="input",provider="real"} 20',
    'ai_tokens_used_total{direction="output",provider="real"} 10',
  ]);
  expect(await linesOf('ai_cost_dollars_total')).toEqual(['ai_cost_dollars_total{provider="real"} 0.75']);
  expect(await linesOf('ai_processing_errors_total')).toEqual([]);
});

test('a cost that nobody knows adds nothing', async () => {
  metrics.attemptEnded(attempt({ costUsd: null }));
  expect(await linesOf('ai_cost_dollars_total')).toEqual([]);
});

test('every failed attempt is an error of its kind; a caller who left is none', async () => {
  for (const outcome of ['RETRIED', 'RESTARTED', 'FAILED']) {
    metrics.attemptEnded(attempt({ outcome, errorKind: 'overloaded' }));
  }
  metrics.attemptEnded(attempt({ outcome: 'FAILED', errorKind: 'timeout' }));
  metrics.attemptEnded(attempt({ outcome: 'CANCELLED', errorKind: 'cancelled' }));
  expect(await linesOf('ai_processing_errors_total')).toEqual([
    'ai_processing_errors_total{kind="overloaded",provider="real"} 3',
    'ai_processing_errors_total{kind="timeout",provider="real"} 1',
  ]);
});

test('what a cache gave is a hit and no processing', async () => {
  const given = { outcome: 'CACHED', durationMs: 0, inputTokens: 0, outputTokens: 0, costUsd: '0' };
  metrics.attemptEnded(attempt({ ...given, cacheKind: 'EMBEDDING', cacheHits: 3 }));
  metrics.attemptEnded(attempt({ ...given, cacheKind: 'RESPONSE', cacheHits: 1 }));
  metrics.attemptEnded(attempt({ cacheKind: 'RESPONSE' }));
  expect(await linesOf('ai_cache_hits_total')).toEqual([
    'ai_cache_hits_total{kind="embedding"} 3',
    'ai_cache_hits_total{kind="response"} 1',
  ]);
  expect(await linesOf('ai_processing_duration_seconds')).toContain(
    'ai_processing_duration_seconds_count{operation="chat",provider="real",outcome="SUCCEEDED"} 1',
  );
});

test('a plugin that is not registered has no label of its own, nor has the fifty-first of those that are', async () => {
  metrics.attemptEnded(attempt({ pluginId: 'made-up' }));
  for (let i = 1; i <= 60; i++) metrics.attemptEnded(attempt({ pluginId: `real-${i}` }));
  const lines = await linesOf('ai_cost_dollars_total');
  expect(lines).toHaveLength(51);
  expect(lines).toContain('ai_cost_dollars_total{provider="other"} 2.75');
});

test('no label names a model', async () => {
  metrics.attemptEnded(attempt({ model: 'secret-model', outcome: 'FAILED', errorKind: 'server' }));
  expect(await registry.metrics()).not.toContain('secret-model');
});

test('open circuits are counted as they are now', async () => {
  circuits.set('real', 2);
  expect(await linesOf('ai_circuits_open')).toEqual(['ai_circuits_open{provider="real"} 2']);
  circuits.clear();
  expect(await linesOf('ai_circuits_open')).toEqual([]);
});
