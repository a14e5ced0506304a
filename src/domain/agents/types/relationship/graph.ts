import type { CompanyDirectory } from './company-directory.ts';
import { personKey } from './people.ts';
import { type Contacts, directionOf, strengthOf } from './strength.ts';
import type { Present, Touch } from './touches.ts';

/** Someone of a company. */
export type Person = {
  key: string;
  name: string;
  role: string | null;
  /** Masked. */
  email: string | null;
  /** Documents in which they had to do with us. */
  contacts: number;
  /** ISO 8601; null: they are a contact on record with whom nothing is documented. */
  lastAt: string | null;
  documentIds: string[];
};

/** One of us and one of them. */
export type Tie = Contacts & {
  /** Null: one of them wrote, and nobody of us is documented. */
  ours: string | null;
  theirs: string;
  documentIds: string[];
  strength: number;
};

/** What was last said between us and a company. */
export type LastContact = {
  at: string;
  documentId: string;
  title: string;
  opening: string;
  /** Who wrote, or was there. */
  by: string;
  direction: 'inbound' | 'outbound' | 'together';
  /** They wrote a message, and nothing of ours is later. */
  isUnanswered: boolean;
};

export type Relationship = {
  companyId: string;
  people: Person[];
  /** Strongest first. */
  ties: Tie[];
  last: LastContact | null;
  /** The newest talk on record of which it is not told who was there. */
  talk: { at: string; title: string; documentId: string } | null;
  /** Messages and feedback that they wrote, newest first. */
  theirWords: string[];
  /** Documents that have to do with it. */
  documents: number;
  /** Those in which only its name stands. */
  mentionIds: string[];
};

/** Who knows whom. */
export type Graph = {
  /** What we are called, as found or told; null: it could not be seen. */
  us: string | null;
  relationships: Map<string, Relationship>;
  /** Someone whose name documents have of two companies. */
  moved: { name: string; companyIds: string[] }[];
};

const IDS = 8;
/** What begins so wants no answer, unless it asks. */
const THANKS =
  /^(?:(?:many |vielen |merci |muchas )?(?:thanks?|thank you|danke|dank|merci|gracias|grazie|obrigad[oa]))(?!\p{L})[^?]*$/iu;
/** Documents whose authors say that they are of it, before it is taken for us. */
const SURE_DOCUMENTS = 3;

/**
 * @param options.told what we are called, where the configuration says so
 * @param options.askedFor a company that is in it though no document speaks of it
 */
export function graphOf(
  touches: readonly Touch[],
  directory: CompanyDirectory,
  options: { told: readonly string[]; now: Date; askedFor?: string | null },
): Graph {
  const { told, now, askedFor } = options;
  const sorted = touches.toSorted((left, right) => left.at.localeCompare(right.at) || (left.id < right.id ? -1 : 1));
  const us = new OurPeople(sorted, told, directory);
  const builders = new Map<string, RelationshipBuilder>();
  const builderOf = (id: string) => {
    const builder = builders.get(id) ?? new RelationshipBuilder(id, us);
    builders.set(id, builder);
    return builder;
  };
  const ofThreads = companiesOfThreads(sorted);
  for (const touch of sorted) {
    const linked = touch.linked.length > 0 ? touch.linked : (ofThreads.get(touch.thread ?? '') ?? []);
    for (const id of linked) builderOf(id).add(touch);
    for (const id of touch.mentioned) builderOf(id).mention(touch);
  }
  if (askedFor != null) builderOf(askedFor);
  const relationships = new Map<string, Relationship>();
  for (const [id, builder] of builders) {
    const entry = directory.get(id);
    if (entry !== undefined) relationships.set(id, builder.done(entry.contacts, now));
  }
  return { us: us.name, relationships, moved: movedPeople(relationships) };
}

function companiesOfThreads(touches: readonly Touch[]): Map<string, string[]> {
  const found = new Map<string, string[]>();
  for (const { thread, linked } of touches) {
    if (thread !== null && linked.length > 0)
      found.set(thread, [...new Set([...(found.get(thread) ?? []), ...linked])]);
  }
  return found;
}

/** Tells our people from theirs. */
class OurPeople {
  /** What organisations of ours begin with, in lower case. */
  readonly #prefixes: string[];
  readonly #keys = new Set<string>();
  readonly #directory: CompanyDirectory;
  readonly name: string | null;

  constructor(touches: readonly Touch[], told: readonly string[], directory: CompanyDirectory) {
    this.#directory = directory;
    this.name = told[0] ?? likeliestUs(touches, directory);
    this.#prefixes = (told.length > 0 ? told : this.name === null ? [] : [this.name]).map((name) => name.toLowerCase());
    for (const { people, kind } of touches) {
      for (const person of people) {
        // Whom work is assigned to and who changes the code is of the house.
        const isInside =
          person.companyId === null && (person.part === 'assignee' || (kind === 'COMMIT' && person.part === 'author'));
        if (this.#isNamedOurs(person) || (isInside && person.organisation === null))
          this.#keys.add(personKey(person.name));
      }
    }
  }

  isOurs(person: Present): boolean {
    if (person.companyId !== null) return false;
    if (this.#isNamedOurs(person) || this.#directory.isOwner(person.name)) return true;
    return person.organisation === null && this.#keys.has(personKey(person.name));
  }

  #isNamedOurs({ organisation, companyId }: Present): boolean {
    const named = organisation?.toLowerCase();
    return companyId === null && named !== undefined && this.#prefixes.some((prefix) => named.startsWith(prefix));
  }
}

/** The first word of what most authors say that they are of, where that is no company of the workspace. */
function likeliestUs(touches: readonly Touch[], directory: CompanyDirectory): string | null {
  const counts = new Map<string, number>();
  for (const { people } of touches) {
    for (const { name, organisation, companyId } of people) {
      const word = organisation === null || companyId !== null ? null : (organisation.split(' ', 1)[0] ?? null);
      // Who has companies in their charge is one of us.
      const sureness = directory.isOwner(name) ? SURE_DOCUMENTS : 1;
      if (word !== null) counts.set(word, (counts.get(word) ?? 0) + sureness);
    }
  }
  const [first] = [...counts].sort(([left, more], [right, less]) => less - more || (left < right ? -1 : 1));
  return first !== undefined && first[1] >= SURE_DOCUMENTS ? first[0] : null;
}

/** One document in which we and they talked. */
interface Talk {
  direction: LastContact['direction'];
  at: string;
  id: string;
  theirs: string[];
  ours: string[];
}

/** Gathers what documents say of us and one company; they come oldest first. */
class RelationshipBuilder {
  readonly #companyId: string;
  readonly #us: OurPeople;
  readonly #people = new Map<string, Person>();
  readonly #threads = new Map<string, Talk[]>();
  readonly #theirWords: string[] = [];
  readonly #mentionIds: string[] = [];
  #documents = 0;
  #last: LastContact | null = null;
  #noted: Relationship['talk'] = null;

  constructor(companyId: string, us: OurPeople) {
    this.#companyId = companyId;
    this.#us = us;
  }

  mention(touch: Touch): void {
    this.#documents++;
    this.#mentionIds.unshift(touch.id);
    this.#mentionIds.splice(IDS);
  }

  add(touch: Touch): void {
    this.#documents++;
    const theirs = touch.people.filter((person) => this.#isTheirs(person, touch));
    const ours = touch.people.filter((person) => this.#us.isOurs(person) && person.part !== 'reporter');
    for (const person of theirs) this.#meet(person, touch);
    if (touch.isTalk) this.#noted = { at: touch.at, title: touch.title, documentId: touch.id };
    const isTalk = touch.kind !== 'JIRA_ISSUE' && touch.kind !== 'COMMIT' && touch.kind !== 'PULL_REQUEST';
    if (isTalk) this.#talk(touch, theirs, ours);
  }

  /** Who is of the company, or writes feedback in its name and is of nobody else. */
  #isTheirs(person: Present, { kind, linked }: Touch): boolean {
    if (person.companyId !== null) return person.companyId === this.#companyId;
    if (this.#us.isOurs(person) || person.organisation !== null) return false;
    return linked.length === 1 && linked[0] === this.#companyId && (kind === 'FEEDBACK' || kind === 'COMPANY');
  }

  #meet(person: Present, { at, id }: Touch): void {
    const key = personKey(person.name);
    const known = this.#people.get(key);
    this.#people.set(key, {
      ...{
        key,
        name: person.name,
        role: person.role ?? known?.role ?? null,
        email: person.email ?? known?.email ?? null,
      },
      contacts: (known?.contacts ?? 0) + 1,
      lastAt: at,
      documentIds: [id, ...(known?.documentIds ?? [])].slice(0, IDS),
    });
  }

  #talk(touch: Touch, theirs: readonly Present[], ours: readonly Present[]): void {
    const byThem = theirs.find(({ part }) => part === 'author');
    const byUs = ours.find(({ part }) => part === 'author');
    const isTogether = theirs.length > 0 && ours.length > 0;
    if (touch.form === 'note' || (byThem === undefined && byUs === undefined && !isTogether)) return;
    const direction = isTogether && touch.form === 'talk' ? 'together' : byThem === undefined ? 'outbound' : 'inbound';
    if (byThem !== undefined && (touch.kind === 'MESSAGE' || touch.kind === 'FEEDBACK')) {
      this.#theirWords.unshift(touch.id);
      this.#theirWords.splice(IDS);
    }
    const thread = touch.thread ?? touch.id;
    const talk = { direction, at: touch.at, id: touch.id, theirs: namesOf(theirs), ours: namesOf(ours) } as const;
    this.#threads.set(thread, [...(this.#threads.get(thread) ?? []), talk]);
    const by = (direction === 'together' ? theirs[0] : (byThem ?? byUs))?.name ?? '';
    this.#keepLast(touch, direction, by);
  }

  #keepLast({ at, id: documentId, title, opening, kind }: Touch, direction: LastContact['direction'], by: string) {
    const isUnanswered = direction === 'inbound' && kind === 'MESSAGE' && !THANKS.test(opening);
    this.#last = { at, documentId, title, opening, by, direction, isUnanswered };
  }

  done(contacts: readonly { name: string; role: string | null; email: string | null }[], now: Date): Relationship {
    for (const { name, role, email } of contacts) {
      const key = personKey(name);
      const known = this.#people.get(key) ?? { key, name, contacts: 0, lastAt: null, documentIds: [] };
      this.#people.set(key, { ...known, role, email });
    }
    const ties = tiesOf(this.#threads.values())
      .map((tie) => ({ ...tie, strength: strengthOf(tie, now) }))
      .sort((left, right) => right.strength - left.strength || right.lastAt.localeCompare(left.lastAt));
    return {
      companyId: this.#companyId,
      people: [...this.#people.values()].sort(
        (left, right) => right.contacts - left.contacts || (right.lastAt ?? '').localeCompare(left.lastAt ?? ''),
      ),
      ties,
      last: this.#last,
      talk: this.#last === null ? this.#noted : null,
      theirWords: this.#theirWords,
      documents: this.#documents,
      mentionIds: this.#mentionIds,
    };
  }
}

/** Who of them was there with whom of us, and in which direction; what one says in a thread is said to all in it. */
function tiesOf(threads: Iterable<readonly Talk[]>): Omit<Tie, 'strength'>[] {
  const ties = new Map<string, Omit<Tie, 'strength'>>();
  for (const talks of threads) {
    const allTheirs = [...new Set(talks.flatMap(({ theirs }) => theirs))];
    const allOurs = [...new Set(talks.flatMap(({ ours }) => ours))];
    for (const talk of talks) {
      const ours = talk.direction === 'inbound' ? (allOurs.length === 0 ? [null] : allOurs) : talk.ours;
      const theirs = talk.direction === 'outbound' ? allTheirs : talk.theirs;
      for (const their of theirs) for (const our of ours) addTo(ties, our, their, talk);
    }
  }
  const all = [...ties.values()];
  const known = new Set(all.filter(({ ours }) => ours !== null).map(({ theirs }) => personKey(theirs)));
  // What someone wrote that nobody of us is documented to have answered counts where nobody of us knows them.
  return all.filter(({ ours, theirs }) => ours !== null || !known.has(personKey(theirs)));
}

function addTo(ties: Map<string, Omit<Tie, 'strength'>>, ours: string | null, theirs: string, talk: Talk): void {
  const key = `${ours === null ? '' : personKey(ours)}|${personKey(theirs)}`;
  const known = ties.get(key) ?? {
    ours,
    theirs,
    inbound: 0,
    outbound: 0,
    together: 0,
    lastAt: talk.at,
    documentIds: [],
  };
  ties.set(key, {
    ...known,
    [talk.direction]: known[talk.direction] + 1,
    lastAt: talk.at > known.lastAt ? talk.at : known.lastAt,
    documentIds: [talk.id, ...known.documentIds].slice(0, IDS),
  });
}

function namesOf(people: readonly Present[]): string[] {
  return [...new Set(people.map(({ name }) => name))];
}

/** People of one name and two companies: one may have moved, or they are two. */
function movedPeople(relationships: ReadonlyMap<string, Relationship>): Graph['moved'] {
  const companies = new Map<string, { name: string; seen: { id: string; at: string }[] }>();
  for (const [id, { people }] of relationships) {
    for (const { key, name, lastAt } of people) {
      const known = companies.get(key) ?? { name, seen: [] };
      companies.set(key, { name, seen: [...known.seen, { id, at: lastAt ?? '' }] });
    }
  }
  return [...companies.values()]
    .filter(({ seen }) => seen.length > 1)
    .map(({ name, seen }) => ({
      name,
      companyIds: seen.toSorted((left, right) => left.at.localeCompare(right.at)).map(({ id }) => id),
    }));
}

/** How a tie goes, as a person would say it. */
export function tieSaid(tie: Tie): string {
  const directions = { mutual: 'both ways', inbound: 'they write', outbound: 'we write' } as const;
  return directions[directionOf(tie)];
}
