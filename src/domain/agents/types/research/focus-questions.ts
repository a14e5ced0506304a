import { readQuestion, tellingStems } from '../../../conversations/answering/question.ts';
import { EXTRACTIVE_MODEL } from '../../../summaries/summary.ts';
import type { AgentTools } from '../../agent-tools.ts';
import { inline } from '../../evidence/citation.ts';
import { cite } from '../../evidence/evidence-document.ts';
import type { FocusAnswer } from './company-brief.ts';
import type { CompanyMaterial } from './material.ts';

/**
 * Asks a question about the company. What documents say that have nothing to do with the company is no answer: the words
 * of the others stand alone then.
 */
export async function askAbout(tools: AgentTools, material: CompanyMaterial, question: string): Promise<FocusAnswer> {
  const { name } = material.names;
  const asked = question.includes(name) ? question : `${question} (${name})`;
  const { text, citations, model } = await tools.ask(asked);
  const known = new Map([material.own, ...material.documents].map((document) => [document.id, document]));
  const named = new Set(tellingStems(name));
  const wanted = [...readQuestion(question).terms].filter((term) => !named.has(term));
  const kept = citations.flatMap(({ documentId, quote }) => {
    const document = known.get(documentId);
    // Its name alone makes a sentence like a question about the company.
    const isAnswer = model !== EXTRACTIVE_MODEL || hasOneOf(quote, wanted);
    return document === undefined || !isAnswer ? [] : [cite(document, quote)];
  });
  if (kept.length === 0) return { question, answer: null, citations: [] };
  const answer =
    kept.length === citations.length ? text : kept.map(({ quote }, i) => `${inline(quote)} [${i + 1}]`).join(' ');
  return { question, answer, citations: kept };
}

function hasOneOf(quote: string, wanted: readonly string[]): boolean {
  const stems = new Set(tellingStems(quote));
  return wanted.length === 0 || wanted.some((term) => stems.has(term));
}
