import { z } from 'zod';
import { PromptFile } from '../../../../shared/prompt-file.ts';
import { storableText } from '../../../../shared/text.ts';
import { CitationMarkers } from '../../../conversations/answering/citation-markers.ts';
import { quotedWords } from '../../../conversations/answering/quote.ts';
import { unknownAnswer } from '../../../conversations/answering/unknown-answer.ts';
import type { Document } from '../../../documents/document.ts';
import { detectLanguage } from '../../../documents/language.ts';
import type { AgentTools, MadeCall, ToolName } from '../../agent-tools.ts';
import { type Citation, clipped, inline } from '../../evidence/citation.ts';
import { titleOf } from '../../evidence/evidence-document.ts';
import { unsaidFigures } from '../../evidence/numbered-passages.ts';

const PROMPT = new PromptFile<never>(new URL('./prompt.md', import.meta.url));
const TOOLS: readonly ToolName[] = ['search', 'read_documents', 'find_company', 'read_signals'];

const SHAPE = z.object({
  answered: z.boolean(),
  missing: z.array(z.string()),
  answer: z.string(),
  citations: z.array(z.object({ documentId: z.string(), quote: z.string() })),
  confidence: z.number(),
});

const ANSWER_CHARACTERS = 6_000;
const CITATIONS = 30;
/** Parts that are not answered, and how long one is. */
const MISSING = 6;
const MISSING_CHARACTERS = 300;

/** What a model has found and written; plain JSON. */
export interface Written {
  value: z.output<typeof SHAPE>;
  calls: MadeCall[];
}

/** What of it holds; plain JSON. */
export interface CheckedAnswer {
  text: string;
  isKnown: boolean;
  /** What of the question is not answered; all of it where nothing is. */
  unknown: string[];
  confidence: number;
  citations: Citation[];
  /** Citations of what the run has not read, or that do not stand there. */
  dropped: number;
  /** Figures and addresses of the answer that stand in no document which it cites. */
  toCheck: string[];
  searches: string[];
}

/** Has the model look around by itself, and answer from what it has read. */
export async function writeAnswer(tools: AgentTools, question: string, maxRounds: number): Promise<Written> {
  const asked = { prompt: PROMPT.fill({}), question, tools: TOOLS, name: 'answer', schema: SHAPE, maxRounds };
  const { value, calls } = await tools.writeWithTools(asked);
  return { value, calls };
}

/**
 * Keeps of an answer what stands in documents that were really read for it.
 * @param askedIn the document that asks the question, which answers nothing; null: none does
 */
export async function checkAnswer(
  tools: AgentTools,
  { question, askedIn }: { question: string; askedIn: string | null },
  { value, calls }: Written,
): Promise<CheckedAnswer> {
  const said = value.citations.slice(0, CITATIONS);
  const read = await readIn(tools, calls, new Set(said.map(({ documentId }) => documentId)));
  const citations: Citation[] = [];
  const places = said.map(({ documentId, quote }): number | null => {
    const document = documentId === askedIn ? undefined : read.get(documentId);
    const words = document === undefined ? null : quotedWords(document.text, quote);
    if (document === undefined || words === null) return null;
    const known = citations.findIndex((each) => each.documentId === documentId && each.quote === words);
    const at = document.createdAt.toISOString();
    return known === -1 ? citations.push({ documentId, title: titleOf(document), quote: words, at }) : known + 1;
  });
  const markers = new CitationMarkers((number) => places[number - 1] ?? null);
  const text = storableText(markers.push(value.answer) + markers.flush())
    .trim()
    .slice(0, ANSWER_CHARACTERS);
  const isKnown = value.answered && citations.length > 0 && text !== '';
  const searches = calls.flatMap(({ arguments: { query } }) => (typeof query === 'string' ? [query] : []));
  const dropped = value.citations.length - places.filter((place) => place !== null).length;
  if (!isKnown) {
    const unknown = unknownAnswer(await detectLanguage(question));
    return {
      text: unknown,
      isKnown,
      unknown: [question],
      confidence: 0,
      citations: [],
      dropped,
      toCheck: [],
      searches,
    };
  }
  const sources = [
    question,
    ...citations.flatMap(({ documentId, title, at }) => [read.get(documentId)?.text ?? '', title, at.slice(0, 10)]),
  ];
  const toCheck = unsaidFigures(text.replace(/\[\d+\]/g, ''), sources);
  const own = Math.min(1, Math.max(0, Number.isFinite(value.confidence) ? value.confidence : 0));
  const kept = citations.length / (citations.length + dropped);
  const confidence = Number((own * kept * (toCheck.length > 0 ? 0.5 : 1)).toFixed(3));
  const missing = value.missing.map((part) => clipped(inline(storableText(part)), MISSING_CHARACTERS));
  const unknown = missing.filter((part) => part !== '').slice(0, MISSING);
  return { text, isKnown, unknown, confidence, citations, dropped, toCheck, searches };
}

/** The cited documents that the calls of a run have brought. */
async function readIn(
  tools: AgentTools,
  calls: Written['calls'],
  cited: ReadonlySet<string>,
): Promise<Map<string, Document>> {
  const brought = new Set(calls.flatMap(({ documentIds }) => documentIds));
  const documents = await tools.readDocuments([...cited].filter((id) => brought.has(id)));
  return new Map(documents.map((document) => [document.id, document]));
}
