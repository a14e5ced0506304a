import fc from 'fast-check';
import { expect, test } from 'vitest';
import { partsOf, type SealedTime, type UsagePart } from '../../../src/domain/usage/usage-blocks.ts';
import type { UsageDimension } from '../../../src/domain/usage/usage-report.ts';
import { NOON } from './usage-fixtures.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const DIMENSIONS: readonly UsageDimension[] = ['PROVIDER', 'MODEL', 'OPERATION', 'API_KEY', 'DAY', 'OUTCOME'];
const TODAY = NOON - (NOON % DAY_MS);

const sealedTime = fc
  .record({ carriedDays: fc.nat(450), sealedHours: fc.integer({ min: -30, max: 12 }) })
  .map(({ carriedDays, sealedHours }): SealedTime => {
    const sealedBefore = new Date(NOON + sealedHours * HOUR_MS);
    const sealedDay = sealedBefore.getTime() - (sealedBefore.getTime() % DAY_MS);
    return { sealedBefore, carriedFrom: new Date(sealedDay - carriedDays * DAY_MS) };
  });
const instant = fc
  .oneof(
    fc.integer({ min: -400 * 96, max: 2 * 96 }),
    fc.integer({ min: -400, max: 2 }).map((days) => days * 96),
  )
  .map((quarters) => TODAY + (quarters * HOUR_MS) / 4);
const by = fc.subarray([...DIMENSIONS]);

/** How often the attempts of an instant count in the parts. */
function timesCounted(parts: readonly UsagePart[], atMs: number, { carriedFrom, sealedBefore }: SealedTime): number {
  const sealedMs = sealedBefore.getTime();
  return parts.reduce((times, { hours, slice, period, sign }) => {
    const isWithin = atMs >= period.from.getTime() && atMs < period.to.getTime();
    const endMs = (hours ?? 0) > 24 ? sealedMs - (sealedMs % DAY_MS) : sealedMs;
    const isThere = slice === null || (atMs >= carriedFrom.getTime() && atMs < endMs);
    return times + (isWithin && isThere ? sign : 0);
  }, 0);
}

test('each attempt of a period counts once in the parts that are read, and no other one', () => {
  fc.assert(
    fc.property(
      sealedTime,
      by,
      instant,
      instant,
      fc.array(instant, { minLength: 20 }),
      (sealed, asked, one, other, at) => {
        const [fromMs, toMs] = [Math.min(one, other), Math.max(one, other)];
        const parts = partsOf({ from: new Date(fromMs), to: new Date(toMs) }, asked, sealed, NOON);
        const edges = parts.flatMap(({ period }) => [period.from.getTime(), period.to.getTime()]);
        for (const edge of [
          ...at,
          ...edges,
          ...[one, other, sealed.carriedFrom.getTime(), sealed.sealedBefore.getTime()],
        ]) {
          for (const atMs of [edge - 1, edge]) {
            expect(timesCounted(parts, atMs, sealed), new Date(atMs).toISOString()).toBe(
              atMs >= fromMs && atMs < toMs ? 1 : 0,
            );
          }
        }
      },
    ),
    { numRuns: 300 },
  );
});

test('a report that does not tell days apart reads few blocks, and two hours of attempts beside those that are not sealed', () => {
  fc.assert(
    fc.property(
      sealedTime,
      fc.subarray(['PROVIDER', 'MODEL', 'API_KEY'] as const),
      instant,
      instant,
      (sealed, asked, one, other) => {
        const [fromMs, toMs] = [
          Math.max(Math.min(one, other), sealed.carriedFrom.getTime()),
          Math.min(Math.max(one, other), sealed.sealedBefore.getTime()),
        ];
        const parts = partsOf({ from: new Date(fromMs), to: new Date(toMs) }, asked, sealed, NOON);
        const lengthMs = ({ period }: UsagePart) => period.to.getTime() - period.from.getTime();
        const blocks = parts.reduce(
          (count, part) => count + (part.hours === null ? 0 : lengthMs(part) / part.hours / HOUR_MS),
          0,
        );
        const attemptsMs = parts.reduce((sum, part) => sum + (part.hours === null ? lengthMs(part) : 0), 0);
        expect(blocks).toBeLessThanOrEqual(30);
        expect(attemptsMs).toBeLessThanOrEqual(4 * HOUR_MS);
      },
    ),
    { numRuns: 300 },
  );
});

test('days are told apart by blocks that are no longer than a day', () => {
  const sealed = { carriedFrom: new Date(0), sealedBefore: new Date(NOON) };
  const parts = partsOf(
    { from: new Date(TODAY - 89 * DAY_MS), to: new Date(TODAY + DAY_MS) },
    ['DAY', 'MODEL'],
    sealed,
    NOON,
  );
  expect(parts.map(({ hours, slice }) => [hours, slice])).toEqual([
    [24, 'MODEL_API_KEY'],
    [24, 'MODEL_API_KEY'],
    [null, null],
  ]);
});
