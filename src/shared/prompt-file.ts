import { readFileSync } from 'node:fs';

/** A prompt that lies as Markdown beside the code that uses it. What stands in `{{two braces}}` is filled in. */
export class PromptFile<Name extends string> {
  readonly #text: string;

  /** Read at once: a missing file stops the start, not the first call. */
  constructor(url: URL) {
    this.#text = readFileSync(url, 'utf8').trim();
  }

  /** What is filled in is not looked through for braces of its own. */
  fill(values: Readonly<Record<Name, string>>): string {
    return this.#text.replace(/\{\{(\w+)\}\}/g, (_, name: string) => {
      if (!Object.hasOwn(values, name)) throw new ReferenceError(`the prompt wants "${name}", which nobody gave`);
      return values[name as Name];
    });
  }
}
