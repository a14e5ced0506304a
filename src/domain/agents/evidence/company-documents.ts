import type { JsonObject } from '../../../shared/json.ts';
import type { Document } from '../../documents/document.ts';
import type { AgentTools, DocumentPlace } from '../agent-tools.ts';
import { type CompanyNames, isLinked, linkOf, mentions } from './company-names.ts';
import { placeOf } from './evidence-document.ts';

/** A document that has to do with a company. */
export interface CompanyDocument {
  document: Document;
  /** Its metadata names the company; else its text does. */
  isLinked: boolean;
}

const SEARCHED = 50;
const PAGE = 500;
/** Of the documents that one link has. */
const PAGES = 4;
/** Keys that are looked for in metadata under `company`. */
const KEYS = 5;
/** Ways of naming the company that documents were seen to have. */
const USED_LINKS = 3;

/**
 * The documents since `after` that have to do with a company, newest first: those whose metadata names it, and of those
 * that a search for its name finds those that name it. Up to 33 calls, mostly 6.
 */
export async function readCompanyDocuments(
  tools: AgentTools,
  company: CompanyNames,
  after: Date,
): Promise<CompanyDocument[]> {
  const hits = await tools.search(company.name, { filter: { createdAfter: after }, first: SEARCHED });
  const found = new Map(hits.map(({ document }) => [document.id, document]));
  for (const link of linksTo(company, [...found.values()])) {
    for await (const page of pagesOf(tools, link, after)) for (const document of page) found.set(document.id, document);
  }
  return [...found.values()]
    .filter(({ id }) => id !== company.id)
    .map((document) => ({ document, isLinked: isLinked(document.metadata, company) }))
    .filter((each) => each.isLinked || mentions(`${each.document.title ?? ''}\n${each.document.text}`, company))
    .sort((left, right) => newestFirst(left.document, right.document));
}

/**
 * What metadata may name a company by: in the ways in which some documents do, whatever field that is, then under `company`.
 * @param seen documents of which some may be the company's
 */
export function linksTo(company: CompanyNames, seen: readonly Document[]): JsonObject[] {
  const others = seen.filter(({ id }) => id !== company.id);
  const used = distinct(others.map(({ metadata }) => linkOf(metadata, company)).filter((link) => link !== null));
  const usual = company.keys.slice(0, KEYS).map((key): JsonObject => ({ company: key }));
  return distinct([...used.slice(0, USED_LINKS), ...usual]);
}

function distinct(links: readonly JsonObject[]): JsonObject[] {
  return [...new Map(links.map((link) => [JSON.stringify(link), link])).values()];
}

function newestFirst(left: Document, right: Document): number {
  return right.createdAt.getTime() - left.createdAt.getTime() || (left.id < right.id ? 1 : -1);
}

async function* pagesOf(tools: AgentTools, metadata: JsonObject, createdAfter: Date): AsyncGenerator<Document[], void> {
  let after: DocumentPlace | null = null;
  for (let read = 0; read < PAGES; read++) {
    const page: Document[] = await tools.listNewest({ filter: { metadata, createdAfter }, after, first: PAGE });
    yield page;
    after = placeOf(page.at(-1));
    if (page.length < PAGE) return;
  }
}
