/** What a piece of work has to do with others. */
export interface TurnPlace {
  /** Work in other lines is not waited for. */
  line: string;
  /** In a line the owners take turns, however much each has waiting. */
  owner: string;
}

interface Line {
  running: number;
  /** What waits, in the order in which the owners come next. */
  waiting: Map<string, (() => void)[]>;
}

/** Lets so much work of each line run at once; of one owner in the order in which it came. */
export class Turns {
  readonly #atOnce: number;
  readonly #lines = new Map<string, Line>();

  constructor(atOnce: number) {
    this.#atOnce = atOnce;
  }

  async run<Result>({ line: name, owner }: TurnPlace, work: () => Promise<Result>): Promise<Result> {
    const line = this.#lines.get(name) ?? { running: 0, waiting: new Map() };
    this.#lines.set(name, line);
    if (line.running < this.#atOnce) line.running += 1;
    else await new Promise<void>((resolve) => append(line, owner, resolve));
    try {
      return await work();
    } finally {
      if (!passOn(line)) line.running -= 1;
      if (line.running === 0) this.#lines.delete(name);
    }
  }
}

function append({ waiting }: Line, owner: string, begin: () => void): void {
  const own = waiting.get(owner);
  if (own === undefined) waiting.set(owner, [begin]);
  else own.push(begin);
}

/** The turn goes to the next one without becoming free in between. @returns whether anything waited */
function passOn({ waiting }: Line): boolean {
  const [next] = waiting;
  if (next === undefined) return false;
  const [owner, own] = next;
  const begin = own.shift();
  waiting.delete(owner);
  if (own.length > 0) waiting.set(owner, own);
  begin?.();
  return true;
}
