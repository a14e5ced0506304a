import { Redis, type RedisOptions } from 'ioredis';
import type { Logger } from '../observability/logger.ts';
import { SharedEventBus } from './shared-event-bus.ts';

const RECONNECT_MAX_MS = 2_000;
const ANSWER_TIMEOUT_MS = 5_000;
/** A connection that broke without a word is found by the answer that does not come. */
const HEARTBEAT_MS = 15_000;

interface RedisEventBusOptions {
  url: string;
  /** Tells the servers of one database from those of another that use the same Redis. */
  deployment: string;
  logger?: Logger;
}

/** By Redis' PUBLISH and SUBSCRIBE. A Redis that is away, at the start too, delays what others hear and stops nothing. */
export class RedisEventBus extends SharedEventBus {
  readonly #channel: string;
  readonly #logger: Logger | undefined;
  readonly #publisher: Redis;
  readonly #subscriber: Redis;
  readonly #heartbeat: NodeJS.Timeout;
  #isAway = false;

  constructor({ url, deployment, logger }: RedisEventBusOptions) {
    super({
      logger,
      send: (message) => this.#publisher.publish(this.#channel, message),
      // Of a connection that is not there, its own error says more.
      onFailure: (error) => this.#publisher.status === 'ready' && this.#tellAway(error),
    });
    this.#channel = `signalbox:${deployment}:rings`;
    this.#logger = logger;
    // What cannot be sent now is kept by the outbox, where each topic is there once, and not by the client.
    this.#publisher = new Redis(url, { ...CONNECTION, enableOfflineQueue: false, commandTimeout: ANSWER_TIMEOUT_MS });
    this.#subscriber = new Redis(url, { ...CONNECTION, autoResubscribe: false, socketTimeout: ANSWER_TIMEOUT_MS });
    this.#publisher.on('error', (error) => this.#tellAway(error));
    this.#publisher.on('ready', () => this.outbox.retryNow());
    this.#subscriber.on('error', (error) => this.#tellAway(error));
    this.#subscriber.on('ready', () => void this.#subscribe());
    this.#subscriber.on('message', (_channel, message) => this.receive(message));
    this.#heartbeat = setInterval(() => void this.#subscriber.ping().catch(() => undefined), HEARTBEAT_MS);
    this.#heartbeat.unref();
  }

  protected async disconnect(): Promise<void> {
    clearInterval(this.#heartbeat);
    this.#subscriber.disconnect();
    this.#publisher.disconnect();
  }

  async #subscribe(): Promise<void> {
    try {
      await this.#subscriber.subscribe(this.#channel);
    } catch (error) {
      this.#tellAway(error);
      // A connection that does not subscribe is no use; a new one may.
      this.#subscriber.disconnect(true);
      return;
    }
    if (this.#isAway) this.#logger?.info('Redis carries events between the servers again');
    this.#isAway = false;
    // What was rung before this moment was not heard.
    this.listeners.wakeAll();
  }

  /** Once an outage. The reason alone: the error of a refused login has the password in it. */
  #tellAway(error: unknown): void {
    if (this.#isAway || this.isClosed) return;
    this.#isAway = true;
    const reason = error instanceof Error ? error.message : String(error);
    this.#logger?.error({ reason }, 'Redis does not answer: what happens on other servers is heard late');
  }
}

const CONNECTION: RedisOptions = {
  connectionName: 'signalbox',
  connectTimeout: ANSWER_TIMEOUT_MS,
  // Understood by every Redis and by what speaks its protocol.
  protocol: 2,
  maxRetriesPerRequest: null,
  autoResendUnfulfilledCommands: false,
  retryStrategy: (tries) => Math.min(50 * 2 ** Math.min(tries, 10), RECONNECT_MAX_MS) * (0.5 + Math.random() / 2),
};
