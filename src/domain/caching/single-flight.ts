import { waitFor } from '../../shared/wait-for.ts';

/** Lets calls that ask for the same thing at the same time share one answer. */
export class SingleFlight<Result> {
  readonly #flights = new Map<string, Promise<Result>>();

  /**
   * What the call under way for `key` gives, or that of a new one.
   * @param following `mayFollow`: whether a failure of another's call is one's own as well; where not (the other one has
   * left), the call is made again. `signal`: aborted when this caller leaves, who then waits no longer
   */
  async run(
    key: string,
    call: () => Promise<Result>,
    following: { mayFollow: (error: unknown) => boolean; signal: AbortSignal },
  ): Promise<{ result: Result; shared: boolean }> {
    for (;;) {
      const flying = this.#flights.get(key);
      if (flying === undefined) break;
      try {
        return { result: await waitFor(flying, following.signal), shared: true };
      } catch (error) {
        following.signal.throwIfAborted();
        if (following.mayFollow(error)) throw error;
      }
    }
    const flight = call().finally(() => this.#flights.delete(key));
    this.#flights.set(key, flight);
    return { result: await flight, shared: false };
  }
}
