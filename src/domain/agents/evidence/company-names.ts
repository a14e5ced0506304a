import { isJsonObject, type JsonObject, type JsonValue } from '../../../shared/json.ts';
import type { Document } from '../../documents/document.ts';
import { inline } from './citation.ts';

/** How documents refer to a company: plain JSON. */
export interface CompanyNames {
  id: string;
  name: string;
  /** What metadata of other documents may hold, likely ones first: its external id with and without what it is of, slug, id, name. */
  keys: string[];
  /** What texts call it: its name, and what is left of it without its form and its trade. */
  spellings: string[];
}

const LEGAL_FORM =
  /[\s,]+(?:ltd|limited|plc|llp|llc|inc|incorporated|corp|corporation|co|company|gmbh|ag|se|kg|ohg|sa|sas|sarl|spa|srl|bv|nv|ab|as|asa|oy|oyj|aps|pty|kk|sl|group|holdings?)\.?$/iu;
const TRADE =
  /\s+(?:and|&|analytics|automotive|bank|beverages|capital|chemicals|cold|consulting|data|design|digital|distribution|electric|electronics|energy|engineering|fashion|finance|financial|foods?|freight|furniture|global|haulage|health|healthcare|holding|hospitals?|hotels?|industries|insurance|international|labs?|laboratories|logistics|manufacturing|marine|media|metals|motors|network|networks|outdoor|packaging|pallet|paper|parcels?|partners|pharma|pharmaceuticals|port|ports|power|print|properties|rail|retail|robotics|sequencing|services|shipping|software|solutions|steel|storage|stores?|studios?|supplies|supply|systems|tech|technologies|technology|textiles|trading|transport|travel|ventures|warehousing|works)$/iu;
/** A shorter one is a word of the language as often as a name. */
const SHORT_NAME_CHARACTERS = 5;
const EXTERNAL_PREFIX = /^(?:company|account|organi[sz]ation|org|customer|client|crm)[-_:/.]+/iu;
const METADATA_DEPTH = 3;

/** @param company a document of the kind COMPANY */
export function companyNames(company: Pick<Document, 'id' | 'externalId' | 'title' | 'text'>): CompanyNames {
  const name = inline(company.title ?? company.text.split('\n', 1)[0] ?? '') || company.id;
  const external = company.externalId ?? '';
  const plain = withoutEnd(name, LEGAL_FORM);
  const short = withoutEnd(plain, TRADE);
  const spellings = [name, plain, ...(short.length >= SHORT_NAME_CHARACTERS ? [short] : [])];
  const given = [external.replace(EXTERNAL_PREFIX, ''), external, slugOf(name), company.id, name, slugOf(plain)];
  const keys = given.filter((key) => key !== '');
  return { id: company.id, name, keys: [...new Set(keys)], spellings: [...new Set(spellings)] };
}

/** Whether a text calls a company by one of its names, written with its capitals. */
export function mentions(text: string, { spellings }: Pick<CompanyNames, 'spellings'>): boolean {
  return spellings.some((spelling) => holdsWords(text, spelling));
}

/** Whether a document's metadata names a company. */
export function isLinked(metadata: JsonValue, { keys }: Pick<CompanyNames, 'keys'>): boolean {
  const values = linksOf(metadata);
  return keys.some((key) => values.has(key.toLowerCase()));
}

/** As much of a document's metadata as names a company, to find others by that it names in the same way; null: it names it not. */
export function linkOf(metadata: JsonObject, { keys }: Pick<CompanyNames, 'keys'>): JsonObject | null {
  const wanted = new Set(keys.map((key) => key.toLowerCase()));
  const visit = (value: JsonValue, depth: number): JsonValue | null => {
    if (typeof value === 'string') return wanted.has(value.toLowerCase()) ? value : null;
    if (depth === METADATA_DEPTH || value === null || typeof value !== 'object') return null;
    for (const [key, inner] of Object.entries(value)) {
      const found = visit(inner as JsonValue, depth + 1);
      if (found !== null) return Array.isArray(value) ? [found] : { [key]: found };
    }
    return null;
  };
  const link = visit(metadata, 0);
  return isJsonObject(link) ? link : null;
}

/** The short values of metadata, in lower case. */
export function linksOf(metadata: JsonValue): Set<string> {
  const values = new Set<string>();
  const visit = (value: JsonValue, depth: number): void => {
    if (typeof value === 'string') values.add(value.toLowerCase());
    else if (depth === METADATA_DEPTH) return;
    else if (Array.isArray(value)) for (const inner of value) visit(inner, depth + 1);
    else if (isJsonObject(value)) for (const inner of Object.values(value)) visit(inner, depth + 1);
  };
  visit(metadata, 0);
  return values;
}

function holdsWords(text: string, words: string): boolean {
  for (let at = text.indexOf(words); at !== -1; at = text.indexOf(words, at + 1)) {
    const before = text.slice(Math.max(0, at - 2), at);
    const after = text.slice(at + words.length, at + words.length + 2);
    if (!/[\p{L}\p{N}]$/u.test(before) && !/^[\p{L}\p{N}]/u.test(after)) return true;
  }
  return false;
}

function withoutEnd(name: string, end: RegExp): string {
  let left = name;
  for (let shorter = left.replace(end, ''); shorter !== left && shorter !== ''; shorter = left.replace(end, '')) {
    left = shorter;
  }
  return left.replace(/[\s,&]+$/u, '');
}

function slugOf(name: string): string {
  return name
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .toLowerCase()
    .replace(/[^a-z\d]+/g, '-')
    .replace(/^-+|-+$/g, '');
}
