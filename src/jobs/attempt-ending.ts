/**
 * What may end an attempt before its work is done. It makes a signal where one is asked for alone: most jobs ask for none,
 * and one for each would cost more than all else that surrounds them.
 */
export class AttemptEnding {
  #controller: AbortController | null = null;
  /** In an object, as a reason may be anything. */
  #over: { reason: unknown } | null = null;
  #reject: (reason: unknown) => void = () => undefined;

  get signal(): AbortSignal {
    if (this.#controller === null) {
      this.#controller = new AbortController();
      if (this.#over !== null) this.#controller.abort(this.#over.reason);
    }
    return this.#controller.signal;
  }

  /** The first reason counts. */
  abort(reason: unknown): void {
    if (this.#over !== null) return;
    this.#over = { reason };
    this.#controller?.abort(reason);
    this.#reject(reason);
  }

  /** @throws the reason */
  throwIfAborted(): void {
    if (this.#over !== null) throw this.#over.reason;
  }

  /** What the work comes to, or the reason, whichever is first. To be called once. */
  orReason<Result>(work: Promise<Result>): Promise<Result> {
    return new Promise((resolve, reject) => {
      this.#reject = reject;
      if (this.#over !== null) reject(this.#over.reason);
      work.then(resolve, reject);
    });
  }
}
