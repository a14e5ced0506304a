import { markedText, markerOf } from '../../gateway/marked-texts.ts';
import type { Passage } from './passage.ts';

/** Passages as a model is shown them: numbered, each between lines that nobody who writes one can forge. */
export interface MarkedPassages {
  marker: string;
  text: string;
}

/** @param question what makes the marker this request's own: equal requests have equal ones, for the answer cache */
export function markPassages(question: unknown, passages: readonly Passage[]): MarkedPassages {
  const texts = passages.map(({ title, text }) => {
    const heading = title?.trim().slice(0, TITLE_CHARACTERS) ?? '';
    return heading === '' || text.trimStart().startsWith(heading) ? text : `${heading}\n${text}`;
  });
  const marker = markerOf(['answer', question, texts]);
  const marked = texts.map((text, i) => markedText(marker, `passage ${i + 1}`, text));
  return { marker, text: marked.join('\n\n') };
}

const TITLE_CHARACTERS = 300;
