import { describe, expect, test } from 'vitest';
import { shareOutTokens } from '../../src/providers/text-tokens.ts';
import { kindOfStatus, retryAfterMs, unitVector } from '../../src/providers/vendor-http.ts';

const NOW_MS = Date.parse('2026-11-10T12:00:00Z');

describe('when to come back', () => {
  test.each([
    [{ 'retry-after': '2' }, 2_000],
    [{ 'retry-after': '0.5' }, 500],
    [{ 'retry-after': 'Tue, 10 Nov 2026 12:00:09 GMT' }, 9_000],
    [{ 'retry-after': 'Tue, 10 Nov 2026 11:00:00 GMT' }, 0],
    [{ 'retry-after': 'soon' }, undefined],
    [{ 'retry-after-ms': '250', 'retry-after': '2' }, 250],
    [{ 'retry-after-ms': 'Infinity', 'retry-after': '2' }, 2_000],
    [{ 'retry-after-ms': 'x', 'retry-after': '2' }, 2_000],
    [{}, undefined],
  ])('by %j is in %j ms', (headers, expected) => {
    expect(retryAfterMs(headers as Record<string, string>, NOW_MS)).toBe(expected);
  });
});

test.each([
  [400, 'bad_request'],
  [418, 'bad_request'],
  [302, 'bad_request'],
  [502, 'server'],
  [504, 'timeout'],
] as const)('the status %i alone means %s', (status, kind) => {
  expect(kindOfStatus(status)).toBe(kind);
});

describe('the tokens of texts', () => {
  test.each([
    [10, ['aaaa', 'bbbb', 'cc'], [4, 4, 2]],
    [7, ['', ''], [4, 3]],
    [1, ['a', 'b', 'c'], [0, 1, 0]],
    [0, ['a'], [0]],
    [Number.NaN, ['a', 'b'], [0, 0]],
    [-3, ['a'], [0]],
    [1.5, ['a'], [0]],
    ['7', ['a'], [0]],
    [2_147_483_647, ['a'.repeat(1_000), 'b'], [2_145_338_309, 2_145_338]],
  ])('that are %i together are shared out by length, with none lost: %j', (sum, texts, expected) => {
    expect(shareOutTokens(sum, texts)).toEqual(expected);
  });
});

describe('a vector', () => {
  test('has length 1, whatever length it came with', () => {
    expect([...unitVector([3, 4])]).toEqual([expect.closeTo(0.6, 6), expect.closeTo(0.8, 6)]);
  });

  test.each([[[]], [[0, 0]], [[Number.NaN, 1]], [[Number.POSITIVE_INFINITY]], [['a', 'b']]])(
    'without a direction is malformed: %j',
    (values) => {
      expect(() => unitVector(values as number[])).toThrow(expect.objectContaining({ kind: 'malformed' }));
    },
  );
});
