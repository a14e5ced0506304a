import type { Logger } from '../observability/logger.ts';
import type { EventBus } from './event-bus.ts';
import { TopicListeners } from './topic-listeners.ts';

/** For the embedded database, which one process has to itself. */
export class InProcessEventBus implements EventBus {
  readonly #listeners: TopicListeners;

  constructor(logger?: Logger) {
    this.#listeners = new TopicListeners(logger);
  }

  get listenerCount(): number {
    return this.#listeners.count;
  }

  ring(topic: string): void {
    this.#listeners.wake(topic);
  }

  listen(topic: string, listener: () => void): () => void {
    return this.#listeners.add(topic, listener);
  }

  async close(): Promise<void> {}
}
