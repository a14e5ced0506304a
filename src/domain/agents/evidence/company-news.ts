import type { Document } from '../../documents/document.ts';
import { type CompanyNames, linksOf } from './company-names.ts';

/** How much was heard of a company. */
export interface CompanyNews {
  companyId: string;
  documents: number;
  /** Documents by their age: one of today counts 1, one of a month ago a half. */
  weight: number;
}

const READ_CHARACTERS = 20_000;
const WORD = /[\p{L}\p{N}]+/gu;
const HALF_LIFE_MS = 30 * 86_400_000;

/** Knows which of many companies a document has to do with, in one pass over its text. */
export class CompanyIndex {
  readonly #byKey = new Map<string, string>();
  /** By the first word of the spelling. */
  readonly #bySpelling = new Map<string, { spelling: string; id: string }[]>();

  /** What several companies share names none of them. */
  constructor(companies: readonly CompanyNames[]) {
    for (const [key, ids] of holders(companies, ({ keys }) => keys.map((key) => key.toLowerCase()))) {
      if (ids.length === 1) this.#byKey.set(key, ids[0] as string);
    }
    for (const [spelling, ids] of holders(companies, ({ spellings }) => spellings)) {
      const [first] = spelling.match(WORD) ?? [];
      if (ids.length !== 1 || first === undefined || !spelling.startsWith(first)) continue;
      const known = this.#bySpelling.get(first) ?? [];
      known.push({ spelling, id: ids[0] as string });
      this.#bySpelling.set(first, known);
    }
  }

  /** Ids of the companies that its metadata or its text names. */
  companiesOf({ title, text, metadata }: Pick<Document, 'title' | 'text' | 'metadata'>): Set<string> {
    const found = new Set<string>();
    for (const link of linksOf(metadata)) {
      const id = this.#byKey.get(link);
      if (id !== undefined) found.add(id);
    }
    const said = `${title ?? ''}\n${text.slice(0, READ_CHARACTERS)}`;
    for (const { 0: word, index } of said.matchAll(WORD)) {
      for (const { spelling, id } of this.#bySpelling.get(word) ?? []) {
        const after = said.slice(index + spelling.length, index + spelling.length + 2);
        if (said.startsWith(spelling, index) && !/^[\p{L}\p{N}]/u.test(after)) found.add(id);
      }
    }
    return found;
  }
}

/** Which companies the documents speak of, those with most and newest news first. */
export function newsOf(index: CompanyIndex, documents: readonly Document[], until: Date): CompanyNews[] {
  const news = documents.flatMap((document) => {
    const ageMs = Math.max(0, until.getTime() - document.createdAt.getTime());
    const weight = 0.5 ** (ageMs / HALF_LIFE_MS);
    return [...index.companiesOf(document)].map((companyId) => ({ companyId, documents: 1, weight }));
  });
  return addedUp(news);
}

/** The news of several pages together, most first. */
export function addedUp(news: readonly CompanyNews[]): CompanyNews[] {
  const sums = new Map<string, CompanyNews>();
  for (const { companyId, documents, weight } of news) {
    const sum = sums.get(companyId) ?? { companyId, documents: 0, weight: 0 };
    sums.set(companyId, { companyId, documents: sum.documents + documents, weight: sum.weight + weight });
  }
  return [...sums.values()].sort(
    (left, right) => right.weight - left.weight || (left.companyId < right.companyId ? -1 : 1),
  );
}

function holders(companies: readonly CompanyNames[], namesOf: (company: CompanyNames) => readonly string[]) {
  const ids = new Map<string, string[]>();
  for (const company of companies) {
    for (const name of new Set(namesOf(company))) ids.set(name, [...(ids.get(name) ?? []), company.id]);
  }
  return ids;
}
