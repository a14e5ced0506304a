/** `Author: Jo Field`, `Status: In progress`: a few words that are no sentence, behind what they are. */
const FIELD_LINE = /^\p{Lu}[\p{L} ]{1,30}:[ \t]+\S+(?:[ \t]+\S+){0,5}(?<![.!?])[ \t]*$/gmu;

/** A text with its lines of fields empty: they say of whom and what it is, not what it says. */
export function withoutFieldLines(text: string): string {
  return text.replace(FIELD_LINE, '\n');
}
