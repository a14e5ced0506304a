import { z } from 'zod';

/** Where a statement of an agent has something from: words that stand in a document of the workspace. */
export const CITATION = z.object({
  documentId: z.string(),
  title: z.string().describe('The document’s title, or its first words'),
  quote: z.string().describe('Letter by letter as the document has it'),
  at: z.string().describe('When the document came to be; ISO 8601'),
});
export type Citation = z.output<typeof CITATION>;

/** Something that an agent says, with what bears it out. */
export const STATEMENT = z.object({ text: z.string(), citation: CITATION });
export type Statement = z.output<typeof STATEMENT>;

const DAY = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'long', year: 'numeric', timeZone: 'UTC' });

/** A moment as people write a day: `3 March 2026`. */
export function dayOf(at: Date | string): string {
  return DAY.format(new Date(at));
}

/** `1 document`, `2 documents`. */
export function counted(count: number, one: string, many = `${one}s`): string {
  return `${count.toLocaleString('en-US')} ${count === 1 ? one : many}`;
}

/** `a`, `a and b`, `a, b and c`. */
export function listed(parts: readonly string[]): string {
  return new Intl.ListFormat('en-GB', { type: 'conjunction' }).format(parts);
}

/** Cut at a word where it is longer. */
export function clipped(text: string, characters: number): string {
  if (text.length <= characters) return text;
  const head = text.slice(0, characters - 1).toWellFormed();
  const space = head.lastIndexOf(' ');
  return `${space > characters / 2 ? head.slice(0, space) : head}…`;
}

/** In one line. */
export function inline(text: string): string {
  return text.replace(/\s+/gu, ' ').trim();
}
