import type { Period, UsageDimension } from './usage-report.ts';
import { startOfDay } from './utc-day.ts';

const HOUR_MS = 3_600_000;
/** How long the blocks of `usage_blocks` are; each length is a multiple of the one before. */
const BLOCK_HOURS = [3, 24, 96, 384, 1_536] as const;
export const DAY_HOURS = 24;
const DAY_MS = DAY_HOURS * HOUR_MS;

/** What `usage_blocks` has sums by, and over how many hours. */
interface Slice {
  name: string;
  keeps: readonly UsageDimension[];
  hours: readonly number[];
}

const DAYS_AND_LONGER = [24, 96, 384, 1_536];
const LONGER = [96, 384, 1_536];

/** As `usage_slice_kinds()` of the migrations has them, smallest first. */
export const SLICES: readonly Slice[] = [
  { name: 'OPERATION_API_KEY_OUTCOME', keeps: ['OPERATION', 'API_KEY', 'OUTCOME'], hours: BLOCK_HOURS },
  { name: 'MODEL_API_KEY', keeps: ['PROVIDER', 'MODEL', 'API_KEY'], hours: BLOCK_HOURS },
  { name: 'PROVIDER_OPERATION_API_KEY', keeps: ['PROVIDER', 'OPERATION', 'API_KEY'], hours: LONGER },
  { name: 'MODEL_OPERATION_OUTCOME', keeps: ['PROVIDER', 'MODEL', 'OPERATION', 'OUTCOME'], hours: BLOCK_HOURS },
  { name: 'MODEL_API_KEY_OUTCOME', keeps: ['PROVIDER', 'MODEL', 'API_KEY', 'OUTCOME'], hours: DAYS_AND_LONGER },
  { name: 'MODEL_OPERATION_API_KEY', keeps: ['PROVIDER', 'MODEL', 'OPERATION', 'API_KEY'], hours: DAYS_AND_LONGER },
  { name: 'ALL', keeps: ['PROVIDER', 'MODEL', 'OPERATION', 'API_KEY', 'OUTCOME'], hours: [3, ...LONGER] },
];

/** Of which time the attempts are in the blocks. */
export interface SealedTime {
  /** A midnight (UTC). */
  carriedFrom: Date;
  /** A full hour. */
  sealedBefore: Date;
}

/** Blocks of one length side by side, or attempts, that are added up or taken away. */
export interface UsagePart {
  /** Of each block; null: attempts. */
  hours: number | null;
  /** Whole blocks. */
  period: Period;
  sign: 1 | -1;
  /** Which sums the blocks have; null: days by all dimensions, of `usage_daily`. Nothing for attempts. */
  slice: string | null;
}

/**
 * Parts that add up to a period, with the dimensions told apart, as few as there can be: of what is in the blocks by the
 * longest ones, taking away what they have too much of; of what is not carried over by days; the rest by attempts. A block has
 * nothing outside of the time that is sealed, and one that is longer than a day nothing of a day that is not over by then: so
 * the last one counts whole in a report up to now.
 * @param nowMs later there is hardly anything to be read
 */
export function partsOf(
  period: Period,
  by: readonly UsageDimension[],
  { carriedFrom, sealedBefore }: SealedTime,
  nowMs: number,
): UsagePart[] {
  const [fromMs, toMs] = [period.from.getTime(), period.to.getTime()];
  const [carriedMs, sealedMs, dayMs] = [
    carriedFrom.getTime(),
    sealedBefore.getTime(),
    startOfDay(sealedBefore.getTime()),
  ];
  const sliceOf = (hours: number) => sliceNameOf(by, hours);
  const lengths = BLOCK_HOURS.filter(
    (hours) => sliceOf(hours) !== undefined && (hours <= DAY_HOURS || !by.includes('DAY')),
  );
  const shorter = lengths.filter((hours) => hours <= DAY_HOURS);
  const inTime = (startMs: number, endMs: number, hours: readonly number[], sliced: boolean): UsagePart[] => {
    const [firstMs, lastMs] = [Math.max(fromMs, startMs), Math.min(toMs, endMs)];
    if (firstMs >= lastMs) return [];
    const cover = new Cover({ lengths: hours, startMs, endMs, nowMs });
    return cover.of(firstMs, lastMs).map((part) => ({
      ...part,
      slice: part.hours === null || (part.hours === DAY_HOURS && !sliced) ? null : (sliceOf(part.hours) ?? null),
    }));
  };
  const [always, never] = [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY];
  const earlier = inTime(always, carriedMs, [DAY_HOURS], false);
  if (sliceOf(DAY_HOURS) === undefined) {
    const carried = inTime(
      carriedMs,
      dayMs,
      BLOCK_HOURS.filter((hours) => hours === DAY_HOURS || lengths.includes(hours)),
      false,
    );
    // The day that is not sealed to its end is whole in `usage_daily`: as far as it has come, which is up to now.
    const dayEndMs = dayMs + DAY_MS;
    if (fromMs <= dayMs && toMs >= Math.min(dayEndMs, nowMs))
      return [...earlier, ...carried, ...inTime(dayMs, never, [DAY_HOURS], false)];
    return [
      ...[...earlier, ...carried, ...inTime(dayMs, sealedMs, shorter, true)],
      ...[...inTime(sealedMs, dayEndMs, [], true), ...inTime(dayEndMs, never, [DAY_HOURS], false)],
    ];
  }
  return [
    ...earlier,
    ...inTime(carriedMs, dayMs, lengths, true),
    ...inTime(dayMs, sealedMs, shorter, true),
    ...inTime(sealedMs, never, [], true),
  ];
}

/** Midnights of the days that are added up by themselves: nothing else is added to them, or taken away. */
export function wholeDaysOf(parts: readonly UsagePart[]): number[] {
  const days = parts
    .filter(({ hours, sign }) => hours === DAY_HOURS && sign === 1)
    .flatMap((part) => {
      const [fromMs, toMs] = [part.period.from.getTime(), part.period.to.getTime()];
      return Array.from({ length: (toMs - fromMs) / DAY_MS }, (_, day) => ({ part, startMs: fromMs + day * DAY_MS }));
    });
  const isAlone = (part: UsagePart, startMs: number) =>
    parts.every((other) => other === part || +other.period.to <= startMs || +other.period.from >= startMs + DAY_MS);
  return days.filter(({ part, startMs }) => isAlone(part, startMs)).map(({ startMs }) => startMs);
}

/** The smallest slice with blocks of a length that keeps the dimensions. */
function sliceNameOf(by: readonly UsageDimension[], hours: number): string | undefined {
  const isKept = ({ keeps }: Slice) => by.every((dimension) => dimension === 'DAY' || keeps.includes(dimension));
  return SLICES.find((slice) => slice.hours.includes(hours) && isKept(slice))?.name;
}

type Piece = Omit<UsagePart, 'slice'>;

/** A way to add something up, and how much it reads: a block counts like an hour of attempts. */
interface Way {
  pieces: readonly Piece[];
  weight: number;
}

const NOTHING: Way = { pieces: [], weight: 0 };

interface CoverOptions {
  /** In hours, ascending. */
  lengths: readonly number[];
  /** Blocks have nothing that is earlier. */
  startMs: number;
  /** Blocks have nothing from here on. */
  endMs: number;
  nowMs: number;
}

/** Adds up periods within a time from blocks of some lengths, and attempts. */
class Cover {
  readonly #options: CoverOptions;

  constructor(options: CoverOptions) {
    this.#options = options;
  }

  of(fromMs: number, toMs: number): readonly Piece[] {
    return this.#across(this.#options.lengths.length - 1, fromMs, toMs).pieces;
  }

  /** By any number of blocks of a length; where there is no shorter one, by attempts. */
  #across(level: number, fromMs: number, toMs: number): Way {
    const blockMs = this.#blockMs(level);
    if (blockMs === null) return this.#attempts(fromMs, toMs);
    let way = NOTHING;
    for (let beginMs = Math.floor(fromMs / blockMs) * blockMs; beginMs < toMs; beginMs += blockMs) {
      way = joined(way, this.#within(level, beginMs, Math.max(fromMs, beginMs), Math.min(toMs, beginMs + blockMs)));
    }
    return way;
  }

  /** Of one block: as a whole, by shorter ones, or as a whole without what is too much. */
  #within(level: number, beginMs: number, fromMs: number, toMs: number): Way {
    const endMs = beginMs + (this.#blockMs(level) ?? 0);
    const [firstMs, lastMs] = [Math.max(beginMs, this.#options.startMs), Math.min(endMs, this.#options.endMs)];
    const hours = this.#options.lengths[level] ?? null;
    const whole: Way = { pieces: [{ hours, period: between(beginMs, endMs), sign: 1 }], weight: 1 };
    if (fromMs <= firstMs && toMs >= lastMs) return whole;
    const parts = this.#across(level - 1, fromMs, toMs);
    const [before, after] = [this.#across(level - 1, firstMs, fromMs), this.#across(level - 1, toMs, lastMs)];
    const rest = joined(joined(whole, negative(before)), negative(after));
    return rest.weight < parts.weight ? rest : parts;
  }

  #attempts(fromMs: number, toMs: number): Way {
    if (fromMs >= toMs) return NOTHING;
    const weight = Math.max(0, Math.min(toMs, this.#options.nowMs) - fromMs) / HOUR_MS;
    return { pieces: [{ hours: null, period: between(fromMs, toMs), sign: 1 }], weight };
  }

  #blockMs(level: number): number | null {
    const hours = this.#options.lengths[level];
    return hours === undefined ? null : hours * HOUR_MS;
  }
}

function between(fromMs: number, toMs: number): Period {
  return { from: new Date(fromMs), to: new Date(toMs) };
}

function negative({ pieces, weight }: Way): Way {
  return { pieces: pieces.map((piece) => ({ ...piece, sign: piece.sign === 1 ? -1 : 1 })), weight };
}

/** Both, with pieces that lie side by side as one. */
function joined(one: Way, other: Way): Way {
  const pieces = [...one.pieces];
  for (const piece of other.pieces) {
    const last = pieces.at(-1);
    const isNext = last?.hours === piece.hours && last.sign === piece.sign && +last.period.to === +piece.period.from;
    if (last !== undefined && isNext)
      pieces[pieces.length - 1] = { ...last, period: { ...last.period, to: piece.period.to } };
    else pieces.push(piece);
  }
  return { pieces, weight: one.weight + other.weight };
}
