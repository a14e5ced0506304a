import { z } from 'zod';
import type { JsonObject } from '../../../../shared/json.ts';
import { PromptFile } from '../../../../shared/prompt-file.ts';
import { storableText } from '../../../../shared/text.ts';
import { CitationMarkers } from '../../../conversations/answering/citation-markers.ts';
import { quotedWords } from '../../../conversations/answering/quote.ts';
import { unknownAnswer } from '../../../conversations/answering/unknown-answer.ts';
import { DOCUMENT_KINDS, type Document, type DocumentKind } from '../../../documents/document.ts';
import { detectLanguage } from '../../../documents/language.ts';
import type { AgentTools, ToolName } from '../../agent-tools.ts';
import type { Citation } from '../../evidence/citation.ts';
import { titleOf } from '../../evidence/evidence-document.ts';
import { unsaidFigures } from '../../evidence/numbered-passages.ts';

const PROMPT = new PromptFile<never>(new URL('./prompt.md', import.meta.url));
const TOOLS: readonly ToolName[] = ['search', 'read_documents', 'find_company', 'read_signals'];

const SHAPE = z.object({
  answered: z.boolean(),
  answer: z.string(),
  citations: z.array(z.object({ documentId: z.string(), quote: z.string() })),
  confidence: z.number(),
});

const ANSWER_CHARACTERS = 6_000;
const CITATIONS = 30;
/** Searches that are looked through again for what was cited from them. */
const SEARCHES = 10;
const READ_AT_ONCE = 200;

/** What a model has found and written; plain JSON. */
export interface Written {
  value: z.output<typeof SHAPE>;
  calls: { tool: string; arguments: JsonObject }[];
}

/** What of it holds; plain JSON. */
export interface CheckedAnswer {
  text: string;
  isKnown: boolean;
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
    return { text: unknown, isKnown, confidence: 0, citations: [], dropped, toCheck: [], searches };
  }
  const sources = [
    question,
    ...citations.flatMap(({ documentId, title, at }) => [read.get(documentId)?.text ?? '', title, at.slice(0, 10)]),
  ];
  const toCheck = unsaidFigures(text.replace(/\[\d+\]/g, ''), sources);
  const own = Math.min(1, Math.max(0, Number.isFinite(value.confidence) ? value.confidence : 0));
  const kept = citations.length / (citations.length + dropped);
  const confidence = own * kept * (toCheck.length > 0 ? 0.5 : 1);
  return { text, isKnown, confidence, citations, dropped, toCheck, searches };
}

/** The cited documents that the calls of a run have brought: read by id, found as a company, or found by a search. */
async function readIn(
  tools: AgentTools,
  calls: Written['calls'],
  cited: ReadonlySet<string>,
): Promise<Map<string, Document>> {
  const brought = new Set<string>();
  for (const { tool, arguments: given } of calls) {
    if (tool !== 'read_documents' || !Array.isArray(given.ids)) continue;
    for (const id of given.ids) if (typeof id === 'string') brought.add(id);
  }
  const isMissing = () => [...cited].some((id) => !brought.has(id));
  for (const { tool, arguments: given } of calls.slice(0, SEARCHES)) {
    if (!isMissing()) break;
    if (tool === 'search') for (const id of await searchedAgain(tools, given)) brought.add(id);
    if (tool !== 'find_company' || typeof given.company !== 'string') continue;
    const company = await tools.findCompany(given.company);
    if (company !== null) brought.add(company.id);
  }
  const wanted = [...cited].filter((id) => brought.has(id)).slice(0, READ_AT_ONCE);
  const documents = wanted.length === 0 ? [] : await tools.readDocuments(wanted);
  return new Map(documents.map((document) => [document.id, document]));
}

async function searchedAgain(tools: AgentTools, { query, first, kinds }: JsonObject): Promise<string[]> {
  if (typeof query !== 'string') return [];
  const known = Array.isArray(kinds) ? DOCUMENT_KINDS.filter((kind: DocumentKind) => kinds.includes(kind)) : null;
  const found = await tools.search(query, { first: typeof first === 'number' ? first : 10, filter: { kinds: known } });
  return found.map(({ document }) => document.id);
}
