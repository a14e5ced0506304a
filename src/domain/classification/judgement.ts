import type { CorrectedDocument } from './classification-store.ts';
import type { ClassifierInput } from './embedding-classifier.ts';
import type { Verdict } from './learned-classifier.ts';
import type { Taxonomy } from './taxonomy.ts';

/** A text to be judged, in the words that it has. */
export type TextInput = Omit<ClassifierInput, 'vector'> & {
  /** Absent: no document, and nothing that is stored. */
  readonly documentId?: string;
};

/** What texts are judged by. */
export interface Lesson {
  readonly taxonomy: Taxonomy;
  /** What people have said, the newest first. */
  readonly corrections: readonly CorrectedDocument[];
}

/** A verdict, and the id of the model that gave it. */
export interface Judgement {
  readonly verdict: Verdict;
  readonly model: string;
}

/** What became of some texts. */
export interface Judgements {
  /** In the order of the texts; null: not judged. */
  readonly judged: readonly (Judgement | null)[];
  /** Why there are some that were not; null where there are none. */
  readonly failure: unknown;
}
