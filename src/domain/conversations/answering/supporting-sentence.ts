import { sentences } from '../../documents/chunking.ts';
import { tellingStems } from './question.ts';
import { type QuoteSpan, shortened } from './quote.ts';

const SENTENCE_WORDS = 80;

/**
 * The words of a passage that bear a statement out: the sentence that has most of its words; of equal ones the first.
 * A citation of a streamed answer is quoted by it, so that no quote can be made up.
 */
export function supportingSentence(passage: string, statement: string): string {
  const wanted = new Set(tellingStems(statement));
  let best: { span: QuoteSpan; worth: number } | null = null;
  for (const span of sentences(passage, SENTENCE_WORDS)) {
    const terms = new Set(tellingStems(passage.slice(span.start, span.end)));
    const shared = [...terms].filter((term) => wanted.has(term)).length;
    const worth = shared / Math.sqrt(Math.max(1, terms.size));
    if (best === null || worth > best.worth) best = { span, worth };
  }
  const { start, end } = shortened(passage, best?.span ?? { start: 0, end: passage.length });
  return passage.slice(start, end);
}
