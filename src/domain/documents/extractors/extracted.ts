/** What an extractor makes of a source. */
export interface Extracted {
  /** One line without markup, or null where the source names none. */
  readonly title: string | null;
  /** Plain text that carries every field worth searching, the title first; '' where the source has nothing usable. */
  readonly text: string;
}
