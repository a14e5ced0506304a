import { setImmediate as nextTurn } from 'node:timers/promises';
import { RetryLater } from '../../../../jobs/define-job.ts';
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
/** A run has a thousand steps; two are taken for each page. */
const PAGES_MAX = 400;
const NAMES_MAX = 5_000;
const TOLD = 20;
const REASON_CHARACTERS = 300;

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
  /** Documents that the model was to read and did not. */
  byRulesAlone: number;
  /** Why it did not; null: it did. */
  modelFailure: string | null;
};

/** What happened, as far as it is told by now, and its signal. */
interface Event {
  candidate: Candidate;
  /** Null: not kept. */
  signalId: string | null;
}
type Kept = Event & { signalId: string };

/**
 * Reads the companies, then page after page of documents, and keeps what each page tells before the next one is read: a run
 * that is cut off has kept what it found.
 */
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
  const kept = found.kept();
  const summary = isUnknown
    ? `There is no company "${run.input.company}", or there are several: nothing was read.`
    : summaryOf({
        documentsRead: found.documentsRead,
        companies: companies.length,
        counts: countsOf(kept),
        unattributed: found.unattributed,
        names: found.topNames().map(({ name }) => name),
        byRulesAlone: found.byRulesAlone,
        modelFailure: found.modelFailure,
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
    readByRulesAlone: { documents: found.byRulesAlone, reason: found.modelFailure },
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
  const least = run.model === null ? DOCUMENT_PAGE : ASKED_PAGE;
  const isGiven = run.input.documentIds !== undefined;
  const size = isGiven ? least : Math.max(least, Math.ceil(run.configuration.maxDocuments / PAGES_MAX));
  const total = run.input.documentIds?.length;
  let after: string | null = null;
  for (let from = 0; from < run.configuration.maxDocuments; from += size) {
    const start: string | null = after;
    const page: Page = await run.step(`read documents ${from + 1}–${from + size}`, async () => {
      const documents = await documentsOf(run, from, size, start);
      return pageOf(run, documents.read, documents.last, reading, only);
    });
    const events = found.add(page, run.requestedAt);
    if (events.length > 0) {
      const ids = await run.step(`keep signals of documents ${from + 1}–${from + size}`, () => keepPart(run, events));
      for (const [i, event] of events.entries()) event.signalId = ids[i] ?? null;
    }
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
    byRulesAlone: 0,
    modelFailure: null,
  };
  const add = ({ candidates, unattributed, objections, dropped }: ModelRead) => {
    page.candidates.push(...candidates.filter(({ companyId }) => only === null || companyId === only));
    page.unattributed += unattributed.length;
    page.names.push(...unattributed.filter((name) => name !== null).map((name) => name.slice(0, 80)));
    page.objections.push(...objections);
    page.dropped += dropped;
  };
  const addByRules = async (read: readonly Document[]) => {
    for (const document of read) {
      add({ ...readSignals(document, reading), dropped: 0 });
      // A page of long documents would hold everybody else up.
      await nextTurn();
    }
  };
  if (run.model === null) await addByRules(documents);
  else {
    for (let from = 0; from < documents.length; from += ASKED_DOCUMENTS) {
      run.signal.throwIfAborted();
      const part = documents.slice(from, from + ASKED_DOCUMENTS);
      if (page.modelFailure === null) page.modelFailure = await askedOrWhy(run, part, reading, add);
      if (page.modelFailure === null) continue;
      page.byRulesAlone += part.length;
      await addByRules(part);
    }
  }
  page.candidates.sort((left, right) => right.confidence - left.confidence);
  page.leftOut = Math.max(0, page.candidates.length - PAGE_CANDIDATES);
  page.candidates.length = Math.min(page.candidates.length, PAGE_CANDIDATES);
  page.names.length = Math.min(page.names.length, PAGE_NAMES);
  page.objections.length = Math.min(page.objections.length, 5_000);
  return page;
}

/** Has the model read documents. @returns why it could not; null: it did */
async function askedOrWhy(
  run: Run,
  documents: readonly Document[],
  reading: Reading,
  add: (read: ModelRead) => void,
): Promise<string | null> {
  try {
    add(await readWithModel(documents, reading, run.tools));
    return null;
  } catch (error) {
    // Those end or delay the run; of anything else the rules can make something.
    if (run.signal.aborted || error instanceof RetryLater) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    return reason.slice(0, REASON_CHARACTERS).toWellFormed();
  }
}

/** What the pages brought so far, each event once; bounded. */
class FoundSignals {
  documentsRead = 0;
  unattributed = 0;
  dropped = 0;
  leftOut = 0;
  byRulesAlone = 0;
  modelFailure: string | null = null;
  readonly rejected = new Map<string, number>();
  readonly #names = new Map<string, number>();
  readonly #byCompany = new Map<string, Event[]>();
  readonly #max: number;
  #count = 0;

  constructor(max: number) {
    this.#max = max;
  }

  /** @returns what is to be kept of the page: the strongest of what is new, and what earlier pages told of, too */
  add(page: Page, now: Date): Event[] {
    this.documentsRead += page.documents;
    this.unattributed += page.unattributed;
    this.dropped += page.dropped;
    this.leftOut += page.leftOut;
    this.byRulesAlone += page.byRulesAlone;
    this.modelFailure ??= page.modelFailure;
    for (const objection of page.objections) this.rejected.set(objection, (this.rejected.get(objection) ?? 0) + 1);
    for (const name of page.names) {
      if (this.#names.has(name) || this.#names.size < NAMES_MAX)
        this.#names.set(name, (this.#names.get(name) ?? 0) + 1);
    }
    const strengthened = (candidate: Candidate) => ({
      candidate,
      strength: strengthOf(candidate, now),
      confidence: candidate.confidence,
    });
    const events = new Set<Event>();
    for (const { candidate } of page.candidates.map(strengthened).sort(byStrength)) {
      const event = this.#event(candidate);
      if (event === null) this.leftOut += 1;
      else events.add(event);
    }
    // By company, so that each company's signals are read once.
    const companyOf = ({ candidate }: Event) => candidate.companyId;
    return [...events].sort((left, right) =>
      companyOf(left) < companyOf(right) ? -1 : companyOf(left) > companyOf(right) ? 1 : 0,
    );
  }

  /** The names of most findings, 20 at the most. */
  topNames(): { name: string; findings: number }[] {
    const sorted = [...this.#names].sort(([, left], [, right]) => right - left);
    return sorted.slice(0, TOLD).map(([name, findings]) => ({ name, findings }));
  }

  kept(): Kept[] {
    return [...this.#byCompany.values()].flat().filter((event): event is Kept => event.signalId !== null);
  }

  /** Null: it is new, and there are as many as are kept. */
  #event(candidate: Candidate): Event | null {
    const place = `${candidate.companyId}:${candidate.type}`;
    const told = this.#byCompany.get(place) ?? [];
    const same = told.find((other) => isSameEvent(other.candidate, candidate));
    if (same !== undefined) {
      same.candidate = merged(same.candidate, candidate);
      return same;
    }
    if (this.#count === this.#max) return null;
    const event = { candidate, signalId: null };
    this.#count += 1;
    this.#byCompany.set(place, [...told, event]);
    return event;
  }
}

/** A signal of an earlier run that tells of the same event gives its key: it gains evidence rather than a twin. */
async function keepPart(run: Run, events: readonly Event[]): Promise<(string | null)[]> {
  const ids: (string | null)[] = [];
  const known = new Map<string, { candidate: Candidate; key: string }[]>();
  for (const { candidate } of events) {
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
    .map(({ signalId, candidate }) => {
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
        signalId,
        documentIds,
      };
    })
    .sort(byStrength)
    .slice(0, TOLD);
}
