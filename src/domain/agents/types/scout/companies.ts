import type { Document } from '../../../documents/document.ts';
import { NAME, NO_NAME } from './vocabulary.ts';

/** What is kept of a COMPANY document: small, because a run holds all of them. */
export type KnownCompany = {
  id: string;
  externalId: string | null;
  name: string;
  aliases: string[];
  domain: string | null;
  /** Other companies are ours to sell to; these are not. */
  isCompetitor: boolean;
};

/** A company's name in a sentence. */
export interface Mention {
  /** Several: the name is that of more than one. */
  readonly companyIds: readonly string[];
  readonly start: number;
  readonly end: number;
}

const LEGAL_FORM =
  /[\s,]+(?:ltd|limited|plc|inc|incorporated|llc|llp|lp|corp|corporation|co|company|gmbh|ag|kg|kgaa|se|ug|ohg|e\.?k|sas|sasu|sarl|sa|bv|b\.v|nv|n\.v|oy|oyj|ab|as|asa|aps|a\/s|srl|s\.r\.l|spa|s\.p\.a|sl|s\.l|pty|pte|kk|holdings?|group|gmbh & co\.? kg|& co)\.?$/iu;
/** First words that many names begin with: alone they name nobody. */
const COMMON_FIRST_WORD =
  /^(?:the|new|north|northern|south|southern|east|eastern|west|western|global|united|national|international|general|first|royal|british|american|european|german|french|london|green|blue|red|black|white|golden|silver|smart|digital|data|cloud|open|city|central|direct|advanced|applied|modern|premier|prime|pure|total|universal|standard|star|sun|sky|ocean|river|mountain|crown|grand|great|big|little|old|young|fast|quick|bright|clear|simple|next|future|alpha|beta|delta|omega|apex|summit|peak|core|one|two|three|saint|st|port|market|food|fresh|health|home|house|energy|power|water|air|fire|rock|stone|wood|iron|steel|union|capital|harbour|bridge|field|hill|park|lake|forest|garden|rapid|express|active|creative|social|mobile|online|tech|bank|café|hotel)$/iu;

export function knownCompany({ id, externalId, title, text, metadata, source }: Document): KnownCompany | null {
  const name = (title ?? '').trim().slice(0, 120);
  if (name === '') return null;
  const given = [metadata.aliases, metadata.alias, source.aliases, source.tradingName].flat();
  const role = [metadata.stage, metadata.type, metadata.relationship, metadata.role].join(' ');
  return {
    id,
    externalId,
    name,
    aliases: given
      .filter((alias) => typeof alias === 'string' && alias.trim().length > 1 && alias.length <= 80)
      .slice(0, 10) as string[],
    domain: domainOf(text, [metadata.domain, metadata.website, source.domain, source.website]),
    isCompetitor: /competitor|rival/iu.test(role),
  };
}

/** A name without `Ltd`, `GmbH` and the like. */
export function plainName(name: string): string {
  let plain = name.trim().replace(/^the /iu, '');
  for (let cut = plain.replace(LEGAL_FORM, ''); cut !== plain && cut !== ''; cut = plain.replace(LEGAL_FORM, ''))
    plain = cut;
  return plain;
}

/** Sentences of a document, and then some. */
const READ_MAX = 1_000;

/** All companies of a run, found by their names, aliases, addresses and ids. */
export class CompanyIndex {
  readonly #byId = new Map<string, KnownCompany>();
  readonly #byKey = new Map<string, Set<string>>();
  /** By the first word of a name, lower-cased: names of so many words. */
  readonly #names = new Map<string, { words: string[]; ids: Set<string> }[]>();
  /** A sentence is asked about many times. */
  readonly #read = new Map<string, readonly Mention[]>();

  constructor(companies: readonly KnownCompany[]) {
    const firstWords = new Map<string, number>();
    for (const { name } of companies) {
      const first = wordsOf(plainName(name))[0]?.word.toLowerCase() ?? '';
      firstWords.set(first, (firstWords.get(first) ?? 0) + 1);
    }
    for (const company of companies) {
      this.#byId.set(company.id, company);
      for (const key of [
        company.id,
        company.externalId,
        company.name,
        plainName(company.name),
        company.domain,
        ...company.aliases,
      ]) {
        if (key) this.#addKey(key, company.id);
      }
      for (const name of [
        company.name,
        plainName(company.name),
        ...company.aliases,
        ...company.aliases.map(plainName),
      ]) {
        this.#addName(name, company.id);
      }
      const first = wordsOf(plainName(company.name))[0]?.word ?? '';
      const isDistinct =
        first.length >= 4 && firstWords.get(first.toLowerCase()) === 1 && !COMMON_FIRST_WORD.test(first);
      if (isDistinct) this.#addName(first, company.id);
    }
  }

  get size(): number {
    return this.#byId.size;
  }

  company(id: string): KnownCompany | undefined {
    return this.#byId.get(id);
  }

  /** The company of an id, an external id, a name or a domain; null: none, or several. */
  find(reference: string): KnownCompany | null {
    const ids =
      this.#byKey.get(keyOf(reference)) ??
      this.#byKey.get(keyOf(plainName(reference))) ??
      this.#byKey.get(
        reference
          .trim()
          .toLowerCase()
          .replace(/^https?:\/\//u, '')
          .replace(/^www\./u, '')
          .replace(/\/.*$/u, ''),
      );
    return ids?.size === 1 ? (this.#byId.get([...ids][0] as string) ?? null) : null;
  }

  /** Whose names and addresses stand in a text, in its order; the longest name of each place. */
  mentions(text: string): readonly Mention[] {
    const known = this.#read.get(text);
    if (known !== undefined) return known;
    if (this.#read.size === READ_MAX) this.#read.clear();
    const mentions = this.#mentionsIn(text);
    this.#read.set(text, mentions);
    return mentions;
  }

  #mentionsIn(text: string): Mention[] {
    const words = wordsOf(text);
    // Who begins sentences in lower case, as in chats, writes names so, too.
    const isLowerCase = /^\P{L}*\p{Ll}/u.test(text);
    const mentions: Mention[] = [];
    for (let i = 0; i < words.length; i++) {
      const found = this.#nameAt(words, i, isLowerCase);
      if (found === null) continue;
      const first = words[i] as Word;
      const last = words[i + found.length - 1] as Word;
      mentions.push({ companyIds: [...found.ids], start: first.start, end: last.end });
      i += found.length - 1;
    }
    for (const found of text.matchAll(/(?<![\w.-])(?:[\w-]+\.){1,4}[a-z]{2,12}(?![\w-])/giu)) {
      const host = found[0].toLowerCase();
      const ids = this.#byKey.get(host) ?? this.#byKey.get(host.replace(/^[\w-]+\./u, ''));
      if (ids !== undefined)
        mentions.push({ companyIds: [...ids], start: found.index, end: found.index + host.length });
    }
    return mentions.sort((left, right) => left.start - right.start);
  }

  #addKey(key: string, id: string): void {
    const normalised = keyOf(key);
    const ids = this.#byKey.get(normalised) ?? new Set();
    this.#byKey.set(normalised, ids.add(id));
  }

  #addName(name: string, id: string): void {
    const words = wordsOf(name).map(({ word }) => word);
    const first = words[0]?.toLowerCase();
    if (first === undefined || words.join('').length < 2) return;
    const names = this.#names.get(first) ?? [];
    const same = names.find((other) => other.words.join(' ').toLowerCase() === words.join(' ').toLowerCase());
    if (same === undefined) names.push({ words, ids: new Set([id]) });
    else same.ids.add(id);
    this.#names.set(first, names);
  }

  /** Names are written with a capital; so are most of the words they are made of. */
  #nameAt(
    words: readonly Word[],
    at: number,
    isLowerCase: boolean,
  ): { length: number; ids: ReadonlySet<string> } | null {
    const first = words[at] as Word;
    const names = this.#names.get(first.word.toLowerCase());
    if (names === undefined) return null;
    let best: { length: number; ids: ReadonlySet<string> } | null = null;
    for (const { words: wanted, ids } of names) {
      const fits = wanted.every((word, i) => words[at + i]?.word.toLowerCase() === word.toLowerCase());
      const hasCapital =
        (isLowerCase && (first.word.length >= 6 || (at === 0 && first.word.length >= 4))) ||
        /^[\p{Lu}\p{N}]/u.test(first.word) ||
        /^\p{Ll}/u.test(wanted[0] as string) ||
        wanted.length > 1;
      if (fits && hasCapital && wanted.length > (best?.length ?? 0)) best = { length: wanted.length, ids };
    }
    return best;
  }
}

/** Names that stand in a sentence where a company's would, before an offset: who did it, as far as words tell. */
export function namedSubject(sentence: string, end: number): { name: string; start: number } | null {
  const found = SUBJECT.exec(sentence.slice(0, end));
  const name = found?.groups?.name?.replace(/['’]s$/u, '') ?? '';
  if (found === null || name === '' || NO_NAME.test(name)) return null;
  const gap = found[0].slice(found.groups?.name?.length ?? 0);
  // "Saw a vacancy": the first word of a sentence has a capital in any case.
  if (
    found.index === 0 &&
    !name.includes(' ') &&
    /(?:^|[ ,])(?:an?|the|its|their|on|and|set|due|it|that|to|about)(?:[ ,]|$)/u.test(gap)
  )
    return null;
  const words = name.split(' ').filter((word) => !/^\d/u.test(word));
  const isWord = (word: string) => NO_NAME.test(word.replace(/['’](?:s|ve|re|d|ll|m)$/u, '')) || NO_COMPANY.test(word);
  const first = words.findIndex((word) => !isWord(word));
  const kept = first === -1 ? [] : words.slice(first);
  const plain = kept.join(' ');
  return plain === '' || NO_NAME.test(plain) ? null : { name: plain, start: found.index };
}
/** Titles and things, capitalised in headlines and at the beginning of sentences. */
const NO_COMPANY =
  /^(?:executives?|managers?|engineers?|developers?|analysts?|account|sales|senior|junior|head|director|officer|job|jobs|role|roles|vacancy|vacancies|opening|noticed|seen|spotted|hearing|heard|posted|lead|score|form|fill|series|seed|round|funding|visitor|visitors|spike|prospect|lost|won|confirmed|rumou?r|alert|web|site|website|pricing|demo|office|warehouse|depot|factory|site|erp|crm|wms|tms|expansion|growth|team|management|leadership|hiring|recruitment|finally|quick|small|huge|great|nice|excellent|exciting|word|looks|sounds|seems|rumours|linkedin|twitter|crunchbase|techcrunch|reuters|bloomberg)$/iu;
const SUBJECT = new RegExp(
  `(?<name>${NAME}),?(?: \\([^)]{1,40}\\))?(?: (?:has|have|had|is|are|was|will|today|just|also|now|recently|officially|quietly|successfully|finally|reportedly|apparently|announced|announces|announce|said|says|confirmed|confirms|revealed|it|that|this|week|morning|been|to|be|the|a|an|its|their|yesterday|plans|set|about|due|went|on|and|hat|haben|a|ont|vient|de|d['’])){0,6}[ ,]*$`,
  'u',
);

interface Word {
  word: string;
  start: number;
  end: number;
}

function wordsOf(text: string): Word[] {
  return Array.from(text.matchAll(/[\p{L}\p{N}]+(?:[&+][\p{L}\p{N}]+)*/gu), (found) => ({
    word: found[0],
    start: found.index,
    end: found.index + found[0].length,
  }));
}

function keyOf(reference: string): string {
  return reference.trim().toLowerCase().replace(/\s+/gu, ' ');
}

function domainOf(text: string, given: readonly unknown[]): string | null {
  const address = given.find((value) => typeof value === 'string' && value.includes('.')) as string | undefined;
  const said = address ?? /^Website: (\S+)$/mu.exec(text)?.[1];
  if (said === undefined) return null;
  const url = URL.parse(/^[a-z][a-z\d+.-]*:\/\//iu.test(said) ? said : `https://${said}`);
  return url === null ? null : url.hostname.replace(/^www\./u, '').toLowerCase();
}
