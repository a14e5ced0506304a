import type { JsonValue } from '../../../../shared/json.ts';
import type { Document } from '../../../documents/document.ts';
import { type CompanyIndex, type Mention, namedSubject } from './companies.ts';
import type { Match, Sentence } from './finding.ts';
import { personIn } from './rules/executives.ts';

/** Whose signal it is: a company, or who it seems to be that is no known one. */
export type Attribution = { companyId: string } | { companyId: null; unknownName: string | null };

/** Where a finding stands. */
export interface FoundAt {
  readonly sentences: readonly Sentence[];
  readonly sentence: Sentence;
  readonly match: Match;
}

const LINKS = [
  'company',
  'companyId',
  'companyExternalId',
  'company_id',
  'account',
  'accountId',
  'organisation',
  'organization',
  'customer',
  'prospect',
  'client',
  'companyName',
  'company_name',
  'accountName',
  'account_name',
  'companyDomain',
  'company_domain',
  'domain',
  'website',
];
/** Who wrote it: the address says for whom. */
const WRITERS = ['from', 'author', 'authorEmail', 'sender', 'email', 'contactEmail', 'contact', 'visitor'];
/** "Acme's rival Globex": the first is not who does it. */
const BELONGING =
  /^(?:['’]s?)? (?:\p{L}+ )?(?:competitors?|rivals?|suppliers?|customers?|clients?|investors?|partners?|landlords?|neighbours?|parent|owner|lenders?|vendors?|peer|counterparts?|auditors?|agency|konkurrent\p{L}*|concurrents?)(?!\p{L})/iu;
/** Before a name that is not who does it. */
const OBLIQUE =
  /(?:unlike|like|competitors?(?: of| to)?|rivals?(?: of| to)?|than|customer of|supplier to|from|against|alongside|formerly (?:of|at)|previously (?:of|at|with)|ex-?|former|leaves|left|leaving|alumni of|backed by|led by|according to|with) (?:the )?$/iu;
const PRONOUN =
  /(?<![\p{L}])(?:they|it|the (?:company|firm|business|startup|start-up|team|retailer|group|manufacturer|maker|board|prospect|customer|account|client)|its|their|we|our|us|das unternehmen|die firma|l['’]entreprise|la société)(?![\p{L}])/iu;

/** Whom a document is about by its links; null: nobody, or somebody unknown. */
export function linkedCompany(document: Document, companies: CompanyIndex): string | null {
  if (document.kind === 'COMPANY') return companies.company(document.id)?.id ?? null;
  for (const link of LINKS) {
    for (const place of [document.metadata, document.source]) {
      for (const reference of referencesIn(place[link])) {
        const found = companies.find(reference) ?? companies.find(`company-${reference}`);
        if (found !== null) return found.id;
      }
    }
  }
  for (const writer of WRITERS) {
    for (const place of [document.metadata, document.source]) {
      const host =
        typeof place[writer] === 'string' ? /@((?:[\w-]+\.)+[a-z]{2,12})/iu.exec(place[writer])?.[1] : undefined;
      const found = host === undefined ? null : companies.find(host);
      if (found !== null) return found.id;
    }
  }
  return null;
}

function referencesIn(value: JsonValue | undefined): string[] {
  if (typeof value === 'string' && value !== '') return [value];
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return [];
  return [value.id, value.externalId, value.name, value.domain, value.website].filter(
    (each) => typeof each === 'string',
  );
}

/** The company of a finding, from who stands where in its sentence and before it; where two could be meant, none. */
export function attribute(at: FoundAt, linked: string | null, companies: CompanyIndex): Attribution {
  const { sentence, match } = at;
  const mentions = companies
    .mentions(sentence.text)
    .filter((mention) => isSubject(sentence.text, mention, companies, match));
  const before = mentions.filter(({ end }) => end <= match.start);
  const subject = unknownSubject(at, companies);
  const given = isGiven(match, sentence.text) ? mentions.find(({ start }) => start >= match.end) : undefined;
  const near = given ?? before.at(-1) ?? mentions.find(({ start }) => start >= match.start);
  if (subject !== null && !isCovered(subject, before, linked, companies)) {
    return { companyId: null, unknownName: subject.name };
  }
  // "We are hiring for the Acme account": Acme is what we do it for.
  if (
    near !== undefined &&
    linked === null &&
    near.start >= match.end &&
    isOurOwn(at) &&
    !isJoined(near, sentence.text)
  )
    return { companyId: null, unknownName: null };
  if (near !== undefined) return ofMention(chosen(near, mentions, match, sentence.text), linked);
  return earlier(at, linked, companies);
}

/** How a sentence begins that does not say whom it is of. */
const NO_SUBJECT = /^(?:\p{Lu}\p{Ll}+ly|Runs|Makes|Sells|Builds|Owns|Operates|Employs|Plans|Wants|Needs|Uses|Buys)$/u;

/** Who is said to do it just before the words that say so, where that is no known company and no person. */
function unknownSubject({ sentence, match }: FoundAt, companies: CompanyIndex): { name: string; start: number } | null {
  if (match.type === 'COMPETITOR_MENTION' || match.type === 'WEBSITE_ACTIVITY' || isGiven(match, sentence.text))
    return null;
  const subject = namedSubject(sentence.text, match.start);
  if (subject === null) return null;
  const known = companies
    .mentions(sentence.text)
    .some(({ start, end }) => start < subject.start + subject.name.length + 4 && end > subject.start);
  if (known || subject.name.length < 3 || /^\p{Ll}/u.test(subject.name) || NO_SUBJECT.test(subject.name)) return null;
  if (
    /(?:ex-|former |from |at |of |by |in |into |near |outside |across |around |to |with |via |on |than |versus |[Ii]n |[Aa]t |[Ff]rom |[Ff]or |[Aa]fter |[Ff]ollowing |[Ww]ith |(?:in|to|of|from|near) the |[Vv]o[nm] |[Bb]eim? |[Mm]it |[Aa]us |[Nn]ach |(?:von|bei|mit|aus|in) de[rmn] |de |du |chez |avec )$/u.test(
      sentence.text.slice(0, subject.start),
    )
  )
    return null;
  if (match.type === 'COMPANIES_HOUSE_FILING' && companies.mentions(sentence.text).length > 0) return null;
  // "Fiona leaves as MD"
  if (match.type === 'EXECUTIVE_CHANGE' && !/[ \d]/u.test(subject.name) && match.facts.change === 'departure')
    return null;
  if (personIn(subject.name) !== null && match.type === 'EXECUTIVE_CHANGE') return null;
  if (
    /(?<![\p{L}])(?:CEO|CFO|COO|CTO|CMO|CIO|CRO|MD|VP|HR|Director|Chief|Head|President|Chair\p{L}*|Officer|Board|Companies House|ERP|CRM|Website|Founder|Series|Round|Standort|Geschäftsführer\p{L}*|SAP|AWS)(?![\p{L}])/u.test(
      subject.name,
    )
  )
    return null;
  return match.type === 'COMPANIES_HOUSE_FILING' && match.start - subject.start < 2 ? null : subject;
}

/** Whether "we" do it, of whom nobody knows who they are. */
function isOurOwn({ sentence, match }: FoundAt): boolean {
  if (
    match.type === 'COMPETITOR_MENTION' ||
    match.type === 'WEBSITE_ACTIVITY' ||
    match.type === 'COMPANIES_HOUSE_FILING'
  )
    return false;
  return /(?<![\p{L}])(?:[Ww]e|[Oo]ur|I)(?:['’]\p{L}+)?(?![\p{L}])[^,;:]{0,40}$/u.test(
    sentence.text.slice(0, match.end),
  );
}

/** "I am starting at Tarn", "we look for an analyst to join Tarn": who says it is of that company. */
function isJoined({ start }: Mention, sentence: string): boolean {
  return /(?<![\p{L}])(?:at|join|joining|joined|bei|chez)(?: the| our friends at| us at)? $/iu.test(
    sentence.slice(Math.max(0, start - 30), start),
  );
}

/** An investor backs, a company is backed: who stands after the verb has the money. */
function isGiven({ type, start, end }: Match, sentence: string): boolean {
  return (
    type === 'FUNDING_ROUND' &&
    /^(?:(?:majority|minority|controlling) (?:stake|shareholding)|invest|back|led|lead|co-led|inject|pump|pour|pl(?:ough|ow)|put|participat)/iu.test(
      sentence.slice(start, end),
    )
  );
}

/** Whether an unknown name is only part of how the known one is told of. */
function isCovered(
  subject: { name: string; start: number },
  before: readonly Mention[],
  linked: string | null,
  companies: CompanyIndex,
): boolean {
  const nearest = before.at(-1);
  if (nearest !== undefined && nearest.end > subject.start) return true;
  const company = linked === null ? undefined : companies.company(linked);
  const first = subject.name.split(' ')[0]?.toLowerCase() ?? '';
  return company?.name.toLowerCase().startsWith(first) === true && first.length > 2;
}

function isSubject(sentence: string, mention: Mention, companies: CompanyIndex, match: Match): boolean {
  const isRival = match.type === 'COMPETITOR_MENTION' && mention.start < match.end && mention.end > match.start;
  if (
    isRival ||
    mention.companyIds.every(
      (id) => companies.company(id)?.isCompetitor === true && match.type === 'COMPETITOR_MENTION',
    )
  )
    return false;
  if (BELONGING.test(sentence.slice(mention.end))) return false;
  const before = sentence.slice(Math.max(0, mention.start - 30), mention.start);
  const isVisitor =
    match.type === 'WEBSITE_ACTIVITY' || match.type === 'COMPETITOR_MENTION' || match.type === 'COMPANIES_HOUSE_FILING';
  return isVisitor || !OBLIQUE.test(before);
}

/** Somebody who is appointed joins the company after "at", "of" or "joins". */
function chosen(near: Mention, mentions: readonly Mention[], match: Match, sentence: string): Mention {
  if (match.type !== 'EXECUTIVE_CHANGE') return near;
  const joined = mentions.find(({ start }) =>
    /(?:joins?|joined|joining|at|of|chez|bei) (?:the )?$/iu.test(sentence.slice(Math.max(0, start - 14), start)),
  );
  return joined ?? near;
}

function ofMention({ companyIds }: Mention, linked: string | null): Attribution {
  if (companyIds.length === 1) return { companyId: companyIds[0] as string };
  const isLinked = linked !== null && companyIds.includes(linked);
  return isLinked ? { companyId: linked } : { companyId: null, unknownName: null };
}

/** The sentence names nobody: the one told of before it, the linked one, or the only one in the text. */
function earlier({ sentences, sentence, match }: FoundAt, linked: string | null, companies: CompanyIndex): Attribution {
  if (linked !== null) return { companyId: linked };
  const isOf = (mention: Mention) =>
    mention.companyIds.length === 1 &&
    !(companies.company(mention.companyIds[0] as string)?.isCompetitor && match.type === 'COMPETITOR_MENTION');
  for (let place = sentence.place - 1; place >= Math.max(0, sentence.place - 4); place--) {
    const ids = new Set(
      companies
        .mentions((sentences[place] as Sentence).text)
        .filter(isOf)
        .map(({ companyIds }) => companyIds[0] as string),
    );
    if (ids.size === 1) return { companyId: [...ids][0] as string };
    if (ids.size > 1) return { companyId: null, unknownName: null };
  }
  const everywhere = new Set(
    sentences.flatMap(({ text }) =>
      companies
        .mentions(text)
        .filter(isOf)
        .map(({ companyIds }) => companyIds[0] as string),
    ),
  );
  const isSaidOf = PRONOUN.test(sentence.text) || everywhere.size === 1;
  return everywhere.size === 1 && isSaidOf
    ? { companyId: [...everywhere][0] as string }
    : { companyId: null, unknownName: null };
}
