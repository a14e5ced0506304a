import type { JsonValue } from '../../../../shared/json.ts';
import { scoreByLexicon } from '../../../classification/sentiment-lexicon.ts';
import type { Document } from '../../../documents/document.ts';
import type { AgentTools } from '../../agent-tools.ts';
import { activityOf } from '../../evidence/activity.ts';
import { readCompanyDocuments } from '../../evidence/company-documents.ts';
import { type CompanyNames, companyNames, mentions } from '../../evidence/company-names.ts';
import { type EvidenceDocument, evidenceOf, withinStep } from '../../evidence/evidence-document.ts';
import type { NeedKind } from './company-brief.ts';

/** A document about the company, and what it is to whoever talks to the company. */
export interface AboutCompany extends EvidenceDocument {
  /** Whether the company's own people wrote it. */
  isTheirs: boolean;
  /** Whether it is noted of a talk with them: whoever it names is there or spoken of there. */
  isTalk: boolean;
  /** What it says they need; null: it says nothing of the kind. */
  need: NeedKind | null;
}

/** All that a brief is made of; plain JSON. */
export interface CompanyMaterial {
  names: CompanyNames;
  /** The company's own document. */
  own: EvidenceDocument;
  record: Record<string, string | number | boolean>;
  /** Newest first. */
  documents: AboutCompany[];
  found: number;
}

const OWN_SENTENCES = 12;
const SENTENCES = 8;
/** Texts that one call classifies. */
const CLASSIFIED = 200;
const CLASSIFIED_CHARACTERS = 1_000;
/** A label that is less sure is a guess. */
const LEAST_CONFIDENCE = 0.2;
const UPSET_BELOW = -0.3;
const WISH =
  /\b(?:please|would (?:like|love|be (?:nice|great|good|useful|helpful))|we need|i need|we want|i wish|could you|can you add|feature request|is it possible)\b/iu;
const RECORD_FIELDS = 12;
const RECORD_VALUE_CHARACTERS = 120;
/** What the text of a company has already, or nobody reads. */
const NO_RECORD =
  /^(?:id|uuid|name|title|.*name|.*description|about|overview|summary|text|body|.*url|website|logo|.*image)$/iu;

const NEED_OF_INTENT: Readonly<Record<string, NeedKind>> = {
  report_problem: 'complaint',
  complain: 'complaint',
  billing_issue: 'complaint',
  cancel_or_refund: 'complaint',
  account_access: 'complaint',
  request_feature: 'wish',
  ask_pricing: 'interest',
  compare_or_evaluate: 'interest',
  give_praise: 'praise',
};

/** Reads what the workspace has of a company since `after`: the newest `limit` documents of it. */
export async function readMaterial(
  tools: AgentTools,
  company: Document,
  options: { after: Date; limit: number },
): Promise<CompanyMaterial> {
  const names = companyNames(company);
  const all = await readCompanyDocuments(tools, names, options.after);
  const read = all.slice(0, options.limit).map(({ document, isLinked }) => {
    const evidence = evidenceOf(document, SENTENCES, (sentence) => mentions(sentence, names));
    const isSpoken = document.kind === 'FEEDBACK' || document.kind === 'MESSAGE';
    const isAuthor = evidence.author !== null && mentions(evidence.author, names);
    const isTheirs = isAuthor || (isLinked && isSpoken && !isOfAnother(evidence.author));
    const isTalk = isLinked && document.kind === 'TEXT' && activityOf(document) === 'talk';
    return { ...evidence, isTheirs, isTalk, need: null, text: document.text };
  });
  const needs = await needsOf(tools, read);
  const documents = read.map(({ text: _, ...document }, i) => ({ ...document, need: needs[i] ?? null }));
  const kept = withinStep(documents).length;
  const own = evidenceOf(company, OWN_SENTENCES);
  return { names, own, record: recordOf(company), documents: documents.slice(0, kept), found: all.length };
}

/** An author with another organisation behind the name: "Nell Garrowby (Harbourline support)". */
function isOfAnother(author: string | null): boolean {
  return author !== null && /[(,@|–—]/u.test(author);
}

/** What the documents that speak for the company need, by their intent; by their words where that is not told. */
async function needsOf(
  tools: AgentTools,
  documents: readonly { isTheirs: boolean; title: string; text: string }[],
): Promise<(NeedKind | null)[]> {
  const needs: (NeedKind | null)[] = documents.map(() => null);
  const places = [...documents.keys()].filter((place) => documents[place]?.isTheirs).slice(0, CLASSIFIED);
  if (places.length === 0) return needs;
  const texts = places.map((place) => documents[place]?.text.slice(0, CLASSIFIED_CHARACTERS).toWellFormed() ?? '');
  const labels = await tools.classify('intent', texts);
  for (const [i, place] of places.entries()) needs[place] = needOf(texts[i] as string, labels[i] ?? null);
  return needs;
}

/** What a text of a customer asks for. */
export function needOf(text: string, intent: { label: string; confidence: number } | null): NeedKind | null {
  const { score } = scoreByLexicon(text);
  const kind = intent === null || intent.confidence < LEAST_CONFIDENCE ? undefined : NEED_OF_INTENT[intent.label];
  // Thanks for a repair name the fault that was repaired.
  if (kind === 'complaint' && score > -UPSET_BELOW) return null;
  if (kind !== undefined) return kind;
  if (score < UPSET_BELOW) return 'complaint';
  return WISH.test(text) ? 'wish' : null;
}

/** Short values of the company's metadata and source, as they are called there. */
function recordOf({ metadata, source }: Document): CompanyMaterial['record'] {
  const fields: [string, JsonValue][] = [...Object.entries(metadata), ...Object.entries(source)];
  const kept = fields.filter((field): field is [string, string | number | boolean] => {
    const [name, value] = field;
    if (NO_RECORD.test(name)) return false;
    return typeof value === 'string' ? value !== '' && value.length <= RECORD_VALUE_CHARACTERS : isScalar(value);
  });
  return Object.fromEntries(kept.slice(0, RECORD_FIELDS));
}

function isScalar(value: JsonValue): boolean {
  return typeof value === 'number' || typeof value === 'boolean';
}
