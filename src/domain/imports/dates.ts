/** How dates such as 03/04/2026 are read. */
export type DateOrder = 'DMY' | 'MDY';

const ISO =
  /^(\d{4})-(\d{1,2})-(\d{1,2})(?:[T ](\d{1,2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?)?\s*(Z|UTC|[+-]\d{2}:?\d{2})?$/i;
const BY_PARTS =
  /^(\d{1,2})([./-])(\d{1,2})\2(\d{4}|\d{2})(?:[,T ]+(\d{1,2}):(\d{2})(?::(\d{2}))?\s*([ap]\.?m\.?)?)?$/i;
const YEAR_FIRST = /^(\d{4})([./])(\d{1,2})\2(\d{1,2})(?:[T ](\d{1,2}):(\d{2})(?::(\d{2}))?)?$/;
/** Seconds or milliseconds since 1970, of the years 2001 to 2286. */
const EPOCH = /^\d{10}(?:\d{3})?(?:\.\d+)?$/;
/** As mail and browsers write it: Tue, 03 Mar 2026 12:00:00 +0100; Mar 3, 2026; 3 March 2026 12:00. */
const WITH_MONTH =
  /^(?:[a-z]{3,9},?\s+)?(?:\d{1,2}(?:\s+|-)[a-z]{3,9}\.?,?(?:\s+|-)\d{4}|[a-z]{3,9}\.?\s+\d{1,2},?\s+\d{4})\b[\d:\s,.apm+()a-z-]*$/i;

/** The instant that a cell names, in UTC where it names no zone; null where it names none that is sure. */
export function readDate(text: string, order: DateOrder): Date | null {
  const trimmed = text.trim();
  const iso = ISO.exec(trimmed);
  if (iso !== null) return fromIso(iso);
  const yearFirst = YEAR_FIRST.exec(trimmed);
  if (yearFirst !== null) {
    const [, year, , month, day, hour, minute, second] = yearFirst;
    return instant([year, month, day, hour, minute, second].map((part) => Number(part ?? 0)));
  }
  const parts = BY_PARTS.exec(trimmed);
  if (parts !== null) return fromParts(parts, order);
  if (EPOCH.test(trimmed)) return new Date(Math.round(Number(trimmed) * (/^\d{13}/.test(trimmed) ? 1 : 1_000)));
  if (!WITH_MONTH.test(trimmed)) return null;
  const hasZone = /(?:[+-]\d{4}|[+-]\d{2}:\d{2}|\b(?:GMT|UTC|Z|[ECMP][SD]T))\b/.test(trimmed);
  const date = new Date(hasZone ? trimmed : `${trimmed} UTC`);
  return Number.isNaN(date.getTime()) ? null : date;
}

/** Which order the dates of a column are in; the American one where none of them tells. */
export function usualDateOrder(texts: readonly string[]): DateOrder {
  for (const text of texts) {
    const [, first, separator, second] = BY_PARTS.exec(text.trim()) ?? [];
    if (first === undefined) continue;
    if (Number(first) > 12 || separator === '.') return 'DMY';
    if (Number(second) > 12) return 'MDY';
  }
  return 'MDY';
}

/** Whether a cell is a date whose day and month could change places. */
export function isAmbiguousDate(text: string): boolean {
  const [, first, , second] = BY_PARTS.exec(text.trim()) ?? [];
  return first !== undefined && first !== second && Number(first) <= 12 && Number(second) <= 12;
}

function fromIso(parts: RegExpExecArray): Date | null {
  const [, year, month, day, hour, minute, second, fraction, zone] = parts;
  const date = instant([year, month, day, hour, minute, second].map((part) => Number(part ?? 0)));
  if (date === null) return null;
  const ms = fraction === undefined ? 0 : Math.floor(Number(`0.${fraction}`) * 1_000);
  return new Date(date.getTime() + ms - offsetMs(zone));
}

function offsetMs(zone: string | undefined): number {
  const [, sign, hours, minutes] = /^([+-])(\d{2}):?(\d{2})$/.exec(zone ?? '') ?? [];
  if (sign === undefined) return 0;
  return (sign === '-' ? -1 : 1) * (Number(hours) * 60 + Number(minutes)) * 60_000;
}

function fromParts(parts: RegExpExecArray, order: DateOrder): Date | null {
  const [, first, separator, second, shortYear = '', hourText, minute, secondText, half] = parts;
  const isDayFirst = order === 'DMY' || separator === '.';
  const year = shortYear.length === 4 ? Number(shortYear) : 2_000 + Number(shortYear);
  const [day, month] = isDayFirst ? [first, second] : [second, first];
  let hour = Number(hourText ?? 0);
  if (half !== undefined) hour = (hour % 12) + (half.toLowerCase().startsWith('p') ? 12 : 0);
  return instant([year, Number(month), Number(day), hour, Number(minute ?? 0), Number(secondText ?? 0)]);
}

/** Null for a day that no calendar has, and an hour that no clock has. */
function instant([year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0]: readonly number[]): Date | null {
  const date = new Date(Date.UTC(year, month - 1, day, hour, minute, second));
  const isReal =
    year >= 100 &&
    date.getUTCMonth() === month - 1 &&
    date.getUTCDate() === day &&
    hour < 24 &&
    minute < 60 &&
    second < 60;
  return isReal ? date : null;
}
