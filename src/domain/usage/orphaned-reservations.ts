import type { Database } from '../../db/client.ts';
import { sweepReservations } from './reservation-store.ts';

/** Reservations that one transaction ends. */
const BATCH_ROWS = 1_000;

/**
 * Gives back what the process before this one held for calls when it died, before a call is made here. Only for the embedded
 * database: its data folder is locked, so that then a reservation can belong to nobody. On a server each is over in its time.
 * @returns how many there were
 */
export async function endOrphanedReservations(database: Database): Promise<number> {
  if (database.kind !== 'embedded') return 0;
  await database.withSystem(({ sql }) => sql`update reservations set expires_at = now() - interval '1 second'`);
  let ended = 0;
  for (;;) {
    const count = await database.withSystem((scope) => sweepReservations(scope, BATCH_ROWS));
    ended += count;
    if (count < BATCH_ROWS) return ended;
  }
}
