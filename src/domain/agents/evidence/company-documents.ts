import type { Document } from '../../documents/document.ts';
import type { AgentTools } from '../agent-tools.ts';
import { type CompanyNames, isLinked, mentions } from './company-names.ts';

/** A document that has to do with a company. */
export interface CompanyDocument {
  document: Document;
  /** Its metadata names the company; else its text does. */
  isLinked: boolean;
}

const SEARCHED = 50;
const PAGE = 500;
/** Of the documents that one key links. */
const PAGES = 4;
/** Keys that are looked for in metadata. */
const KEYS = 5;

/**
 * The documents since `after` that have to do with a company, newest first: those whose metadata names it under
 * `company`, and of those that a search for its name finds those that name it. Up to 21 calls, mostly 6.
 */
export async function readCompanyDocuments(
  tools: AgentTools,
  company: CompanyNames,
  after: Date,
): Promise<CompanyDocument[]> {
  const found = new Map<string, Document>();
  for (const key of company.keys.slice(0, KEYS)) {
    for await (const page of pagesOf(tools, key, after)) for (const document of page) found.set(document.id, document);
  }
  const hits = await tools.search(company.name, { filter: { createdAfter: after }, first: SEARCHED });
  for (const { document } of hits) found.set(document.id, document);
  return [...found.values()]
    .filter(({ id }) => id !== company.id)
    .map((document) => ({ document, isLinked: isLinked(document.metadata, company) }))
    .filter((each) => each.isLinked || mentions(`${each.document.title ?? ''}\n${each.document.text}`, company))
    .sort((left, right) => newestFirst(left.document, right.document));
}

function newestFirst(left: Document, right: Document): number {
  return right.createdAt.getTime() - left.createdAt.getTime() || (left.id < right.id ? 1 : -1);
}

async function* pagesOf(tools: AgentTools, key: string, createdAfter: Date): AsyncGenerator<Document[], void> {
  let after: string | null = null;
  for (let read = 0; read < PAGES; read++) {
    const page: Document[] = await tools.listDocuments({
      filter: { metadata: { company: key }, createdAfter },
      after,
      first: PAGE,
    });
    yield page;
    after = page.at(-1)?.id ?? null;
    if (page.length < PAGE) return;
  }
}
