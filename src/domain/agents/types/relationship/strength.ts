import { combined, daysBetween, decay } from '../../companies/company-signal.ts';

/** How often, how lately and in which directions two have to do with each other. */
export type Contacts = {
  /** They wrote to us. */
  inbound: number;
  /** We wrote to them. */
  outbound: number;
  /** Both were there: a call, a meeting, a visit. */
  together: number;
  /** ISO 8601. */
  lastAt: string;
};

/** Contacts after which more of them add little. */
const FEW_CONTACTS = 3;
/** After so many days without a contact a tie is half as strong. */
export const HALF_LIFE_DAYS = 60;
/** One who is not answered is known less than one who is; one who is only written to, less still. */
const DIRECTIONS = { mutual: 1, inbound: 0.7, outbound: 0.4 } as const;
/** Ties of a company that count; with more of them it gets no warmer. */
const TIES = 3;
const MOOD_SHARE = 0.15;

export type Direction = keyof typeof DIRECTIONS;

export function directionOf({ inbound, outbound, together }: Contacts): Direction {
  if (together > 0 || (inbound > 0 && outbound > 0)) return 'mutual';
  return inbound > 0 ? 'inbound' : 'outbound';
}

/** 0 to 1: frequency × recency × direction. */
export function strengthOf(contacts: Contacts, now: Date): number {
  const count = contacts.inbound + contacts.outbound + contacts.together;
  const frequency = 1 - Math.exp(-count / FEW_CONTACTS);
  return frequency * decay(contacts.lastAt, now, HALF_LIFE_DAYS) * DIRECTIONS[directionOf(contacts)];
}

/** 0 to 100: the strongest ties together, a little more where what they write is friendly and less where it is not. */
export function warmthOf(strengths: readonly number[], mood: number | null): number {
  const strongest = strengths.toSorted((left, right) => right - left).slice(0, TIES);
  const warmth = 100 * combined(strongest) * (1 + MOOD_SHARE * (mood ?? 0));
  return Math.round(Math.min(100, warmth));
}

/** Whole days since a contact. */
export function daysSince({ lastAt }: Pick<Contacts, 'lastAt'>, now: Date): number {
  return Math.floor(daysBetween(lastAt, now));
}
