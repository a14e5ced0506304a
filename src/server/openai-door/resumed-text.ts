/**
 * A text that its reader gets once, although it may be begun again by another writer. While a new beginning repeats what
 * the reader has, nothing is to be sent; from there on the text goes on.
 */
export class ResumedText {
  /** What the reader has. */
  #sent = '';
  /** Characters of the present writer's text that came so far; less than the reader has while it catches up. */
  #position = 0;

  /**
   * Takes the writer's next piece.
   * @returns what the reader does not have yet, perhaps nothing; null where the piece is not what the reader has
   */
  take(piece: string): string | null {
    if (this.#position === this.#sent.length) return this.#append(piece);
    const known = this.#sent.slice(this.#position, this.#position + piece.length);
    if (!piece.startsWith(known)) return null;
    this.#position += known.length;
    return this.#append(piece.slice(known.length));
  }

  /** Another writer begins from the start. */
  restart(): void {
    this.#position = 0;
  }

  /** Whether the present writer has come as far as the reader: a text that ends before is not the reader's. */
  get caughtUp(): boolean {
    return this.#position === this.#sent.length;
  }

  #append(piece: string): string {
    this.#sent += piece;
    this.#position += piece.length;
    return piece;
  }
}
