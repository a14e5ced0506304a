import { setImmediate as nextTurn } from 'node:timers/promises';
import { z } from 'zod';
import { PromptFile } from '../../../../shared/prompt-file.ts';
import type { Document } from '../../../documents/document.ts';
import { SIGNAL_TYPES } from '../../../insights/signal.ts';
import type { AgentTools } from '../../agent-tools.ts';
import { attribute, linkedCompany } from './attribution.ts';
import type { Candidate } from './candidate.ts';
import type { Match, Sentence } from './finding.ts';
import { objectionTo } from './guards.ts';
import { happenedAt, type Read, type Reading, readSignals, sentencesOf, textOf } from './read-signals.ts';

const PROMPT = new PromptFile<'competitors' | 'horizonDays'>(new URL('./prompt.md', import.meta.url));
/** Documents in one question. */
export const ASKED_DOCUMENTS = 10;
/** Of each document. */
const ASKED_CHARACTERS = 6_000;
/** What nobody but the model has seen is at most so sure. */
const MODEL_ONLY_CONFIDENCE = 75;
/** A rule's finding that the model does not share. */
const UNCONFIRMED = 0.75;
const OUTPUT_TOKENS = 4_000;

const FACT_OF = {
  FUNDING_ROUND: 'round',
  EXECUTIVE_CHANGE: 'role',
  JOB_POSTING: 'title',
  TECHNOLOGY_ADOPTION: 'technology',
  EXPANSION: 'place',
  WEBSITE_ACTIVITY: 'page',
  COMPETITOR_MENTION: 'competitor',
  COMPANIES_HOUSE_FILING: 'form',
} as const;

/** What a model and the rules say together. */
export interface ModelRead extends Read {
  /** Findings of the model that did not stand up to a check. */
  dropped: number;
}

type Said = {
  document: string;
  type: (typeof SIGNAL_TYPES)[number];
  company: string;
  quote: string;
  confidence: number;
  detail: string;
};

/**
 * Asks the model about up to ten documents and checks each of its findings: the quote has to stand in the document, the
 * guards have to let it pass, and its company has to be found as for the rules. The rules' own findings are a second
 * opinion, in both directions.
 * @throws what the tools throw
 */
export async function readWithModel(
  documents: readonly Document[],
  reading: Reading,
  tools: AgentTools,
): Promise<ModelRead> {
  const keys = documents.map((_, place) => `d${place + 1}`);
  const schema = z.object({
    signals: z.array(
      z.object({
        document: z.enum(keys),
        type: z.enum(SIGNAL_TYPES),
        company: z.string(),
        quote: z.string(),
        confidence: z.number(),
        detail: z.string(),
      }),
    ),
  });
  const { signals } = await tools.write({
    prompt: PROMPT.fill({
      competitors: reading.competitors.slice(0, 50).join(', ') || 'none',
      horizonDays: String(reading.horizonDays),
    }),
    texts: documents.map((document, place) => ({
      name: keys[place] as string,
      text: textOf(document).slice(0, ASKED_CHARACTERS).toWellFormed(),
    })),
    name: 'signals',
    schema,
    maxOutputTokens: OUTPUT_TOKENS,
  });
  const read: ModelRead = { candidates: [], unattributed: [], objections: [], dropped: 0 };
  for (const [place, document] of documents.entries()) {
    const said = signals.filter((signal) => signal.document === keys[place]).slice(0, 20);
    addDocument(document, said, reading, read);
    await nextTurn();
  }
  return read;
}

function addDocument(document: Document, said: readonly Said[], reading: Reading, read: ModelRead): void {
  const byRules = readSignals(document, reading);
  const confirmed = new Set<Candidate>();
  for (const signal of said) {
    const found = verified(document, signal, reading);
    if (found === null || found === 'unattributed') {
      if (found === null) read.dropped += 1;
      else read.unattributed.push(signal.company || null);
      continue;
    }
    const same = byRules.candidates.find(({ type, companyId }) => type === found.type && companyId === found.companyId);
    if (same === undefined) {
      if (found.confidence >= reading.minConfidence) read.candidates.push(found);
      continue;
    }
    confirmed.add(same);
  }
  for (const candidate of byRules.candidates) {
    const isConfirmed = confirmed.has(candidate);
    const confidence = isConfirmed
      ? Math.min(98, candidate.confidence + 10)
      : Math.round(candidate.confidence * UNCONFIRMED);
    if (confidence >= reading.minConfidence)
      read.candidates.push({ ...candidate, confidence, by: isConfirmed ? 'both' : 'rules' });
  }
  read.unattributed.push(...byRules.unattributed);
  read.objections.push(...byRules.objections);
}

/** A finding of the model as a candidate; null: it does not stand up; `unattributed`: nobody knows the company. */
function verified(document: Document, signal: Said, reading: Reading): Candidate | 'unattributed' | null {
  if (!reading.types.has(signal.type)) return null;
  const all = sentencesOf(textOf(document));
  const sentence = sentenceOf(signal.quote, all);
  if (sentence === null) return null;
  const fact = signal.detail.trim().slice(0, 120);
  const match: Match = {
    type: signal.type,
    facts: fact === '' ? {} : { [FACT_OF[signal.type]]: fact },
    start: Math.floor(sentence.text.length / 2),
    end: sentence.text.length,
    certainty: Math.max(0, Math.min(MODEL_ONLY_CONFIDENCE, signal.confidence)),
    allows: signal.type === 'COMPETITOR_MENTION' ? ['question', 'hypothetical', 'negated'] : [],
  };
  const after = all[sentence.place + 1]?.text ?? '';
  const context = { writtenAt: document.createdAt, horizonDays: reading.horizonDays, after };
  if (objectionTo(sentence.text, match, context) !== null) return null;
  const companyId = companyOf(document, signal, { sentences: all, sentence, match }, reading);
  if (companyId === null) return 'unattributed';
  return {
    type: signal.type,
    companyId,
    facts: match.facts,
    quote: sentence.text.slice(0, 500).trim(),
    confidence: Math.round(match.certainty),
    documentIds: [document.id],
    at: happenedAt(sentence.text, document.createdAt, match).toISOString(),
    by: 'model',
  };
}

/** The sentence in which a quote stands; white space aside it has to be the document's own words. */
function sentenceOf(quote: string, all: readonly Sentence[]): Sentence | null {
  const wanted = plain(quote);
  if (wanted.length < 12) return null;
  const within = all.find(({ text }) => plain(text).includes(wanted));
  if (within !== undefined) return within;
  return all.find(({ text, place }) => plain(`${text} ${all[place + 1]?.text ?? ''}`).includes(wanted)) ?? null;
}

function plain(text: string): string {
  return text.replace(/\s+/gu, ' ').trim();
}

/** The company that the model names has to stand in the document, or be the one that it is filed under. */
function companyOf(
  document: Document,
  { company }: Said,
  at: Parameters<typeof attribute>[0],
  { companies }: Reading,
): string | null {
  const linked = linkedCompany(document, companies);
  const named =
    companies.find(company)?.id ?? only(companies.mentions(company).flatMap(({ companyIds }) => companyIds));
  if (company.trim() !== '' && named === null) return null;
  if (named === null) return attribute(at, linked, companies).companyId;
  const isTold = companies.mentions(textOf(document)).some(({ companyIds }) => companyIds.includes(named));
  return isTold || named === linked ? named : null;
}

function only(ids: readonly string[]): string | null {
  const distinct = new Set(ids);
  return distinct.size === 1 ? (ids[0] as string) : null;
}
