import type { Logger } from '../observability/logger.ts';
import type { EventBus } from './event-bus.ts';
import { RingOutbox } from './ring-outbox.ts';
import { TopicListeners } from './topic-listeners.ts';

interface SharedEventBusOptions {
  logger: Logger | undefined;
  /** Brings a message to every server, this one included or not. */
  send(message: string): Promise<unknown>;
  /** Told of the first failure of a row of them; what could not be sent is tried again. */
  onFailure(error: unknown): void;
}

/** What the buses between several servers have in common: listeners here, and rings on their way there. */
export abstract class SharedEventBus implements EventBus {
  protected readonly listeners: TopicListeners;
  protected readonly outbox: RingOutbox;
  #isClosed = false;

  constructor({ logger, send, onFailure }: SharedEventBusOptions) {
    this.listeners = new TopicListeners(logger);
    this.outbox = new RingOutbox({ send, onFailure });
  }

  get listenerCount(): number {
    return this.listeners.count;
  }

  /** Listeners of this process need nobody else to be told. */
  ring(topic: string): void {
    if (this.#isClosed) return;
    this.listeners.wake(topic);
    this.outbox.add(topic);
  }

  listen(topic: string, listener: () => void): () => void {
    return this.listeners.add(topic, listener);
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    await this.outbox.close();
    await this.disconnect();
  }

  protected abstract disconnect(): Promise<void>;

  protected get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Takes what `send` brought. */
  protected receive(message: string): void {
    if (this.#isClosed) return;
    const topics = this.outbox.read(message);
    if (topics === null) this.listeners.wakeAll();
    else for (const topic of topics) this.listeners.wake(topic);
  }
}
