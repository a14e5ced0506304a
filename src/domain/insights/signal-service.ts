import type { Database } from '../../db/client.ts';
import type { LogPage } from '../../db/follow-log.ts';
import { SharedReads } from '../../db/shared-reads.ts';
import { ConflictError, InvalidInputError, NotFoundError } from '../../shared/errors.ts';
import { authorize, type Caller } from '../access/caller.ts';
import { followFindings } from './finding-news.ts';
import { type Signal, type SignalStatus, type SignalType, signalTopic } from './signal.ts';
import {
  evidenceOfSignals,
  findSignals,
  judgeSignal,
  listSignals,
  newSignals,
  type SignalFilter,
  signalsOfRuns,
} from './signal-store.ts';

/** What a run shows of what it found. */
const SIGNALS_PER_RUN = 200;

/** Rolls a judgement back. */
class TimeOverError extends ConflictError {
  constructor() {
    super('the time of this signal is over: it cannot be ACTIVE until an agent finds it again');
  }
}

/** Shows what companies were seen to do, and keeps what people make of it. */
export class SignalService {
  readonly #database: Database;
  readonly #reads = new SharedReads<LogPage<Signal, unknown>>();

  constructor(database: Database) {
    this.#database = database;
  }

  /** Newest first. */
  async list(caller: Caller, filter: SignalFilter, page: { limit: number; after: string | null }): Promise<Signal[]> {
    const { workspace } = authorize(caller, 'DOCUMENTS_READ');
    return this.#database.withWorkspace(workspace.id, (scope) => listSignals(scope, filter, page));
  }

  /** Signals by id, in no order; those that are not there are left out. */
  async find(caller: Caller, ids: readonly string[]): Promise<Signal[]> {
    const { workspace } = authorize(caller, 'DOCUMENTS_READ');
    return this.#database.withWorkspace(workspace.id, (scope) => findSignals(scope, ids));
  }

  /** Of each signal the ids of the documents that it was found in, in the order of the signals. */
  async evidenceIds(caller: Caller, ids: readonly string[]): Promise<string[][]> {
    const { workspace } = authorize(caller, 'DOCUMENTS_READ');
    const links = await this.#database.withWorkspace(workspace.id, (scope) => evidenceOfSignals(scope, ids));
    const bySignal = Map.groupBy(links, ({ signalId }) => signalId);
    return ids.map((id) => (bySignal.get(id) ?? []).map(({ documentId }) => documentId));
  }

  /** Of each run what it found or found again, in the order of the runs; newest first, 200 at the most. */
  async ofRuns(caller: Caller, runIds: readonly string[]): Promise<Signal[][]> {
    const { workspace } = authorize(caller, 'DOCUMENTS_READ');
    const found = await this.#database.withWorkspace(workspace.id, (scope) =>
      signalsOfRuns(scope, runIds, SIGNALS_PER_RUN),
    );
    const byRun = Map.groupBy(found, ({ runId }) => runId);
    return runIds.map((runId) => byRun.get(runId) ?? []);
  }

  /** Signals that are new, or live again, from now on, by whichever server. */
  detected(
    caller: Caller,
    types: readonly SignalType[] | null,
    signal: AbortSignal,
  ): Promise<AsyncGenerator<Signal, void>> {
    const { workspace } = authorize(caller, 'DOCUMENTS_READ');
    const news = {
      ...{ database: this.#database, reads: this.#reads, workspaceId: workspace.id },
      ...{ filterKey: types?.toSorted().join() ?? '*', topic: signalTopic(workspace.id) },
      read: (scope: Parameters<typeof newSignals>[0], range: Parameters<typeof newSignals>[1]) =>
        newSignals(scope, range, types),
    };
    return followFindings<Signal>(news, signal);
  }

  /**
   * Says what became of a signal. A judgement can be taken back with ACTIVE, but for one whose time is over; EXPIRED is
   * for time alone to say.
   * @throws InvalidInputError, NotFoundError, ConflictError
   */
  async judge(caller: Caller, id: string, status: SignalStatus): Promise<Signal> {
    const { workspace } = authorize(caller, 'DOCUMENTS_WRITE');
    if (status === 'EXPIRED') throw InvalidInputError.at('status', 'is EXPIRED when the time of the signal is over');
    const [signal] = await this.#database.withWorkspace(workspace.id, async (scope) => {
      const now = await judgeSignal(scope, id, status);
      if (now === null) return [];
      if (now !== status) throw new TimeOverError();
      return findSignals(scope, [id]);
    });
    if (signal === undefined) throw new NotFoundError('signal', id);
    return signal;
  }
}
