import { expect, test } from 'vitest';
import { UsageTally } from '../../../src/domain/usage/usage-tally.ts';
import { usageEvent } from './usage-fixtures.ts';

test('a request that asked nothing of a model has no usage', () => {
  expect(new UsageTally().total()).toBeNull();
});

test('a request adds up its cost to the last digit, its tokens, cache hits and calls', () => {
  const tally = new UsageTally();
  tally.add(usageEvent('ws_1', { costUsd: '0.1', inputTokens: 10, outputTokens: 1 }));
  tally.add(usageEvent('ws_1', { costUsd: '0.2', inputTokens: 5, outcome: 'RETRIED' }));
  tally.add(usageEvent('ws_1', { outcome: 'CACHED', cacheHits: 2 }));
  tally.add(usageEvent('ws_1', { operation: 'vector_query', vectorQueries: 1, costUsd: null }));
  expect(tally.total()).toEqual({ costUsd: '0.3', tokens: 16, cacheHits: 2, calls: 2 });
});

test('one price that is not known leaves the cost of the request unknown', () => {
  const tally = new UsageTally();
  tally.add(usageEvent('ws_1', { costUsd: null }));
  tally.add(usageEvent('ws_1', { costUsd: '0.2' }));
  expect(tally.total()).toMatchObject({ costUsd: null, calls: 2 });
});
