import type { JsonObject } from '../../../../shared/json.ts';
import type { Document } from '../../../documents/document.ts';
import { Fields } from '../../../documents/extractors/json.ts';
import { inlineValue } from '../../../documents/extractors/values.ts';
import { companyRecord, type Outcome, type WonRule } from '../../companies/company-record.ts';
import { companyNames, linksOf } from '../../evidence/company-names.ts';
import { type Appearance, peopleOf, personKey } from './people.ts';

/** A company as documents are linked with it: plain JSON. */
export type DirectoryEntry = {
  id: string;
  name: string;
  outcome: Outcome;
  stage: string | null;
  owner: string | null;
  keys: string[];
  spellings: string[];
  domain: string | null;
  contacts: Appearance[];
};

const KEYS = 5;
const CONTACTS = 8;
const DOMAIN = /(?<![\p{L}\p{N}.-])(?:www\.)?((?:[a-z\d-]{1,63}\.){1,4}[a-z]{2,24})(?![\p{L}\p{N}-])/giu;
const READ_CHARACTERS = 20_000;

export function directoryEntry(document: Document, won: WonRule | null): DirectoryEntry {
  const { id, name, outcome, stage, owner } = companyRecord(document, won);
  const { keys, spellings } = companyNames(document);
  return {
    ...{ id, name, outcome, stage, owner },
    keys: keys.slice(0, KEYS),
    spellings: spellings.slice(0, 3),
    domain: domainOf(document.source),
    contacts: peopleOf(document).slice(0, CONTACTS),
  };
}

/** Finds companies by what documents call them. A name that two companies have names neither. */
export class CompanyDirectory {
  readonly #byId = new Map<string, DirectoryEntry>();
  readonly #byKey = new Map<string, string | null>();
  readonly #byName = new Map<string, string | null>();
  readonly #byDomain = new Map<string, string | null>();
  /** Spellings by their first word. */
  readonly #spellings = new Map<string, { spelling: string; id: string }[]>();
  readonly #owners: ReadonlySet<string>;

  constructor(entries: readonly DirectoryEntry[]) {
    this.#owners = new Set(entries.flatMap(({ owner }) => (owner === null ? [] : [personKey(owner)])));
    for (const entry of entries) {
      this.#byId.set(entry.id, entry);
      for (const key of entry.keys) put(this.#byKey, key.toLowerCase(), entry.id);
      for (const spelling of entry.spellings) put(this.#byName, spelling.toLowerCase(), entry.id);
      if (entry.domain !== null) put(this.#byDomain, entry.domain, entry.id);
    }
    for (const { id, spellings } of entries) {
      for (const spelling of spellings) {
        if (this.#byName.get(spelling.toLowerCase()) !== id) continue;
        const word = spelling.split(' ', 1)[0] ?? '';
        this.#spellings.set(word, [...(this.#spellings.get(word) ?? []), { spelling, id }]);
      }
    }
  }

  get(id: string): DirectoryEntry | undefined {
    return this.#byId.get(id);
  }

  /** Whether a company of the workspace is in somebody's charge who is called so. */
  isOwner(name: string): boolean {
    return this.#owners.has(personKey(name));
  }

  /** Of an organisation's name, an address' domain. */
  companyOf({ organisation, domain }: Pick<Appearance, 'organisation' | 'domain'>): string | null {
    const named = organisation === null ? null : this.#byName.get(organisation.toLowerCase());
    return named ?? (domain === null ? null : (this.#byDomain.get(domain) ?? null));
  }

  /** Those that a document's metadata names. */
  linked(metadata: JsonObject): string[] {
    const ids = [...linksOf(metadata)].flatMap((value) => this.#byKey.get(value) ?? []);
    return [...new Set(ids)];
  }

  /** Those that a text names, or whose domain it has. */
  mentioned(text: string): string[] {
    const read = text.slice(0, READ_CHARACTERS);
    const found = new Set<string>();
    for (const { 0: word, index } of read.matchAll(/(?<![\p{L}\p{N}])[\p{Lu}\p{N}][^\s,;:!?()"“”]*/gu)) {
      for (const { spelling, id } of this.#spellings.get(word.replace(/(?:[’']s)?\.*$/u, '')) ?? []) {
        if (read.startsWith(spelling, index) && !/^[\p{L}\p{N}]/u.test(read.slice(index + spelling.length)))
          found.add(id);
      }
    }
    for (const [, domain = ''] of read.matchAll(DOMAIN)) {
      const id = this.#byDomain.get(domain.toLowerCase());
      if (id != null) found.add(id);
    }
    return [...found];
  }
}

function put(map: Map<string, string | null>, key: string, id: string): void {
  if (key === '') return;
  const known = map.get(key);
  map.set(key, known === undefined || known === id ? id : null);
}

function domainOf(source: JsonObject): string | null {
  const fields = new Fields(source.company, source.properties, source);
  const address = inlineValue(fields.first('website', 'websiteurl', 'domain', 'homepage', 'companyurl', 'web'));
  if (address === '') return null;
  const url = URL.parse(/^[a-z][a-z\d+.-]*:\/\//iu.test(address) ? address : `https://${address}`);
  return url?.hostname.replace(/^www\./u, '') ?? null;
}
