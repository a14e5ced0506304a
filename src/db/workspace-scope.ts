import type { ISql, PendingQuery, Sql, TransactionSql } from 'postgres';
import type { EmbeddedPostgres } from './embedded.ts';
import type { EventBus } from './event-bus.ts';

declare const scopeKind: unique symbol;
declare const isSnapshot: unique symbol;
declare const readsWorkspace: unique symbol;
declare const isStatement: unique symbol;

/**
 * What reads the rows of one workspace. Store functions that only read take this, so that they run in a `WorkspaceScope` too;
 * only `Database.readWorkspace` makes one without a transaction around all that is asked of it.
 */
export interface WorkspaceReads {
  readonly workspaceId: string;
  readonly sql: ISql;
  readonly [readsWorkspace]: true;
}

/**
 * What writes rows of one workspace in a single statement, which is a transaction of its own. Only
 * `Database.writeWorkspace` makes one.
 */
export interface WorkspaceStatement {
  readonly workspaceId: string;
  readonly sql: ISql;
  /** Rings a topic of the event bus once the statement is committed. */
  ring(topic: string): void;
  readonly [isStatement]: true;
}

interface Scope {
  /** Runs SQL inside the transaction of this scope. */
  readonly sql: TransactionSql;
  /** The embedded database, where binary parameters go to it directly; null on a server. */
  readonly embedded: EmbeddedPostgres | null;
  /**
   * Rings a topic of the event bus once this transaction is committed; where it is rolled back, nobody hears of it.
   * Costs no round trip.
   */
  ring(topic: string): void;
}

/**
 * A transaction that row-level security holds to one workspace. Every store function takes one first, so that SQL
 * without a workspace does not compile. Only `Database.withWorkspace` makes one.
 */
export interface WorkspaceScope extends Scope, WorkspaceReads {
  readonly sql: TransactionSql;
  readonly [scopeKind]: 'workspace';
}

/**
 * The same for reading alone: each statement sees what was committed before the first one, so that what several of them read
 * belongs together. Only `Database.withSnapshot` makes one.
 */
export interface WorkspaceSnapshot extends WorkspaceScope {
  readonly [isSnapshot]: true;
}

/** A transaction across workspaces, with few rights. Only `Database.withSystem` makes one. */
export interface SystemScope extends Scope {
  readonly [scopeKind]: 'system';
}

interface ScopeSettings {
  role: 'signalbox_app' | 'signalbox_system';
  workspaceId: string;
  /** How the transaction sees what others commit meanwhile; as the server has it where left out. */
  isolation?: 'isolation level repeatable read read only';
}

/** Where a transaction runs, and who hears of it. */
interface TransactionPlace {
  sql: Sql;
  embedded: EmbeddedPostgres | null;
  bus: EventBus;
}

/** A server of which no connection became free in time, or that did not answer on the one that was. */
class DatabaseBusyError extends Error {
  override readonly name = 'DatabaseBusyError';
  readonly code = 'DATABASE_BUSY';

  constructor(waitMs: number) {
    super(`no connection of the database has begun a transaction within ${waitMs} ms`);
  }
}

/**
 * Opens the transaction of a scope.
 * @param waitMs within which it must begin; null: whenever it can
 * @throws where it does not begin in time, with a code that `isDatabaseUnavailable` knows
 */
export async function openTransaction<Result>(
  { sql, embedded, bus }: TransactionPlace,
  settings: ScopeSettings,
  waitMs: number | null,
  work: (scope: object) => Promise<Result>,
): Promise<Result> {
  embedded?.assertRunning();
  const deadline = startDeadline(waitMs);
  const rung = new Set<string>();
  const transacted = sql.begin(settings.isolation ?? '', async (transaction) => {
    deadline.met();
    // Not awaited before the first statement of `work`: both travel together, and where this one fails the
    // transaction is aborted, so nothing after it can run with the login's own rights.
    const settled = transaction`
      select set_config('role', ${settings.role}, true), set_config('app.workspace_id', ${settings.workspaceId}, true)`.then(
      () => null,
      (error: unknown) => ({ error }),
    );
    const ring = (topic: string) => rung.add(topic);
    const scope = { workspaceId: settings.workspaceId, sql: transaction, embedded, ring };
    const result = await work(scope);
    const failed = await settled;
    if (failed !== null) throw failed.error;
    return result;
  }) as Promise<Result>;
  try {
    const result = await Promise.race([transacted, deadline.missed]);
    for (const topic of rung) bus.ring(topic);
    return result;
  } finally {
    deadline.stop();
  }
}

/** What src/db/postgres-driver.ts adds to the driver. */
interface PrecededSql {
  preceded(before: StatementBefore): ISql;
}

interface StatementBefore {
  text: string;
  values: readonly string[];
  begun: () => void;
  /** Set where nobody waits any more for what has not been sent: it never is. */
  isOver: boolean;
}

const TAKE_ON = `select set_config('role', 'signalbox_app', true), set_config('app.workspace_id', $1, true)`;
const TAKE_ON_TO_READ = `${TAKE_ON}, set_config('transaction_read_only', 'on', true)`;

/**
 * Reads the rows of one workspace: each statement is a transaction of its own, which takes on role and workspace in the same
 * round trip before it. They may run at the same time, on several connections.
 * @param waitMs within which the first one must begin; null: whenever it can
 * @throws where it does not begin in time, with a code that `isDatabaseUnavailable` knows
 */
export function readInScope<Result>(
  place: TransactionPlace,
  workspaceId: string,
  waitMs: number | null,
  work: (reads: WorkspaceReads) => Promise<Result>,
): Promise<Result> {
  return takenOn(place, { text: TAKE_ON_TO_READ, workspaceId }, waitMs, (sql) =>
    work({ workspaceId, sql } as WorkspaceReads),
  );
}

/**
 * Writes rows of one workspace in a single statement: it takes on role and workspace in the same round trip before it, and
 * is committed when it has answered.
 * @param waitMs within which it must begin; null: whenever it can
 * @param work asks for one statement
 * @throws where it does not begin in time, as `readInScope`; it may have run all the same
 */
export async function writeInScope<Result>(
  place: TransactionPlace,
  workspaceId: string,
  waitMs: number | null,
  work: (statement: WorkspaceStatement) => Promise<Result>,
): Promise<Result> {
  const rung = new Set<string>();
  const ring = (topic: string) => rung.add(topic);
  const result = await takenOn(place, { text: TAKE_ON, workspaceId }, waitMs, (sql) =>
    work({ workspaceId, sql, ring } as WorkspaceStatement & { ring: typeof ring }),
  );
  for (const topic of rung) place.bus.ring(topic);
  return result;
}

async function takenOn<Result>(
  { sql, embedded }: TransactionPlace,
  { text, workspaceId }: { text: string; workspaceId: string },
  waitMs: number | null,
  work: (sql: ISql) => Promise<Result>,
): Promise<Result> {
  embedded?.assertRunning();
  const deadline = startDeadline(waitMs);
  const before: StatementBefore = { text, values: [workspaceId], begun: deadline.stop, isOver: false };
  try {
    return await Promise.race([work((sql as unknown as PrecededSql).preceded(before)), deadline.missed]);
  } finally {
    deadline.stop();
    before.isOver = true;
  }
}

/**
 * A statement that calls one function of the migrations, of those that take on the role signalbox_system themselves: nothing
 * else has any right outside a scope.
 */
export type SystemCall<Answer> = (sql: Sql) => PendingQuery<{ answer: Answer }[]>;

/**
 * Calls a function in one round trip, and so in a transaction of its own.
 * @param waitMs within which it must have answered; null: whenever it can
 * @throws where it does not answer in time, with a code that `isDatabaseUnavailable` knows; it may have run all the same
 */
export async function callFunction<Answer>(
  sql: Sql,
  embedded: EmbeddedPostgres | null,
  call: SystemCall<Answer>,
  waitMs: number | null,
): Promise<Answer> {
  embedded?.assertRunning();
  const deadline = startDeadline(waitMs);
  try {
    const [row] = await Promise.race([call(sql), deadline.missed]);
    return (row as { answer: Answer }).answer;
  } finally {
    deadline.stop();
  }
}

interface Deadline {
  /** Rejects where it passes. */
  missed: Promise<never>;
  /** @throws where it has passed: what comes too late is rolled back, because nobody waits for it any more */
  met(): void;
  stop(): void;
}

function startDeadline(waitMs: number | null): Deadline {
  let isMissed = false;
  let timer: NodeJS.Timeout | undefined;
  const missed = new Promise<never>((_resolve, reject) => {
    if (waitMs === null) return;
    timer = setTimeout(() => {
      isMissed = true;
      reject(new DatabaseBusyError(waitMs));
    }, waitMs);
  });
  const stop = () => clearTimeout(timer);
  const met = () => {
    stop();
    if (isMissed) throw new DatabaseBusyError(waitMs ?? 0);
  };
  return { missed, met, stop };
}
