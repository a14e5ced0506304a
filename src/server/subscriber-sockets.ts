import type { WebSocket } from 'ws';

/** Bytes that wait for a client before its events do; the log keeps those. */
const WAITING_BYTES = 64 * 1024;
const PING_INTERVAL_MS = 12_000;
/** How often the connections are looked at, where the patience does not ask for more. */
const LOOK_MS = 1_000;
/** The close code of WebSocket that clients answer by connecting again. */
export const TRY_AGAIN_LATER = 1013;
const TOO_SLOW = 'nothing was read here for too long: subscribe again, and go on from the last seq you have';

/** The connections of a door: what waits for each of them is bounded, and so is how long. */
export class SubscriberSockets {
  readonly #patienceMs: number;
  readonly #onGiveUp: () => void;
  readonly #sockets = new Set<SubscriberSocket>();
  readonly #timer: NodeJS.Timeout;

  /** @param patienceMs how long a client may read nothing before it is closed */
  constructor(patienceMs: number, onGiveUp: () => void) {
    this.#patienceMs = patienceMs;
    this.#onGiveUp = onGiveUp;
    this.#timer = setInterval(() => this.#look(), Math.min(LOOK_MS, patienceMs / 4));
    this.#timer.unref();
  }

  open(socket: WebSocket): SubscriberSocket {
    const opened = new SubscriberSocket(socket, () => this.#sockets.delete(opened));
    this.#sockets.add(opened);
    return opened;
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #look(): void {
    const now = performance.now();
    for (const socket of this.#sockets) {
      if (socket.silentSince < now - this.#patienceMs) this.#giveUp(socket);
      else if (socket.lastPingAt < now - PING_INTERVAL_MS) socket.ping(now);
    }
  }

  #giveUp(socket: SubscriberSocket): void {
    this.#sockets.delete(socket);
    socket.giveUp();
    this.#onGiveUp();
  }
}

/** One connection. */
export class SubscriberSocket {
  readonly #socket: WebSocket;
  readonly #left = new AbortController();
  readonly #waiting = new Set<() => void>();
  /** By `performance.now()`; infinite where nothing is waited for. */
  #pingedAt = Number.POSITIVE_INFINITY;
  #fullSince = Number.POSITIVE_INFINITY;
  lastPingAt = performance.now();

  constructor(socket: WebSocket, onClose: () => void) {
    this.#socket = socket;
    socket.on('pong', () => {
      this.#pingedAt = Number.POSITIVE_INFINITY;
    });
    socket.once('close', () => {
      onClose();
      this.#leave();
    });
  }

  /** Aborted when the client has left, or was given up. */
  get left(): AbortSignal {
    return this.#left.signal;
  }

  get isOpen(): boolean {
    return this.#socket.readyState === this.#socket.OPEN;
  }

  /** Since when the client has answered to nothing, neither a ping nor what it was sent. */
  get silentSince(): number {
    return Math.min(this.#pingedAt, this.#fullSince);
  }

  /** Sends a message; where enough waits for the client already, the promise is there, and resolves when that is sent. */
  send(message: string): Promise<void> | null {
    return this.#send((sent) => this.#socket.send(message, sent));
  }

  /** As `send`, a message in parts, none of which is copied. */
  sendParts(parts: readonly (string | Buffer)[]): Promise<void> | null {
    return this.#send((sent) => {
      for (const part of parts.slice(0, -1)) this.#socket.send(part, { fin: false, binary: false });
      this.#socket.send(parts.at(-1) ?? '', { fin: true }, sent);
    });
  }

  #send(write: (sent?: () => void) => void): Promise<void> | null {
    if (!this.isOpen) return null;
    if (this.#socket.bufferedAmount < WAITING_BYTES) {
      write();
      return null;
    }
    if (this.#waiting.size === 0) this.#fullSince = performance.now();
    return new Promise((resolve) => {
      const sent = () => {
        this.#waiting.delete(sent);
        // Something was read: the others are waited for anew.
        this.#fullSince = this.#waiting.size === 0 ? Number.POSITIVE_INFINITY : performance.now();
        resolve();
      };
      this.#waiting.add(sent);
      write(sent);
    });
  }

  ping(now: number): void {
    if (!this.isOpen) return;
    this.lastPingAt = now;
    this.#pingedAt = Math.min(this.#pingedAt, now);
    this.#socket.ping();
  }

  /** The reason stands behind what waits for the client: it reads it if it comes back within the 30 seconds of ws. */
  giveUp(): void {
    if (this.isOpen) this.#socket.close(TRY_AGAIN_LATER, TOO_SLOW);
    this.#leave();
  }

  #leave(): void {
    this.#left.abort();
    for (const resolve of [...this.#waiting]) resolve();
  }
}
