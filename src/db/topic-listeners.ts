import type { Logger } from '../observability/logger.ts';

/** Who listens in this process, by topic: what every kind of event bus has in common. */
export class TopicListeners {
  readonly #byTopic = new Map<string, Set<{ call: () => void }>>();
  /** Rung, but not told yet. */
  readonly #rung = new Set<string>();
  readonly #logger: Logger | undefined;
  #isTelling = false;
  #count = 0;

  constructor(logger?: Logger) {
    this.#logger = logger;
  }

  get count(): number {
    return this.#count;
  }

  /** @returns takes the listener away again; idempotent */
  add(topic: string, listener: () => void): () => void {
    const listeners = this.#byTopic.get(topic) ?? new Set();
    this.#byTopic.set(topic, listeners);
    // The same function may listen twice.
    const entry = { call: listener };
    listeners.add(entry);
    this.#count += 1;
    return () => {
      if (!listeners.delete(entry)) return;
      this.#count -= 1;
      if (listeners.size === 0 && this.#byTopic.get(topic) === listeners) this.#byTopic.delete(topic);
    };
  }

  /** Calls the topic's listeners soon, once for all rings until then. */
  wake(topic: string): void {
    if (!this.#byTopic.has(topic)) return;
    this.#rung.add(topic);
    if (this.#isTelling) return;
    this.#isTelling = true;
    setImmediate(() => this.#tell());
  }

  wakeAll(): void {
    for (const topic of this.#byTopic.keys()) this.wake(topic);
  }

  #tell(): void {
    this.#isTelling = false;
    const topics = [...this.#rung];
    this.#rung.clear();
    for (const topic of topics) {
      for (const listener of this.#byTopic.get(topic) ?? []) {
        try {
          listener.call();
        } catch (error) {
          this.#logger?.error({ err: error, topic }, 'a listener of the event bus failed');
        }
      }
    }
  }
}
