import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Database, openDatabase } from '../../../src/db/client.ts';
import type { Budget } from '../../../src/domain/usage/budget.ts';
import { BudgetExceededError } from '../../../src/domain/usage/errors.ts';
import type { HeldReservation } from '../../../src/domain/usage/reservation.ts';
import { sweepReservations } from '../../../src/domain/usage/reservation-store.ts';
import { type TestDatabase, testDatabase } from '../../support/database.ts';
import {
  asked,
  type Clock,
  expectExact,
  expire,
  type Ledger,
  openLedger,
  periodsOf,
  writeCall,
  writeTry,
} from './budget-fixtures.ts';
import { addWorkspace, NOON } from './usage-fixtures.ts';

const HOUR_MS = 3_600_000;
const KEYS = [null, 'key_a', 'key_b'] as const;
const RUNS = 12;

let opened: TestDatabase;
/** What two servers are connected to the database by. */
let databases: Database[];
beforeAll(async () => {
  opened = await testDatabase();
  const { databaseUrl } = opened;
  databases = [opened.database, databaseUrl === undefined ? opened.database : await openDatabase(opened)];
});
afterAll(async () => {
  if (databases[1] !== opened.database) await databases[1]?.close();
  await opened.close();
});

type Step =
  | { kind: 'reserve'; key: (typeof KEYS)[number]; cents: number }
  /** The next call under way tries, ends, or is given up; or its server dies. */
  | { kind: 'try' | 'settle'; which: number; share: number }
  | { kind: 'release' | 'crash'; which: number }
  | { kind: 'sweep' }
  | { kind: 'setBudget'; budget: Budget };

const amounts = fc.integer({ min: 1, max: 40 });
const which = fc.nat(20);
const share = fc.constantFrom(0, 25, 100);
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('reserve'), key: fc.constantFrom(...KEYS), cents: amounts }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('try'), which, share }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('settle'), which, share }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('release'), which }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('crash'), which }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('sweep') }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('setBudget'),
      budget: fc.record({
        subject: fc.constantFrom('', 'key_a'),
        window: fc.constantFrom('DAY', 'MONTH'),
        limitUsd: fc.integer({ min: 0, max: 300 }).map(usd),
      }),
    }),
  },
) as fc.Arbitrary<Step>;
const FIRST_BUDGETS: readonly Budget[] = [
  { subject: '', window: 'DAY', limitUsd: '1.00' },
  { subject: '', window: 'MONTH', limitUsd: '2.00' },
  { subject: 'key_a', window: 'DAY', limitUsd: '0.70' },
  { subject: 'key_a', window: 'MONTH', limitUsd: '1.20' },
];
/** Steps of one round go side by side; between rounds the clock moves. */
const rounds = fc.array(
  fc.record({ steps: fc.array(step, { minLength: 1, maxLength: 6 }), hours: fc.constantFrom(0, 0, 0, 7) }),
  { minLength: 3, maxLength: 12 },
);

/** Thrice as many as there are runs, and all of them find room: a few cents of each budget. */
const MANY_SMALL: { steps: Step[]; hours: number }[] = Array.from({ length: RUNS }, (_, round) => ({
  steps: KEYS.map((key) => ({ kind: 'reserve', key, cents: 1 })),
  hours: round % 2,
}));

/** Each server's calls follow each other, and a few cents are far from any limit. */
const ONE_AFTER_THE_OTHER: { steps: Step[]; hours: number }[] = Array.from({ length: 16 }, (_, round) => ({
  steps: [round % 4 < 2 ? { kind: 'reserve', key: null, cents: 1 } : { kind: 'settle', which: 0, share: 100 }],
  hours: 0,
}));

function usd(cents: number): string {
  return (cents / 100).toFixed(2);
}

/** Two servers that spend the budgets of one workspace, and what has to hold meanwhile. */
class Spending {
  readonly #clock: Clock = { now: NOON };
  readonly #ledgers: Ledger[];
  readonly #workspaceId: string;
  readonly #mayLower: boolean;
  #underWay: { reservation: HeldReservation; leftCents: number; isWhole: boolean }[] = [];
  /** The highest limit that each budget has had, in cents. */
  readonly #highest = new Map<string, number>();
  #turn = 0;
  held = 0;
  /** Calls that took over what others had kept. */
  takenOver = 0;
  readonly #reserved = new Set<string>();

  constructor(workspaceId: string, mayLower: boolean) {
    this.#workspaceId = workspaceId;
    this.#mayLower = mayLower;
    this.#ledgers = databases.map((database) => openLedger(database, this.#clock, HOUR_MS));
  }

  async round(steps: readonly Step[], hours: number): Promise<void> {
    await Promise.all([...steps.map((next) => this.#take(next)), this.check()]);
    await this.check();
    this.#clock.now += hours * HOUR_MS;
  }

  /** Exact sums at every moment, and never more than the limit. */
  async check(): Promise<void> {
    const periods = await periodsOf(opened.database, this.#workspaceId);
    expectExact(periods);
    for (const { subject, window, used, reserved } of periods) {
      expect(used + reserved).toBeLessThanOrEqual((this.#highest.get(`${subject} ${window}`) ?? 0) * 10_000);
    }
  }

  /** All servers die. */
  async end(): Promise<void> {
    for (const { reservation } of this.#underWay) await expire(opened.database, reservation);
    await Promise.all(this.#ledgers.map(({ reservations }) => reservations.close()));
    await opened.database.withSystem((scope) => sweepReservations(scope, 1_000));
    await this.check();
    const periods = await periodsOf(opened.database, this.#workspaceId);
    expect(periods.map(({ reserved }) => reserved)).toEqual(periods.map(() => 0));
  }

  async #take(next: Step): Promise<void> {
    const { reservations, budgets } = this.#ledger();
    if (next.kind === 'setBudget') await this.#setBudget(budgets, next.budget);
    else if (next.kind === 'sweep') await reservations.sweep(this.#workspaceId);
    else if (next.kind === 'reserve') await this.#reserve(next.key, next.cents);
    else await this.#goOn(next);
  }

  async #setBudget(budgets: Ledger['budgets'], budget: Budget): Promise<void> {
    const key = `${budget.subject} ${budget.window}`;
    const [cents, before] = [Number(budget.limitUsd) * 100, this.#highest.get(key) ?? 0];
    if (!this.#mayLower && cents <= before) return;
    this.#highest.set(key, Math.max(cents, before));
    await budgets.write(this.#workspaceId, budget);
  }

  async #reserve(key: (typeof KEYS)[number], cents: number): Promise<void> {
    const { reservations } = this.#ledger();
    try {
      const reservation = await reservations.reserve(asked(this.#workspaceId, usd(cents), { apiKeyId: key }));
      if (reservation === null) return;
      this.held += 1;
      if (this.#reserved.has(reservation.id)) this.takenOver += 1;
      this.#reserved.add(reservation.id);
      this.#underWay.push({ reservation, leftCents: cents, isWhole: true });
    } catch (error) {
      // It was refused, or did not wait for room.
      if (!(error instanceof BudgetExceededError) && (error as Error).message !== 'impatient') throw error;
    }
  }

  async #goOn(next: Extract<Step, { which: number }>): Promise<void> {
    const [call] = this.#underWay.splice(next.which % Math.max(this.#underWay.length, 1), 1);
    if (call === undefined) return;
    if (next.kind === 'release') return this.#ledger().reservations.release(call.reservation);
    if (next.kind === 'crash') return expire(opened.database, call.reservation);
    if (next.kind !== 'try' && next.kind !== 'settle') return;
    const costCents = Math.floor((call.leftCents * next.share) / 100);
    if (next.kind === 'settle' && call.isWhole) return writeCall(this.#ledger(), call.reservation, usd(costCents));
    await writeTry(this.#ledger(), call.reservation, usd(costCents), next.kind === 'settle');
    if (next.kind === 'try') this.#underWay.push({ ...call, leftCents: call.leftCents - costCents, isWhole: false });
  }

  #ledger(): Ledger {
    this.#turn += 1;
    return this.#ledgers[this.#turn % this.#ledgers.length] as Ledger;
  }
}

async function spend(all: { steps: Step[]; hours: number }[], mayLower: boolean): Promise<Spending> {
  const { id } = await addWorkspace(opened.database, 'ENTERPRISE');
  const spending = new Spending(id, mayLower);
  // All of them before anything is spent: what was, may be more than the first limit.
  await spending.round(
    FIRST_BUDGETS.map((budget) => ({ kind: 'setBudget', budget })),
    0,
  );
  for (const { steps, hours } of all) await spending.round(steps, hours);
  await spending.end();
  return spending;
}

test.each([
  ['budgets that are only raised', false],
  ['budgets that are raised and lowered', true],
])(
  'however calls reserve, try, settle, give up and die on two servers, under %s: used is what attempts cost, held what is reserved, never more than the limit, and nothing in the end',
  async (_name, mayLower) => {
    let held = 0;
    let takenOver = 0;
    await fc.assert(
      fc.asyncProperty(rounds, async (all) => {
        const spending = await spend(all, mayLower);
        held += spending.held;
        takenOver += spending.takenOver;
      }),
      { numRuns: RUNS, examples: [[MANY_SMALL], [ONE_AFTER_THE_OTHER]] },
    );
    // A test that reserved next to nothing would prove nothing.
    expect(held).toBeGreaterThanOrEqual(RUNS * 3);
    expect(takenOver).toBeGreaterThan(0);
  },
  120_000,
);
