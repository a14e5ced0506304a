/** What waits in one lane is served in groups of up to so many. */
const GROUP_MAX = 1_000;

interface Waiting<Ask, Answer> {
  ask: Ask;
  resolve: (answer: Answer) => void;
  reject: (error: unknown) => void;
}

/** What has become of one ask. */
export type Verdict<Answer> = { granted: Answer } | { refused: unknown };

/**
 * Serves asks lane by lane: those of one lane that come while others are being served wait, and are served together, in
 * the order they came. A busy workspace so never holds more than one connection, and one transaction serves many calls.
 */
export class Lanes<Ask, Answer> {
  readonly #serve: (asks: readonly [Ask, ...Ask[]]) => Promise<readonly Verdict<Answer>[]>;
  readonly #lanes = new Map<string, Waiting<Ask, Answer>[]>();

  /** @param serve answers asks of one lane, in their order; where it throws, all of them have failed with that */
  constructor(serve: (asks: readonly [Ask, ...Ask[]]) => Promise<readonly Verdict<Answer>[]>) {
    this.#serve = serve;
  }

  /** @throws what it is refused with, or what its group has failed with */
  ask(lane: string, ask: Ask): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const waiting = this.#lanes.get(lane);
      if (waiting !== undefined) {
        waiting.push({ ask, resolve, reject });
        return;
      }
      const first = [{ ask, resolve, reject }];
      this.#lanes.set(lane, first);
      void this.#run(lane, first);
    });
  }

  async #run(lane: string, waiting: Waiting<Ask, Answer>[]): Promise<void> {
    // What comes in the same tick goes along.
    await null;
    while (waiting.length > 0) {
      const group = waiting.splice(0, GROUP_MAX);
      try {
        const verdicts = await this.#serve(group.map(({ ask }) => ask) as [Ask, ...Ask[]]);
        for (const [place, { resolve, reject }] of group.entries()) {
          const verdict = verdicts[place] as Verdict<Answer>;
          if ('granted' in verdict) resolve(verdict.granted);
          else reject(verdict.refused);
        }
      } catch (error) {
        for (const { reject } of group) reject(error);
      }
    }
    // In the same tick as the look at the queue: an ask that comes now starts a lane of its own.
    this.#lanes.delete(lane);
  }
}
