import type { Document } from '../../../documents/document.ts';
import type { SignalType } from '../../../insights/signal.ts';
import type { AgentRunContext } from '../../agent-type.ts';
import { type Candidate, expiryOf, isSameEvent, keyOf, merged, strengthOf } from './candidate.ts';
import { CompanyIndex, type KnownCompany, knownCompany, plainName } from './companies.ts';
import type { ScoutConfiguration, ScoutInput, ScoutOutput } from './configuration.ts';
import { ASKED_DOCUMENTS, type ModelRead, readWithModel } from './model-reading.ts';
import { type Reading, readSignals } from './read-signals.ts';
import { byStrength, sentenceOfSignal, summaryOf } from './report.ts';

type Run = AgentRunContext<ScoutConfiguration, ScoutInput>;

const COMPANY_PAGE = 200;
const COMPANIES_MAX = 20_000;
const DOCUMENT_PAGE = 200;
/** With a model a step is dearer: what a crash repeats is smaller. */
const ASKED_PAGE = 50;
/** Of a page, so that a step's result stays small. */
const PAGE_CANDIDATES = 200;
const PAGE_NAMES = 300;
const KEPT_AT_ONCE = 50;
const NAMES_MAX = 5_000;
const TOLD = 20;

type Page = {
  documents: number;
  /** Null: there is none after it. */
  last: string | null;
  candidates: Candidate[];
  leftOut: number;
  unattributed: number;
  names: string[];
  objections: string[];
  dropped: number;
};

type Kept = { id: string; candidate: Candidate };

/** Reads the companies, then page after page of documents, and keeps what they tell. */
export async function scoutRun(run: Run): Promise<ScoutOutput> {
  const { companies, isCut } = await companiesOf(run);
  const reading = readingOf(run.configuration, companies);
  const only =
    run.input.company === undefined
      ? null
      : await run.step(
          'find the company',
          async () => (await run.tools.findCompany(run.input.company as string))?.id ?? null,
        );
  const found = new FoundSignals(run.configuration.maxSignals);
  const isUnknown = run.input.company !== undefined && only === null;
  const hasMore = isUnknown ? false : await readAll(run, reading, only, found);
  const kept = await keepAll(run, found.strongest(run.requestedAt));
  const summary = isUnknown
    ? `There is no company "${run.input.company}", or there are several: nothing was read.`
    : summaryOf({
        documentsRead: found.documentsRead,
        companies: companies.length,
        counts: countsOf(kept),
        unattributed: found.unattributed,
        names: found.topNames().map(({ name }) => name),
      });
  return {
    summary,
    model: run.model ?? 'local/rules',
    documentsRead: found.documentsRead,
    companiesKnown: companies.length,
    counts: countsOf(kept),
    strongest: toldOf(kept, reading.companies, run.requestedAt),
    unattributed: { findings: found.unattributed, names: found.topNames() },
    rejected: Object.fromEntries(found.rejected),
    droppedOfModel: found.dropped,
    leftOut: { documents: hasMore, signals: found.leftOut, companies: isCut },
  };
}

async function companiesOf(run: Run): Promise<{ companies: KnownCompany[]; isCut: boolean }> {
  const companies: KnownCompany[] = [];
  let after: string | null = null;
  for (let from = 0; from < COMPANIES_MAX; from += COMPANY_PAGE) {
    const start: string | null = after;
    const page: { companies: KnownCompany[]; last: string | null } = await run.step(
      `read companies ${from + 1}–${from + COMPANY_PAGE}`,
      async () => {
        const documents = await run.tools.listDocuments({
          filter: { kinds: ['COMPANY'] },
          after: start,
          first: COMPANY_PAGE,
        });
        const known = documents.map(knownCompany).filter((company) => company !== null);
        return { companies: known, last: documents.length < COMPANY_PAGE ? null : (documents.at(-1)?.id ?? null) };
      },
    );
    companies.push(...page.companies);
    after = page.last;
    if (after === null) return { companies, isCut: false };
  }
  return { companies, isCut: true };
}

function readingOf(configuration: ScoutConfiguration, companies: readonly KnownCompany[]): Reading {
  const rivals = companies
    .filter(({ isCompetitor }) => isCompetitor)
    .flatMap(({ name, aliases }) => [plainName(name), ...aliases]);
  return {
    companies: new CompanyIndex(companies),
    competitors: [...new Set([...configuration.competitors, ...rivals])],
    ourNames: configuration.ourNames,
    types: new Set(configuration.types),
    horizonDays: configuration.horizonDays,
    minConfidence: configuration.minConfidence,
  };
}

/** @returns whether documents were left */
async function readAll(run: Run, reading: Reading, only: string | null, found: FoundSignals): Promise<boolean> {
  const size = run.model === null ? DOCUMENT_PAGE : ASKED_PAGE;
  const total = run.input.documentIds?.length;
  let after: string | null = null;
  for (let from = 0; from < run.configuration.maxDocuments; from += size) {
    const start: string | null = after;
    const page: Page = await run.step(`read documents ${from + 1}–${from + size}`, async () => {
      const documents = await documentsOf(run, from, size, start);
      return pageOf(run, documents.read, documents.last, reading, only);
    });
    found.add(page);
    run.progress(found.documentsRead, total);
    after = page.last;
    if (after === null) return false;
  }
  return true;
}

async function documentsOf(
  run: Run,
  from: number,
  size: number,
  after: string | null,
): Promise<{ read: Document[]; last: string | null }> {
  const { documentIds, changedSince } = run.input;
  if (documentIds !== undefined) {
    const read = await run.tools.readDocuments(documentIds.slice(from, from + size));
    return { read, last: from + size < documentIds.length ? String(from + size) : null };
  }
  const documents = await run.tools.listDocuments({ after, first: size });
  const since = changedSince === undefined ? 0 : Date.parse(changedSince);
  return {
    read: documents.filter(({ updatedAt }) => updatedAt.getTime() >= since),
    last: documents.length < size ? null : (documents.at(-1)?.id ?? null),
  };
}

async function pageOf(
  run: Run,
  documents: readonly Document[],
  last: string | null,
  reading: Reading,
  only: string | null,
): Promise<Page> {
  const page: Page = {
    documents: documents.length,
    last,
    candidates: [],
    leftOut: 0,
    unattributed: 0,
    names: [],
    objections: [],
    dropped: 0,
  };
  const add = ({ candidates, unattributed, objections, dropped }: ModelRead) => {
    page.candidates.push(...candidates.filter(({ companyId }) => only === null || companyId === only));
    page.unattributed += unattributed.length;
    page.names.push(...unattributed.filter((name) => name !== null).map((name) => name.slice(0, 80)));
    page.objections.push(...objections);
    page.dropped += dropped;
  };
  if (run.model === null) {
    for (const document of documents) add({ ...readSignals(document, reading), dropped: 0 });
  } else {
    for (let from = 0; from < documents.length; from += ASKED_DOCUMENTS) {
      run.signal.throwIfAborted();
      add(await readWithModel(documents.slice(from, from + ASKED_DOCUMENTS), reading, run.tools));
    }
  }
  page.candidates.sort((left, right) => right.confidence - left.confidence);
  page.leftOut = Math.max(0, page.candidates.length - PAGE_CANDIDATES);
  page.candidates.length = Math.min(page.candidates.length, PAGE_CANDIDATES);
  page.names.length = Math.min(page.names.length, PAGE_NAMES);
  page.objections.length = Math.min(page.objections.length, 5_000);
  return page;
}

/** What the pages brought so far, each event once; bounded. */
class FoundSignals {
  documentsRead = 0;
  unattributed = 0;
  dropped = 0;
  leftOut = 0;
  readonly rejected = new Map<string, number>();
  readonly #names = new Map<string, number>();
  readonly #byCompany = new Map<string, Candidate[]>();
  readonly #max: number;
  #count = 0;

  constructor(max: number) {
    this.#max = max;
  }

  add(page: Page): void {
    this.documentsRead += page.documents;
    this.unattributed += page.unattributed;
    this.dropped += page.dropped;
    this.leftOut += page.leftOut;
    for (const objection of page.objections) this.rejected.set(objection, (this.rejected.get(objection) ?? 0) + 1);
    for (const name of page.names) {
      if (this.#names.has(name) || this.#names.size < NAMES_MAX)
        this.#names.set(name, (this.#names.get(name) ?? 0) + 1);
    }
    for (const candidate of page.candidates) this.#addCandidate(candidate);
  }

  /** The names of most findings, 20 at the most. */
  topNames(): { name: string; findings: number }[] {
    const sorted = [...this.#names].sort(([, left], [, right]) => right - left);
    return sorted.slice(0, TOLD).map(([name, findings]) => ({ name, findings }));
  }

  /** As many as are kept, by company, so that each company's signals are read once. */
  strongest(now: Date): Candidate[] {
    const all = [...this.#byCompany.values()]
      .flat()
      .map((candidate) => ({ candidate, strength: strengthOf(candidate, now), confidence: candidate.confidence }));
    const kept = all.sort(byStrength).slice(0, this.#max);
    this.leftOut += all.length - kept.length;
    return kept
      .map(({ candidate }) => candidate)
      .sort((left, right) => (left.companyId < right.companyId ? -1 : left.companyId > right.companyId ? 1 : 0));
  }

  #addCandidate(candidate: Candidate): void {
    const place = `${candidate.companyId}:${candidate.type}`;
    const told = this.#byCompany.get(place) ?? [];
    const same = told.findIndex((other) => isSameEvent(other, candidate));
    if (same !== -1) told[same] = merged(told[same] as Candidate, candidate);
    else if (this.#count < 10 * this.#max) {
      told.push(candidate);
      this.#count += 1;
    } else this.leftOut += 1;
    this.#byCompany.set(place, told);
  }
}

async function keepAll(run: Run, candidates: readonly Candidate[]): Promise<Kept[]> {
  const kept: Kept[] = [];
  for (let from = 0; from < candidates.length; from += KEPT_AT_ONCE) {
    const part = candidates.slice(from, from + KEPT_AT_ONCE);
    const ids = await run.step(`keep signals ${from + 1}–${from + part.length}`, () => keepPart(run, part));
    for (const [i, candidate] of part.entries()) kept.push({ id: ids[i] as string, candidate });
  }
  return kept;
}

/** A signal of an earlier run that tells of the same event gives its key: it gains evidence rather than a twin. */
async function keepPart(run: Run, candidates: readonly Candidate[]): Promise<string[]> {
  const ids: string[] = [];
  const known = new Map<string, { candidate: Candidate; key: string }[]>();
  for (const candidate of candidates) {
    const { companyId } = candidate;
    const before = known.get(companyId) ?? (await knownSignals(run, companyId));
    known.set(companyId, before);
    const same = before.find((other) => isSameEvent(other.candidate, candidate));
    ids.push(
      await run.tools.recordSignal({
        companyId,
        type: candidate.type,
        strength: strengthOf(candidate, run.requestedAt),
        confidence: candidate.confidence,
        data: { ...candidate.facts, quote: candidate.quote, foundBy: candidate.by },
        evidenceIds: candidate.documentIds,
        detectedAt: new Date(candidate.at),
        expiresAt: expiryOf(candidate, run.configuration.expiryDays),
        key: same?.key ?? keyOf(candidate),
      }),
    );
  }
  return ids;
}

async function knownSignals(run: Run, companyId: string): Promise<{ candidate: Candidate; key: string }[]> {
  const signals = await run.tools.readSignals(companyId);
  return signals.map(({ type, data, confidence, evidenceIds, detectedAt, key }) => ({
    key,
    candidate: {
      type,
      companyId,
      facts: data,
      quote: '',
      confidence,
      documentIds: [...evidenceIds],
      at: detectedAt.toISOString(),
      by: 'rules',
    },
  }));
}

function countsOf(kept: readonly Kept[]): Partial<Record<SignalType, number>> {
  const counts: Partial<Record<SignalType, number>> = {};
  for (const { candidate } of kept) counts[candidate.type] = (counts[candidate.type] ?? 0) + 1;
  return counts;
}

function toldOf(kept: readonly Kept[], companies: CompanyIndex, now: Date): ScoutOutput['strongest'] {
  return kept
    .map(({ id, candidate }) => {
      const { companyId, type, confidence, quote, documentIds } = candidate;
      const company = companies.company(companyId)?.name ?? companyId;
      const sentence = sentenceOfSignal(company, candidate);
      return {
        sentence,
        quote,
        company,
        companyId,
        type,
        strength: strengthOf(candidate, now),
        confidence,
        signalId: id,
        documentIds,
      };
    })
    .sort(byStrength)
    .slice(0, TOLD);
}
