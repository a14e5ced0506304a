import type { Document } from '../../documents/document.ts';
import { SIGNAL_TYPES, type SignalType } from '../../insights/signal.ts';
import type { AgentRunContext } from '../agent-type.ts';
import { counted } from '../evidence/citation.ts';
import { type CompanyRecord, companyRecord } from './company-record.ts';
import { combined, KIND_WEIGHTS, signalWeight, type WeighedSignal } from './company-signal.ts';
import { mostAlike } from './likeness.ts';
import type { WonCompanies } from './won-companies.ts';

type Run = Pick<AgentRunContext<unknown, unknown>, 'tools' | 'step' | 'requestedAt' | 'progress'>;

/** The companies worth a closer look, best first, and what was looked at to find them. */
export interface Shortlist {
  ids: string[];
  looked: number;
  /** Whether there are more companies than are looked through. */
  isCut: boolean;
  /** Companies that were passed over, by what they are. */
  passedOver: { won: number; gone: number; other: number; excluded: number };
  /** Open ones beyond those chosen. */
  notChosen: number;
  signals: number;
  /** The newest that there was: what is found while the run goes on is left to the next one. Null: there was none. */
  newestSignalId: string | null;
  /** Whether there are more signals than are weighed. */
  areSignalsCut: boolean;
  companiesWithSignals: number;
}

export interface ShortlistOptions {
  won: WonCompanies;
  size: number;
  /** Names, ids or external ids that are not wanted. */
  excluded: readonly string[];
  kinds: readonly SignalType[];
  kindWeights?: Readonly<Record<SignalType, number>>;
}

const PAGE = 500;
/** 200,000 companies. */
const COMPANY_PAGES = 400;
/** 20,000 signals, the newest. */
const SIGNAL_PAGES = 40;
/** Of a page of companies, at the most; more are not worth keeping until it is known who has signals. */
const KEPT_OF_PAGE = 100;
/** Companies that buy with which each one is compared by fields. */
const COMPARED = 40;
/** Signals say that something happens now; likeness alone only that it could. */
const SIGNALS_SHARE = 0.65;

type PageResult = {
  last: string | null;
  looked: number;
  open: number;
  counts: { won: number; gone: number; other: number; excluded: number };
  /** Those that may not be chosen. */
  closed: string[];
  alike: { id: string; likeness: number }[];
};

/**
 * A cheap first cut that costs no call a company: all of them in pages, compared by their fields with those that buy, and
 * all signals in pages. What takes calls is then done for those on the list alone.
 */
export async function makeShortlist(run: Run, options: ShortlistOptions): Promise<Shortlist> {
  const pages = await lookThrough(run, options);
  const { weights, signals, newest, isCut: areSignalsCut } = await weighSignals(run, options);
  const closed = new Set(pages.results.flatMap((page) => page.closed));
  const likenesses = new Map(pages.results.flatMap(({ alike }) => alike.map(({ id, likeness }) => [id, likeness])));
  const ids = [...new Set([...weights.keys(), ...likenesses.keys()])].filter((id) => !closed.has(id));
  const worth = (id: string) =>
    SIGNALS_SHARE * combined(weights.get(id) ?? []) + (1 - SIGNALS_SHARE) * (likenesses.get(id) ?? 0);
  const ranked = ids
    .map((id) => ({ id, worth: worth(id) }))
    .sort((left, right) => right.worth - left.worth || (left.id < right.id ? -1 : 1))
    .slice(0, options.size);
  const open = total(pages.results.map((page) => page.open));
  return {
    ids: ranked.map(({ id }) => id),
    looked: total(pages.results.map(({ looked }) => looked)),
    isCut: pages.isCut,
    passedOver: {
      won: total(pages.results.map(({ counts }) => counts.won)),
      gone: total(pages.results.map(({ counts }) => counts.gone)),
      other: total(pages.results.map(({ counts }) => counts.other)),
      excluded: total(pages.results.map(({ counts }) => counts.excluded)),
    },
    notChosen: Math.max(0, open - ranked.length),
    signals,
    newestSignalId: newest,
    areSignalsCut,
    companiesWithSignals: [...weights.keys()].filter((id) => !closed.has(id)).length,
  };
}

async function lookThrough(run: Run, options: ShortlistOptions): Promise<{ results: PageResult[]; isCut: boolean }> {
  const results: PageResult[] = [];
  let after: string | null = null;
  for (let page = 0; page < COMPANY_PAGES; page++) {
    const start = after;
    const result: PageResult = await run.step(
      `look through companies ${page * PAGE + 1}–${(page + 1) * PAGE}`,
      async () => {
        const filter = { kinds: ['COMPANY' as const] };
        return lookAt(await run.tools.listDocuments({ filter, after: start, first: PAGE }), options);
      },
    );
    results.push(result);
    run.progress(total(results.map(({ looked }) => looked)));
    if (result.looked < PAGE) return { results, isCut: false };
    after = result.last;
  }
  return { results, isCut: true };
}

function lookAt(documents: readonly Document[], { won, excluded, size }: ShortlistOptions): PageResult {
  const counts = { won: 0, gone: 0, other: 0, excluded: 0 };
  const closed: string[] = [];
  const open: CompanyRecord[] = [];
  const unwanted = new Set(excluded.map((name) => name.toLowerCase()));
  for (const document of documents) {
    const record = companyRecord(document, won.rule);
    const isUnwanted = isNamed(document, record, unwanted);
    if (record.outcome === 'OPEN' && !isUnwanted) open.push(record);
    else {
      closed.push(document.id);
      counts[isUnwanted ? 'excluded' : (record.outcome.toLowerCase() as 'won' | 'gone' | 'other')]++;
    }
  }
  const models = won.companies.slice(0, COMPARED);
  const alike = open
    .map((record) => ({ id: record.id, likeness: mostAlike(record, models)?.likeness.value ?? 0 }))
    .sort((left, right) => right.likeness - left.likeness || (left.id < right.id ? -1 : 1))
    .slice(0, Math.min(size, KEPT_OF_PAGE));
  return {
    ...{ last: documents.at(-1)?.id ?? null, looked: documents.length, open: open.length },
    ...{ counts, closed, alike },
  };
}

/** @param names in lower case */
function isNamed(document: Document, { name }: CompanyRecord, names: ReadonlySet<string>): boolean {
  return [document.id, document.externalId ?? '', name].some((each) => names.has(each.toLowerCase()));
}

async function weighSignals(
  run: Run,
  { kinds, kindWeights = KIND_WEIGHTS }: ShortlistOptions,
): Promise<{ weights: Map<string, number[]>; signals: number; newest: string | null; isCut: boolean }> {
  const wanted = new Set(kinds.length === 0 ? SIGNAL_TYPES : kinds);
  const weights = new Map<string, number[]>();
  let signals = 0;
  let newest: string | null = null;
  let after: string | null = null;
  for (let page = 0; page < SIGNAL_PAGES; page++) {
    const start = after;
    const result: SignalPage = await run.step(
      `read signals ${page * PAGE + 1}–${(page + 1) * PAGE}`,
      async () => await readSignalPage(run, start),
    );
    newest ??= result.newest;
    for (const { companyId, ...signal } of result.signals.filter(({ type }) => wanted.has(type))) {
      const weight = signalWeight(signal, run.requestedAt, kindWeights);
      weights.set(companyId, [...(weights.get(companyId) ?? []), weight]);
      signals++;
    }
    if (result.next === null) return { weights, signals, newest, isCut: false };
    after = result.next;
  }
  return { weights, signals, newest, isCut: true };
}

type SignalPage = {
  signals: (WeighedSignal & { companyId: string })[];
  newest: string | null;
  next: string | null;
};

async function readSignalPage({ tools }: Run, after: string | null): Promise<SignalPage> {
  const { signals, next } = await tools.listSignals({ after, first: PAGE });
  return {
    signals: signals.map(({ companyId, type, strength, confidence, detectedAt }) => ({
      ...{ companyId, type, strength, confidence },
      at: detectedAt.toISOString(),
    })),
    newest: signals[0]?.id ?? null,
    next,
  };
}

function total(numbers: readonly number[]): number {
  return numbers.reduce((sum, number) => sum + number, 0);
}

/** What was passed over, in sentences. @param kinds of signals that count; empty: all */
export function passedOver(list: Shortlist, kinds: readonly SignalType[] = []): string[] {
  const companies = (count: number) => counted(count, 'company', 'companies');
  const { won, gone, other, excluded } = list.passedOver;
  const told = [
    [won, 'that buy already'],
    [gone, 'that were lost, have left or are not to be asked'],
    [other, 'that are partners, suppliers or rivals'],
    [excluded, 'that the configuration excludes'],
  ] as const;
  return [
    ...told.flatMap(([count, what]) => (count === 0 ? [] : [`${companies(count)} ${what}.`])),
    ...(list.notChosen === 0 ? [] : [`${companies(list.notChosen)} with weaker signals and less likeness.`]),
    ...(list.isCut ? [`All companies after the first ${list.looked.toLocaleString('en-US')}.`] : []),
    ...(list.areSignalsCut ? [`All signals but the newest ${list.signals.toLocaleString('en-US')}.`] : []),
    ...(list.signals === 0 && list.looked > 0
      ? [
          `There are no active signals${kinds.length === 0 ? '' : ' of the kinds that count'}: an agent of the type SCOUT finds them.`,
        ]
      : []),
  ];
}
