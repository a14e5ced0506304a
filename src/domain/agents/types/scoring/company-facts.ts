import type { Document, DocumentKind } from '../../../documents/document.ts';
import type { AgentTools } from '../../agent-tools.ts';
import { companyRecord } from '../../companies/company-record.ts';
import { companySignal, upTo } from '../../companies/company-signal.ts';
import type { WonCompanies } from '../../companies/won-companies.ts';
import { type LikenessScale, wonLikeness } from '../../companies/won-likeness.ts';
import { activityOf } from '../../evidence/activity.ts';
import { type CompanyDocument, readCompanyDocuments } from '../../evidence/company-documents.ts';
import { companyNames } from '../../evidence/company-names.ts';
import { type CompanyFacts, type Contact, moodOf } from './factors.ts';

/** How much a document of a kind says about the two talking to each other. */
const KIND_WEIGHTS: Record<DocumentKind, number> = {
  MESSAGE: 1,
  FEEDBACK: 1,
  TEXT: 0.5,
  JIRA_ISSUE: 0.5,
  PULL_REQUEST: 0.2,
  COMMIT: 0.1,
  COMPANY: 0,
};
/** Where only the text names the company, it may be about something else. */
const MENTION_SHARE = 0.5;
/** Of a company; the newest. */
const CONTACTS = 200;
/** Texts of its people that are asked for their feeling; the newest. */
const FELT_TEXTS = 15;
const FELT_CHARACTERS = 1_500;
const DAY_MS = 86_400_000;

export interface FactsOptions {
  won: WonCompanies;
  scale: LikenessScale | null;
  newestSignalId: string | null;
  now: Date;
  /** How far back documents are read. */
  days: number;
}

/** Reads all that a score stands on; some ten calls, one or two of them of models. Null: the company is gone. */
export async function readFacts(
  tools: AgentTools,
  companyId: string,
  options: FactsOptions,
): Promise<CompanyFacts | null> {
  const { won, scale, newestSignalId, now, days } = options;
  const [company] = await tools.readDocuments([companyId]);
  if (company === undefined) return null;
  const since = new Date(now.getTime() - days * DAY_MS);
  const documents = (await readCompanyDocuments(tools, companyNames(company), since)).filter(
    ({ document }) => document.kind !== 'COMPANY' && document.createdAt <= now,
  );
  const signals = upTo(await tools.readSignals(companyId), newestSignalId);
  return {
    record: companyRecord(company, won.rule),
    signals: signals.map(companySignal),
    likeness: await wonLikeness({ tools }, companyId, won, scale),
    contacts: documents.slice(0, CONTACTS).map(contactOf),
    mood: await feel(tools, documents, now),
  };
}

function contactOf({ document, isLinked }: CompanyDocument): Contact {
  const isTalk = document.kind === 'TEXT' && activityOf(document) === 'talk';
  const weight = (isTalk ? KIND_WEIGHTS.MESSAGE : KIND_WEIGHTS[document.kind]) * (isLinked ? 1 : MENTION_SHARE);
  return { id: document.id, at: document.createdAt.toISOString(), weight };
}

/** What those texts feel like that the company's own people wrote: messages and feedback that its metadata links. */
async function feel(
  tools: AgentTools,
  documents: readonly CompanyDocument[],
  now: Date,
): Promise<CompanyFacts['mood']> {
  const own = documents
    .filter(({ document, isLinked }) => isLinked && (document.kind === 'MESSAGE' || document.kind === 'FEEDBACK'))
    .map(({ document }) => document)
    .slice(0, FELT_TEXTS);
  if (own.length === 0) return null;
  const labels = await tools.classify('sentiment', own.map(feltText));
  const felt = own.flatMap((document, place) => {
    const label = labels[place]?.label;
    return label === undefined ? [] : [{ label, at: document.createdAt.toISOString() }];
  });
  const mood = moodOf(felt, now);
  return mood === null ? null : { ...mood, evidenceIds: own.slice(0, 5).map(({ id }) => id) };
}

function feltText({ text }: Document): string {
  return text.slice(0, FELT_CHARACTERS).toWellFormed();
}
