/** Of all that a memory holds. */
const MAX_CHARACTERS = 8 * 1024 * 1024;

/**
 * What a vendor wants back, word for word, when a model's tool calls are answered, and what the contract's messages have
 * no place for: signed reasoning. Kept by the id of a call, for the model that wrote it; the oldest go first. A turn that
 * is not known here (another server made it) goes out without.
 */
export class TurnMemory<Value> {
  readonly #turns = new Map<string, { value: Value; characters: number }>();
  #characters = 0;

  remember(model: string, callId: string, value: Value): void {
    const key = `${model} ${callId}`;
    const characters = JSON.stringify(value).length + key.length;
    if (characters > MAX_CHARACTERS) return;
    this.#forget(key);
    this.#turns.set(key, { value, characters });
    this.#characters += characters;
    for (const oldest of this.#turns.keys()) {
      if (this.#characters <= MAX_CHARACTERS) break;
      this.#forget(oldest);
    }
  }

  recall(model: string, callId: string): Value | undefined {
    return this.#turns.get(`${model} ${callId}`)?.value;
  }

  clear(): void {
    this.#turns.clear();
    this.#characters = 0;
  }

  #forget(key: string): void {
    this.#characters -= this.#turns.get(key)?.characters ?? 0;
    this.#turns.delete(key);
  }
}
