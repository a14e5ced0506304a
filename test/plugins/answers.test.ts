import { describe, expect, test } from 'vitest';
import { readAnswer, readPart } from '../../src/plugins/remote/answers.ts';

const END = { finishReason: 'stop', model: 'm' };
const usageOf = (usage: object) => {
  const whole = readAnswer('generate', { ...END, text: 'Hi', toolCalls: [], usage });
  const part = readPart({ kind: 'finish', ...END, usage });
  expect(part).toMatchObject({ usage: whole.usage });
  return whole.usage;
};

describe('what a plugin of somebody else’s counts', () => {
  test('is taken as it is where it is right', () => {
    const usage = { inputTokens: 5, outputTokens: 3, cachedInputTokens: 1, reasoningTokens: 2, costUsd: '0.0001' };
    expect(usageOf(usage)).toEqual(usage);
  });

  test.each([-5, 1.5, Number.NaN, 3e9, '12', null])('is nothing where it is %j, and the answer stays', (count) => {
    expect(usageOf({ inputTokens: count, outputTokens: 3, cacheWriteTokens: count })).toEqual({
      ...{ inputTokens: 0, outputTokens: 3 },
    });
    const vectors = [Float32Array.of(1), Float32Array.of(1)];
    const embedded = readAnswer('embed', { vectors, tokenCounts: [count, 4], model: 'm' });
    expect(embedded.tokenCounts).toEqual([0, 4]);
  });

  test.each([-1, 0.5, '-1', '1e3', '9'.repeat(5_000_000), null])('as a cost is not known where it is %s', (costUsd) => {
    expect(usageOf({ inputTokens: 1, outputTokens: 1, costUsd })).toEqual({ inputTokens: 1, outputTokens: 1 });
    const embedded = readAnswer('embed', { vectors: [], tokenCounts: [], model: 'm', costUsd });
    expect(embedded).not.toHaveProperty('costUsd');
    expect(() => readAnswer('spend', { totalUsd: costUsd })).toThrow(expect.objectContaining({ kind: 'malformed' }));
  });

  test('is malformed where there is no usage at all', () => {
    for (const usage of [undefined, null, 'none']) {
      expect(() => readPart({ kind: 'finish', ...END, usage })).toThrow(expect.objectContaining({ kind: 'malformed' }));
    }
  });
});
