/**
 * Tells the servers of one database that there is more to read. It carries no content: what happened stands in a table,
 * numbered, and a listener reads it from the number it has. A ring may be heard twice, and by servers where nobody
 * listens; one that got lost (a broken connection) is made up for by waking every listener when the bus is back.
 *
 * Rung by `scope.ring(topic)` inside the transaction of what is announced; listened to by `followLog`.
 */
export interface EventBus {
  /** Wakes the topic's listeners on every server. To be called after the commit of what is announced. Never throws. */
  ring(topic: string): void;
  /**
   * @param listener called soon after each ring; rings that come close together may be one call
   * @returns ends the listening
   */
  listen(topic: string, listener: () => void): () => void;
  /** How many listen in this process. */
  readonly listenerCount: number;
  /** Sends what has not been sent yet, if that goes quickly. Idempotent. */
  close(): Promise<void>;
}
