import { setTimeout as sleep } from 'node:timers/promises';

const DAY_MS = 86_400_000;
/** More than a test takes whose sums are those of a day. */
const ROOM_MS = 60_000;

/** Waits until midnight (UTC) is past where it is near: what a test adds up by the day would be split between two. */
export async function clearOfMidnight(): Promise<void> {
  const leftMs = () => DAY_MS - (Date.now() % DAY_MS);
  while (leftMs() < ROOM_MS) await sleep(leftMs());
}
