import type { JsonValue } from '../../../../shared/json.ts';
import type { Document } from '../../../documents/document.ts';
import type { DocumentPlace } from '../../agent-tools.ts';
import type { AgentRunContext } from '../../agent-type.ts';
import type { WonRule } from '../../companies/company-record.ts';
import { placeOf } from '../../evidence/evidence-document.ts';
import { CompanyDirectory, type DirectoryEntry, directoryEntry } from './company-directory.ts';
import type { RelationshipConfiguration } from './configuration.ts';
import type { Relationship } from './graph.ts';
import { type Touch, touchOf } from './touches.ts';
import type { Mood } from './wording.ts';

type Run = Pick<
  AgentRunContext<RelationshipConfiguration, unknown>,
  'tools' | 'step' | 'requestedAt' | 'progress' | 'configuration'
>;

/** What was read of documents. */
export interface TouchesRead {
  touches: Touch[];
  documents: number;
  /** Whether there are more. */
  isCut: boolean;
}

/** Of companies, with all that they are called; and of documents, with their people: what a step may bring. */
const PAGE = 200;
/** 50,000 companies. */
const COMPANY_PAGES = 250;
/** What a step may bring, with room for how JSON is stored. */
const STEP_BYTES = 220_000;
/** Texts of a company that are asked for their feeling. */
const FELT_TEXTS = 4;
const FELT_AT_ONCE = 100;
const FELT_CHARACTERS = 1_500;
const DAY_MS = 86_400_000;

/** All companies by what documents call them. */
export async function readDirectory(
  run: Run,
  won: WonRule | null,
): Promise<{ directory: CompanyDirectory; companies: number; isCut: boolean }> {
  const entries: DirectoryEntry[] = [];
  let after: string | null = null;
  for (let page = 0; page < COMPANY_PAGES; page++) {
    const start = after;
    const found: Page<DirectoryEntry> = await run.step(`read companies from ${entries.length + 1}`, async () => {
      const filter = { kinds: ['COMPANY' as const] };
      const documents = await run.tools.listDocuments({ filter, after: start, first: PAGE });
      return pageOf(documents, PAGE, (document) => directoryEntry(document, won));
    });
    entries.push(...found.items);
    if (found.last === null)
      return { directory: new CompanyDirectory(entries), companies: entries.length, isCut: false };
    after = found.last.id;
  }
  return { directory: new CompanyDirectory(entries), companies: entries.length, isCut: true };
}

/** Of the newest documents of the configuration's days those that have to do with companies or people. */
export async function readTouches(run: Run, directory: CompanyDirectory): Promise<TouchesRead> {
  const { days, documents: limit } = run.configuration;
  const createdAfter = new Date(run.requestedAt.getTime() - days * DAY_MS);
  const createdBefore = new Date(run.requestedAt.getTime() + 1);
  const filter = { createdAfter, createdBefore };
  const touches: Touch[] = [];
  let documents = 0;
  let after: DocumentPlace | null = null;
  while (documents < limit) {
    const start: DocumentPlace | null = after;
    const found: Page<Touch> = await run.step(`read documents from ${documents + 1}`, async () => {
      const first = Math.min(PAGE, limit - documents);
      const page = await run.tools.listNewest({ filter, after: start, first });
      return pageOf(page, first, (document) => {
        const touch = document.kind === 'COMPANY' ? null : touchOf(document, directory);
        return touch !== null && isTelling(touch) ? touch : null;
      });
    });
    touches.push(...found.items);
    documents += found.count;
    run.progress(documents);
    if (found.last === null) return { touches, documents, isCut: false };
    after = found.last;
  }
  return { touches, documents, isCut: true };
}

function isTelling({ linked, mentioned, people }: Touch): boolean {
  return linked.length + mentioned.length + people.length > 0;
}

/** What a step brings of a page of documents. */
type Page<Item extends JsonValue> = {
  items: Item[];
  /** How many documents were read. */
  count: number;
  /** The last one that was read; null: there are no more. */
  last: DocumentPlace | null;
};

/**
 * What is made of the documents of a page, of as many of them as a step may bring: the next page goes on after those.
 * @param asked how many were asked for: fewer are the last
 */
function pageOf<Item extends JsonValue>(
  documents: readonly Document[],
  asked: number,
  made: (document: Document) => Item | null,
): Page<Item> {
  const items: Item[] = [];
  let bytes = 0;
  for (const [place, document] of documents.entries()) {
    const item = made(document);
    bytes += item === null ? 0 : Buffer.byteLength(JSON.stringify(item)) + 1;
    // The first one is always read: else no step would go on.
    if (bytes > STEP_BYTES && place > 0) return { items, count: place, last: placeOf(documents[place - 1]) };
    if (item !== null) items.push(item);
  }
  return { items, count: documents.length, last: documents.length < asked ? null : placeOf(documents.at(-1)) };
}

/** What their people's newest texts feel like, by company. */
export async function moodsOf(run: Run, relationships: readonly Relationship[]): Promise<Map<string, Mood>> {
  const wanted = new Map<string, string>();
  for (const { companyId, theirWords } of relationships) {
    for (const id of theirWords.slice(0, FELT_TEXTS)) wanted.set(id, companyId);
  }
  const feelings = new Map<string, number[]>();
  const ids = [...wanted.keys()];
  for (let start = 0; start < ids.length; start += FELT_AT_ONCE) {
    const part = ids.slice(start, start + FELT_AT_ONCE);
    const felt = await run.step(`feel messages ${start + 1}–${start + part.length} of ${ids.length}`, async () => {
      const documents = await run.tools.readDocuments(part);
      const texts = documents.map(({ text }) => text.slice(0, FELT_CHARACTERS).toWellFormed());
      const labels = await run.tools.classify('sentiment', texts);
      return documents.map(({ id }, place) => ({ id, felt: FELT[labels[place]?.label.toLowerCase() ?? ''] ?? 0 }));
    });
    for (const { id, felt: value } of felt) {
      const companyId = wanted.get(id) ?? '';
      feelings.set(companyId, [...(feelings.get(companyId) ?? []), value]);
    }
  }
  return new Map(
    [...feelings].map(([id, values]) => [
      id,
      { mean: values.reduce((sum, value) => sum + value, 0) / values.length, texts: values.length },
    ]),
  );
}

const FELT: Readonly<Record<string, number>> = { positive: 1, negative: -1 };
