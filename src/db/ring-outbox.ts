import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';

/** Rings of so long go together. */
const COLLECT_MS = 20;
/** Postgres takes 7,999 bytes. */
const MESSAGE_MAX_BYTES = 7_900;
/** Beyond so many topics that wait to be sent, every listener is woken instead. */
const PENDING_MAX = 10_000;
/** In place of topics: whoever listens to anything. */
const EVERY_TOPIC = '*';
const RETRY_FIRST_MS = 100;
const RETRY_LAST_MS = 5_000;
/** How long a close waits for the last message. */
const CLOSE_MS = 1_000;

/** Who sends, and what is rung. */
const MESSAGE = z.tuple([z.string()], z.string());

interface OutboxOptions {
  /** Brings a message to every server, this one included. */
  send(message: string): Promise<unknown>;
  /** Told of the first failure of a row of them; what could not be sent is kept and tried again. */
  onFailure(error: unknown): void;
}

/**
 * Rings on their way to the other servers: collected, each topic once, a few messages instead of one a ring. What waits
 * is bounded however long the way is broken.
 */
export class RingOutbox {
  readonly #sender = randomUUID();
  readonly #options: OutboxOptions;
  #pending = new Set<string>();
  #timer: NodeJS.Timeout | null = null;
  #sending: Promise<void> | null = null;
  #lastSentAt = Number.NEGATIVE_INFINITY;
  #failures = 0;
  #isClosed = false;

  constructor(options: OutboxOptions) {
    this.#options = options;
  }

  /** The first after a pause goes at once, those that follow it together. */
  add(topic: string): void {
    if (this.#isClosed) return;
    this.#keep([topic]);
    if (this.#failures === 0) this.#sendIn(this.#lastSentAt + COLLECT_MS - performance.now());
  }

  /** To be called when a broken way is mended. */
  retryNow(): void {
    if (this.#pending.size === 0 || this.#isClosed) return;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#sendIn(0);
  }

  /** @returns what another server rang; null for every topic, and nothing where the message is this server's own */
  read(message: string): readonly string[] | null {
    // Most are: none of its topics need be looked at.
    if (message.startsWith(beginOf(this.#sender))) return [];
    const [, ...topics] = parseMessage(message);
    return topics.includes(EVERY_TOPIC) ? null : topics;
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    const last = (this.#sending ?? Promise.resolve()).then(() => this.#send());
    await Promise.race([last, sleep(CLOSE_MS, undefined, { ref: false })]);
  }

  #keep(topics: Iterable<string>): void {
    for (const topic of topics) {
      this.#pending.add(isShort(topic) ? topic : EVERY_TOPIC);
    }
    if (this.#pending.size > PENDING_MAX || this.#pending.has(EVERY_TOPIC)) this.#pending = new Set([EVERY_TOPIC]);
  }

  #sendIn(milliseconds: number): void {
    if (this.#timer !== null || this.#sending !== null) return;
    this.#timer = setTimeout(
      () => {
        this.#timer = null;
        this.#sending = this.#send().finally(() => {
          this.#sending = null;
          if (this.#pending.size === 0 || this.#isClosed) return;
          this.#sendIn(this.#failures === 0 ? COLLECT_MS : retryDelayMs(this.#failures));
        });
      },
      Math.max(0, milliseconds),
    );
    this.#timer.unref();
  }

  /** Never rejects. */
  async #send(): Promise<void> {
    const topics = this.#pending;
    if (topics.size === 0) return;
    this.#pending = new Set();
    this.#lastSentAt = performance.now();
    try {
      for (const message of messagesOf(this.#sender, topics)) await this.#options.send(message);
      this.#failures = 0;
    } catch (error) {
      this.#keep(topics);
      this.#failures += 1;
      if (this.#failures === 1) this.#options.onFailure(error);
    }
  }
}

function retryDelayMs(failures: number): number {
  return Math.min(RETRY_LAST_MS, RETRY_FIRST_MS * 2 ** (failures - 1)) * (0.5 + Math.random() / 2);
}

/** Whether a message has room for it; as JSON a character has six bytes at the most. */
function isShort(topic: string): boolean {
  return topic.length < MESSAGE_MAX_BYTES / 12 || Buffer.byteLength(JSON.stringify(topic)) < MESSAGE_MAX_BYTES / 2;
}

function beginOf(sender: string): string {
  return `[${JSON.stringify(sender)}`;
}

/** JSON arrays, each of them short enough to be sent. */
function messagesOf(sender: string, topics: Iterable<string>): string[] {
  const messages: string[] = [];
  const begin = beginOf(sender);
  let message = begin;
  let bytes = begin.length;
  for (const topic of topics) {
    const item = `,${JSON.stringify(topic)}`;
    const itemBytes = Buffer.byteLength(item);
    if (message !== begin && bytes + itemBytes >= MESSAGE_MAX_BYTES) {
      messages.push(`${message}]`);
      message = begin;
      bytes = begin.length;
    }
    message += item;
    bytes += itemBytes;
  }
  return [...messages, `${message}]`];
}

/** Of a release that writes something else, a message wakes everybody: a ring too many costs a look. */
function parseMessage(message: string): [string, ...string[]] {
  try {
    return MESSAGE.parse(JSON.parse(message));
  } catch {
    return ['', EVERY_TOPIC];
  }
}
