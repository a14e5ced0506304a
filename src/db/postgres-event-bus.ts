import { setTimeout as sleep } from 'node:timers/promises';
import type { ListenMeta, Sql } from 'postgres';
import type { Logger } from '../observability/logger.ts';
import { SharedEventBus } from './shared-event-bus.ts';

/** One for all: each LISTEN is a round trip, and a notification of topics that nobody here wants costs next to nothing. */
const CHANNEL = 'signalbox_rings';
/** How long a close waits for a database that may be away. */
const CLOSE_MS = 1_000;

/**
 * By LISTEN and NOTIFY. A NOTIFY takes a lock of the whole database when it commits, so rings are never part of the
 * transaction that they tell of, and go together. It listens from its first listener on.
 */
export class PostgresEventBus extends SharedEventBus {
  readonly #sql: Sql;
  readonly #logger: Logger | undefined;
  #hearing: Promise<ListenMeta | null> | null = null;

  constructor(sql: Sql, logger?: Logger) {
    super({
      logger,
      send: (message) => sql`select pg_notify(${CHANNEL}, ${message})`,
      onFailure: (error) => logger?.warn({ err: error }, 'other servers hear late of what happens here'),
    });
    this.#sql = sql;
    this.#logger = logger;
  }

  override listen(topic: string, listener: () => void): () => void {
    if (!this.isClosed) this.#hearing ??= this.#hear();
    return super.listen(topic, listener);
  }

  protected async disconnect(): Promise<void> {
    const unlisten = async () => (await this.#hearing)?.unlisten();
    await Promise.race([unlisten().catch(() => undefined), sleep(CLOSE_MS, undefined, { ref: false })]);
  }

  /** The driver connects again whenever its connection breaks, and tells of each time that it listens. */
  async #hear(): Promise<ListenMeta | null> {
    try {
      return await this.#sql.listen(
        CHANNEL,
        (message) => this.receive(message),
        // What was rung before this moment was not heard.
        () => this.listeners.wakeAll(),
      );
    } catch (error) {
      this.#logger?.warn({ err: error }, 'what happens on other servers is heard late');
      return null;
    }
  }
}
