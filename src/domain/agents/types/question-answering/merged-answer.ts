import { CitationMarkers } from '../../../conversations/answering/citation-markers.ts';
import { type Citation, inline } from '../../evidence/citation.ts';
import type { QuestionPart } from './question-parts.ts';

/** What became of one part of a question; plain JSON. */
export interface AnsweredPart {
  /** What was asked. */
  asked: string;
  /** With markers, `[1]` being the first of its citations. */
  text: string;
  confidence: number;
  citations: { documentId: string; quote: string }[];
  followUpQuestions: string[];
  model: string;
}

/** Several answers as one. */
export interface MergedAnswer {
  text: string;
  isKnown: boolean;
  confidence: number;
  citations: Citation[];
  /** Parts that nothing answers. */
  unknown: string[];
}

/** Said where all that answers the question was deleted meanwhile. */
const GONE = 'What answered this is not in the workspace any more.';

/** Whether anything was found: what is not known cites nothing. */
export function isKnown({ citations }: Pick<AnsweredPart, 'citations'>): boolean {
  return citations.length > 0;
}

/**
 * Puts the answers of a question's parts together, with their citations numbered through. What nothing answers is said last.
 * @param sources titles and times of the documents that are cited; a citation of another one goes, with its marker
 */
export function mergeAnswers(
  answers: readonly { part: QuestionPart; answer: AnsweredPart }[],
  sources: ReadonlyMap<string, Pick<Citation, 'title' | 'at'>>,
): MergedAnswer {
  const citations: Citation[] = [];
  const ordinalOf = ({ documentId, quote }: AnsweredPart['citations'][number]): number | null => {
    const source = sources.get(documentId);
    if (source === undefined) return null;
    const known = citations.findIndex((each) => each.documentId === documentId && each.quote === quote);
    return known === -1 ? citations.push({ documentId, title: source.title, quote, at: source.at }) : known + 1;
  };
  const known = answers.filter(({ answer }) => isKnown(answer));
  const told = [...known, ...answers.filter(({ answer }) => !isKnown(answer))];
  const texts = told.map(({ part, answer }) => {
    const markers = new CitationMarkers((number) => {
      const citation = answer.citations[number - 1];
      return citation === undefined ? null : ordinalOf(citation);
    });
    const text = inline(markers.push(answer.text) + markers.flush());
    if (answers.length === 1) return text;
    if (!isKnown(answer)) return `Not known: ${part.text}`;
    return part.subject === null ? text : `${part.subject}: ${text}`;
  });
  if (citations.length === 0 && known.length > 0) texts.splice(0, texts.length, GONE);
  const confidences = known.map(({ answer }) => answer.confidence);
  return {
    // One sentence may answer two parts.
    text: [...new Set(texts)].join(' '),
    isKnown: known.length > 0 && citations.length > 0,
    // All parts have to hold, and each that is missing leaves the question half answered.
    confidence:
      known.length === 0 ? 0 : Number(((Math.min(...confidences) * known.length) / answers.length).toFixed(3)),
    citations,
    unknown: answers.filter(({ answer }) => !isKnown(answer)).map(({ part }) => part.text),
  };
}
