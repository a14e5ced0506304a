import type { JsonObject } from '../../../../shared/json.ts';
import { sentences } from '../../../documents/chunking.ts';
import type { Document } from '../../../documents/document.ts';
import type { SignalType } from '../../../insights/signal.ts';
import { attribute, linkedCompany } from './attribution.ts';
import type { Candidate } from './candidate.ts';
import type { CompanyIndex } from './companies.ts';
import { datesIn } from './dates.ts';
import type { Match, Objection, Rule, Sentence } from './finding.ts';
import { objectionTo } from './guards.ts';
import { competitorMentions } from './rules/competitor-mentions.ts';
import { executives, personIn } from './rules/executives.ts';
import { expansions } from './rules/expansions.ts';
import { funding } from './rules/funding.ts';
import { jobPostings } from './rules/job-postings.ts';
import { registerFilings } from './rules/register-filings.ts';
import { technologies } from './rules/technologies.ts';
import { unknownRivals } from './rules/unknown-rivals.ts';
import { besideCompetitor, weakSigns } from './rules/weak-signs.ts';
import { websiteVisits } from './rules/website-visits.ts';

/** What of a text is read: news stands at its beginning. */
const READ_CHARACTERS = 60_000;
const READ_SENTENCES = 600;
const SENTENCE_WORDS = 90;
/** Of one document; the surest are kept. */
const CANDIDATES_MAX = 20;
const QUOTE_CHARACTERS = 500;

const RULES: readonly Rule[] = [
  funding,
  executives,
  jobPostings,
  technologies,
  expansions,
  websiteVisits,
  competitorMentions,
  registerFilings,
];
/** Records of our own work: what they say of roles, sites and systems is about the product. */
const OWN_WORK: ReadonlySet<string> = new Set(['JIRA_ISSUE', 'PULL_REQUEST', 'COMMIT']);

/** Code, logs and paths: their words are names. */
const CODE =
  /File "[^"]+", line \d|(?<!:)\/[\w.-]+\/[\w.-]+\/[\w.-]+\/|\w\(\)|=>|::|[{};]\s*$|\b(?:apt-get|pip install|npm (?:install|run)|docker run|sudo|def \w+\(|import \w+ from)\b/u;

/** A line of analytics is no code, though it is written as such. */
const EVENT =
  /["']?(?:event|page|path|url)["']?\s*[:=]\s*["']?(?:\/|page|visit|view|form|demo|download|trial|session)/iu;

/** How a run reads. */
export interface Reading {
  readonly companies: CompanyIndex;
  readonly competitors: readonly string[];
  /** Names of our own company: what it does is no signal. */
  readonly ourNames: readonly string[];
  readonly types: ReadonlySet<SignalType>;
  readonly horizonDays: number;
  readonly minConfidence: number;
}

/** What a document says, and what of it is no signal. */
export interface Read {
  candidates: Candidate[];
  /** Names of companies that nobody knows, one for each finding; null: it is not told whose it is. */
  unattributed: (string | null)[];
  objections: Objection[];
}

/** The buying signals that a document tells of, by rules alone. */
export function readSignals(document: Document, reading: Reading): Read {
  const read: Read = { candidates: [], unattributed: [], objections: [] };
  const linked = linkedCompany(document, reading.companies);
  const text = textOf(document);
  const all = sentencesOf(text);
  for (const sentence of all) {
    for (const match of matchesIn(sentence, all, reading)) {
      const after = all[sentence.place + 1]?.text ?? '';
      const context = { writtenAt: document.createdAt, horizonDays: reading.horizonDays, after };
      const objection = objectionTo(sentence.text, match, context);
      if (objection !== null) read.objections.push(objection);
      else keep({ document, linked, sentence, all, match }, reading, read);
    }
  }
  read.candidates.sort((left, right) => right.confidence - left.confidence);
  read.candidates.length = Math.min(read.candidates.length, CANDIDATES_MAX);
  return read;
}

/** The title where the text does not begin with it, and the text. */
export function textOf({ title, text }: Pick<Document, 'title' | 'text'>): string {
  const heading = (title ?? '').trim();
  const whole = heading === '' || text.trimStart().startsWith(heading) ? text : `${heading}\n\n${text}`;
  return whole.slice(0, READ_CHARACTERS).toWellFormed();
}

/** Sentences of a text; those that were cut at an abbreviation of the trade are whole again. */
export function sentencesOf(text: string): Sentence[] {
  const read: { start: number; end: number }[] = [];
  for (const { start, end } of sentences(text, SENTENCE_WORDS)) {
    const last = read.at(-1);
    const goesOn =
      last !== undefined &&
      /(?:\b(?:Ltd|Inc|Corp|Co|Mio|Mrd|Plc|Bros|ca|approx|sq|St|incl)\.)$/u.test(text.slice(last.start, last.end));
    if (goesOn && !text.slice(last.end, start).includes('\n')) last.end = end;
    else read.push({ start, end });
    if (read.length > READ_SENTENCES) break;
  }
  return read.map(({ start, end }, place) => ({ text: text.slice(start, end).replace(/\s/gu, ' '), start, place }));
}

function matchesIn(sentence: Sentence, all: readonly Sentence[], { companies, competitors, types }: Reading): Match[] {
  if (CODE.test(sentence.text) && !EVENT.test(sentence.text)) return [];
  const before = all[sentence.place - 1]?.text ?? '';
  const after = all[sentence.place + 1]?.text ?? '';
  const context = { competitors, before, after };
  const sure = RULES.flatMap((rule) => rule(sentence.text, context));
  const found = new Set(sure.map(({ type }) => type));
  const isKnown = (name: string) => companies.mentions(name).length > 0;
  const known = found.has('COMPETITOR_MENTION') ? [] : besideCompetitor(sentence.text, context);
  const isRivalTold = known.length > 0 || found.has('COMPETITOR_MENTION');
  // Whoever is told of beside another signal is a product, a person or an investor.
  const beside = isRivalTold || found.size > 0 ? known : unknownRivals(sentence.text, isKnown);
  const matches = [...sure, ...beside, ...weakSigns(sentence.text, found)].filter(({ type }) => types.has(type));
  const has = (type: SignalType) => matches.some((match) => match.type === type);
  return matches.filter(({ type, facts }) => {
    // A register's lines on directors are filings; a role that is looked for is a vacancy.
    if (type === 'EXECUTIVE_CHANGE')
      return (
        !(
          has('COMPANIES_HOUSE_FILING') && !/(?<!\p{L})(?:chief|ceo|cfo|coo|cto)(?!\p{L})/iu.test(String(facts.role))
        ) && !has('JOB_POSTING')
      );
    // "A charge, secured on a new depot" tells of the charge.
    if (type === 'EXPANSION') return !has('COMPANIES_HOUSE_FILING');
    // "Statement of capital, GBP 1,204": shares of the register, until a round is told of.
    if (type === 'FUNDING_ROUND') return !has('COMPANIES_HOUSE_FILING') || facts.round !== undefined;
    return (
      type !== 'TECHNOLOGY_ADOPTION' ||
      !(has('COMPETITOR_MENTION') || has('COMPANIES_HOUSE_FILING') || has('WEBSITE_ACTIVITY'))
    );
  });
}

interface Kept {
  document: Document;
  linked: string | null;
  sentence: Sentence;
  all: readonly Sentence[];
  match: Match;
}

function keep({ document, linked, sentence, all, match }: Kept, reading: Reading, read: Read): void {
  if (isOurs(document, sentence.text, match, reading)) return;
  const whose = attribute({ sentences: all, sentence, match }, linked, reading.companies);
  if (match.certainty < reading.minConfidence || !isNamedAsNeeded({ sentence, all, match, linked }, reading)) return;
  if (whose.companyId === null) {
    if (!OWN_WORK.has(document.kind)) read.unattributed.push(whose.unknownName);
    return;
  }
  if (reading.companies.company(whose.companyId)?.isCompetitor === true) return;
  const isNamed = reading.companies
    .mentions(sentence.text)
    .some(({ companyIds }) => companyIds.includes(whose.companyId));
  if (OWN_WORK.has(document.kind) && !isNamed) return;
  const confidence = Math.max(0, match.certainty - (isNamed ? 0 : 4));
  if (confidence < reading.minConfidence) return;
  read.candidates.push({
    type: match.type,
    companyId: whose.companyId,
    facts: withoutCompany(match.facts, sentence.text, reading.companies),
    quote: sentence.text.slice(0, QUOTE_CHARACTERS).trim(),
    confidence,
    documentIds: [document.id],
    at: happenedAt(sentence.text, document.createdAt, match).toISOString(),
    by: 'rules',
  });
}

function isNamedAsNeeded(
  { sentence, all, match, linked }: Pick<Kept, 'sentence' | 'all' | 'match' | 'linked'>,
  { companies }: Reading,
): boolean {
  const { start, end, named } = match;
  if (named === undefined || (named === 'beside' && linked !== null)) return true;
  const isNamed = (text: string, within = { start: 0, end: text.length }) =>
    companies
      .mentions(text)
      .some(
        (mention) =>
          mention.start >= within.start &&
          mention.end <= within.end &&
          mention.companyIds.some((id) => companies.company(id)?.isCompetitor !== true),
      );
  if (named === 'within') return isNamed(sentence.text, { start, end });
  return all.slice(Math.max(0, sentence.place - 1), sentence.place + 2).some(({ text }) => isNamed(text));
}

/** A company's name is no part of a role or an advert's title, and where it looks like a person's, the person is another. */
function withoutCompany(found: JsonObject, sentence: string, companies: CompanyIndex): JsonObject {
  const facts = { ...found };
  for (const name of ['role', 'title'] as const) {
    if (typeof facts[name] === 'string') facts[name] = withoutMentions(facts[name], sentence, companies);
  }
  if (typeof facts.person !== 'string' || companies.mentions(facts.person).length === 0) return facts;
  const { person: _, ...others } = facts;
  const rest = companies
    .mentions(sentence)
    .reduceRight((left, { start, end }) => `${left.slice(0, start)};${left.slice(end)}`, sentence);
  const person = personIn(rest);
  return person === null ? others : { ...others, person };
}

/** "Glas digital logistics lead" of Sollmeyer Glas, "director of Calder Valley" of Calder Valley Clinics. */
function withoutMentions(said: string, sentence: string, companies: CompanyIndex): string {
  return companies.mentions(sentence).reduce((left, { start, end }) => {
    const words = sentence.slice(start, end).split(' ');
    const ending = words.map((_, from) => words.slice(from).join(' ')).find((part) => left.startsWith(`${part} `));
    const opening = words
      .map((_, to) => words.slice(0, to + 1).join(' '))
      .toReversed()
      .find((part) => left.endsWith(` of ${part}`) || left.endsWith(` at ${part}`));
    const from = ending === undefined ? 0 : ending.length + 1;
    const plain = left.slice(from, opening === undefined ? undefined : left.length - opening.length - ' of '.length);
    return plain === '' ? left : plain;
  }, said);
}

/** The date told nearest to the words, unless it is to come; else when the text was written. */
export function happenedAt(sentence: string, writtenAt: Date, match: { start: number }): Date {
  const past = datesIn(sentence, writtenAt).filter(
    ({ at, until }) => at <= writtenAt && until.getTime() - at.getTime() < 40 * 86_400_000,
  );
  const nearest = past.sort(
    (left, right) => Math.abs(left.place - match.start) - Math.abs(right.place - match.start),
  )[0];
  return nearest?.at ?? writtenAt;
}

/** Our own adverts, appointments and offices. */
function isOurs(document: Document, sentence: string, match: Match, { ourNames }: Reading): boolean {
  if (ourNames.length === 0 || match.type === 'COMPETITOR_MENTION' || match.type === 'WEBSITE_ACTIVITY') return false;
  const head = sentence.slice(0, match.end + 40);
  if (ourNames.some((name) => head.includes(name))) return true;
  const author = typeof document.source.author === 'string' ? document.source.author : '';
  const isOurAuthor = ourNames.some((name) => author.includes(name));
  return isOurAuthor && /(?<![\p{L}])(?:we|our|us|we['’]re)(?![\p{L}])/iu.test(sentence);
}
