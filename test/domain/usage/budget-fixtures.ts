import { pino } from 'pino';
import { expect } from 'vitest';
import type { Database } from '../../../src/db/client.ts';
import { BudgetService } from '../../../src/domain/usage/budget-service.ts';
import type { HeldReservation, Reservation } from '../../../src/domain/usage/reservation.ts';
import { type ReservationRequest, ReservationService } from '../../../src/domain/usage/reservation-service.ts';
import { UsageRecorder } from '../../../src/domain/usage/usage-recorder.ts';
import { addWorkspace, NOON, usageEvent } from './usage-fixtures.ts';

export interface Clock {
  now: number;
}

/**
 * One server's ledger.
 * @param keptMs how long what a call has held is kept for a next one
 */
export function openLedger(database: Database, clock: Clock = { now: NOON }, keptMs?: number) {
  const recorder = new UsageRecorder({ database, logger: pino({ level: 'silent' }) });
  const now = () => clock.now;
  const reservations = new ReservationService(database, now, keptMs);
  const budgets = new BudgetService({ database, recorder, reservations, onChange: () => undefined, now });
  return { clock, recorder, budgets, reservations };
}

export type Ledger = ReturnType<typeof openLedger>;

export async function addBudgetedWorkspace(database: Database, ledger: Ledger, limitUsd: string): Promise<string> {
  const { id } = await addWorkspace(database, 'ENTERPRISE');
  await ledger.budgets.write(id, { subject: '', window: 'DAY', limitUsd });
  return id;
}

/** Somebody who leaves when they have waited for room a moment: not before they wait, however slow the machine is. */
export function impatient(): AbortSignal {
  const leaving = new AbortController();
  const { signal } = leaving;
  const listen = signal.addEventListener.bind(signal);
  signal.addEventListener = (...listening: Parameters<typeof listen>) => {
    setTimeout(() => leaving.abort(new Error('impatient')), 100);
    listen(...listening);
  };
  return signal;
}

/** What a call asks for; where it has to wait for room, it leaves. */
export function asked(workspaceId: string, amountUsd: string, fields: Partial<ReservationRequest> = {}) {
  return { workspaceId, apiKeyId: null, amountUsd, ttlMs: 60_000, signal: impatient(), ...fields };
}

/** Writes a try of a call, and waits until it is written. */
export async function writeTry(
  { recorder, clock }: Ledger,
  reservation: Reservation,
  costUsd: string,
  settles: boolean,
): Promise<void> {
  const { workspaceId, id, apiKeyId } = reservation;
  const key = apiKeyId === '' ? null : apiKeyId;
  recorder.record(
    usageEvent(workspaceId, { apiKeyId: key, at: clock.now, costUsd, reservationId: id, settles, operation: 'chat' }),
  );
  await recorder.settle();
}

/** Writes the only try of a call, which leaves what it has held for a next one where calls follow each other. */
export async function writeCall(
  { recorder, reservations, clock }: Ledger,
  reservation: HeldReservation,
  costUsd: string,
): Promise<void> {
  const { workspaceId, id, apiKeyId } = reservation;
  const key = apiKeyId === '' ? null : apiKeyId;
  const keeps = reservations.isWanted(reservation);
  recorder.record(
    usageEvent(workspaceId, {
      ...{ apiKeyId: key, at: clock.now, costUsd, operation: 'chat' },
      ...{ reservationId: id, settles: true, keeps },
    }),
    (isKept) => reservations.over(reservation, isKept),
  );
  await recorder.settle();
}

/** Whoever made it has died, and its time has passed. */
export async function expire(database: Database, { workspaceId, id }: Reservation): Promise<void> {
  await database.withSystem(
    ({ sql }) => sql`
      update reservations set expires_at = now() - interval '1 second' where workspace_id = ${workspaceId} and id = ${id}`,
  );
}

export interface PeriodFigures {
  subject: string;
  window: string;
  startsOn: string;
  limit: number;
  used: number;
  reserved: number;
  /** What the attempts add up to. */
  spent: number;
  /** What the reservations add up to. */
  held: number;
}

/** The periods of a workspace beside what they must add up to, all of one moment; in millionths of a dollar. */
export function periodsOf(database: Database, workspaceId: string): Promise<PeriodFigures[]> {
  return database.withSystem(
    async ({ sql }) => sql<PeriodFigures[]>`
      select
        p.subject, p."window", p.starts_on::text as starts_on, (b.limit_usd * 1e6)::float8 as "limit",
        (p.used_usd * 1e6)::float8 as used, (p.reserved_usd * 1e6)::float8 as reserved,
        (select coalesce(sum(a.cost_usd), 0) * 1e6 from usage_attempts a
          where a.workspace_id = p.workspace_id and (a.at at time zone 'utc')::date >= p.starts_on
            and (a.at at time zone 'utc')::date < p.ends_on and p.subject in ('', a.api_key_id))::float8 as spent,
        (select coalesce(sum(r.amount_usd), 0) * 1e6 from reservations r
          where r.workspace_id = p.workspace_id and r.day < p.ends_on and p.subject in ('', r.api_key_id))::float8 as held
      from budget_periods p
      join budgets b on b.workspace_id = p.workspace_id and b.subject = p.subject and b."window" = p."window"
      where p.workspace_id = ${workspaceId} order by 1, 2, 3`,
  );
}

/** Used is the sum of the attempts' costs, held that of the reservations. */
export function expectExact(periods: readonly PeriodFigures[]): void {
  for (const { used, reserved, spent, held } of periods)
    expect({ used, reserved }).toEqual({ used: spent, reserved: held });
}
