import { isJsonObject, type JsonObject, type JsonValue } from '../../../../shared/json.ts';
import type { Document } from '../../../documents/document.ts';
import { Fields, isArray, listOf } from '../../../documents/extractors/json.ts';
import { inlineValue } from '../../../documents/extractors/values.ts';

/** What part a person has in a document. */
export type Part = 'author' | 'participant' | 'assignee' | 'reporter' | 'commenter' | 'contact';

/** A person as a document names them. */
export type Appearance = {
  name: string;
  /** What they are said to be of: "Frostvale Cold Storage". */
  organisation: string | null;
  role: string | null;
  /** Of their address the part after the @. */
  domain: string | null;
  /** `p•••@frostvale.example`: agents keep no whole addresses. */
  email: string | null;
  part: Part;
};

const TITLE = /^(?:dr|prof|mr|mrs|ms|mx|sir|dame)\.?\s+/iu;
const NAME =
  /^\p{Lu}[\p{L}\p{M}'’.-]*(?: (?:(?:de|del|della|di|da|du|van|von|der|den|ten|ter|la|le|el|al|bin|ibn|af|av|y|e)|\p{Lu}[\p{L}\p{M}'’.-]*)){1,4}$/u;
const ADDRESS = /[\p{L}\p{N}._%+-]{1,64}@[\p{L}\p{N}.-]{1,253}\.\p{L}{2,24}/u;
/** "Petra Halloway (Frostvale Cold Storage)", "Petra Halloway, Frostvale Cold Storage", "Petra Halloway | Frostvale". */
const WITH_ORGANISATION =
  /^(?<name>[^(,|<@]{3,80}?)\s*(?:\((?<inside>[^)]{2,120})\)|(?:,|\||\s[-–—@]\s)\s*(?<after>.{2,120}))$/u;
const PEOPLE_MAX = 20;

/** The people that a document names in its fields, each part once. What its text says of people is not looked for. */
export function peopleOf({ kind, source }: Pick<Document, 'kind' | 'source'>): Appearance[] {
  const found = kind === 'COMPANY' ? contactsOf(source) : [...authorsOf(source, kind), ...othersOf(source)];
  const byKey = new Map(found.map((person) => [`${person.part} ${personKey(person.name)}`, person]));
  return [...byKey.values()].slice(0, PEOPLE_MAX);
}

/** What makes two names one: case, accents, titles and dots do not. */
export function personKey(name: string): string {
  return name
    .replace(TITLE, '')
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, ' ')
    .trim();
}

/** A person as a field gives them: a string in one of the usual forms, or an object; null: it names nobody. */
export function readPerson(value: JsonValue | undefined, part: Part): Appearance | null {
  if (typeof value === 'string') return fromText(value, part);
  if (!isJsonObject(value)) return null;
  const fields = new Fields(value, value.user, value.profile);
  const given = ['firstname', 'lastname'].map((field) => inlineValue(fields.first(field))).join(' ');
  const named = inlineValue(fields.first('displayname', 'realname', 'fullname', 'name')) || given;
  const person = fromText(named, part);
  if (person === null) return null;
  const address = ADDRESS.exec(inlineValue(fields.first('email', 'emailaddress', 'mail')))?.[0] ?? null;
  return {
    ...person,
    organisation:
      inlineValue(fields.first('company', 'organization', 'organisation', 'account')) || person.organisation,
    role: inlineValue(fields.first('title', 'role', 'jobtitle', 'position', 'function')).slice(0, 100) || null,
    ...addressOf(address, person),
  };
}

/** `p•••@frostvale.example`: enough to see whose it is, not enough to write to. */
export function maskedAddress(address: string): string {
  const at = address.lastIndexOf('@');
  return `${address.slice(0, 1)}•••${address.slice(at)}`;
}

function fromText(text: string, part: Part): Appearance | null {
  const line = text.replace(/\s+/gu, ' ').trim().slice(0, 250);
  const address = ADDRESS.exec(line)?.[0] ?? null;
  const plain =
    address === null
      ? line
      : line
          .replace(address, '')
          .replace(/\s*[<(]\s*[>)]\s*/u, ' ')
          .trim();
  const { name = plain, inside, after } = WITH_ORGANISATION.exec(plain)?.groups ?? {};
  const trimmed = name.trim().replace(/^["']|["']$/gu, '');
  if (!NAME.test(trimmed.replace(TITLE, ''))) return null;
  const organisation = (inside ?? after)?.trim() ?? null;
  return { name: trimmed, organisation, role: null, part, ...addressOf(address, null) };
}

function addressOf(address: string | null, known: Pick<Appearance, 'domain' | 'email'> | null) {
  if (address === null) return { domain: known?.domain ?? null, email: known?.email ?? null };
  return { domain: address.slice(address.lastIndexOf('@') + 1).toLowerCase(), email: maskedAddress(address) };
}

function authorsOf(source: JsonObject, kind: Document['kind']): Appearance[] {
  const commit = kind === 'COMMIT' && isJsonObject(source.commit) ? source.commit : null;
  const fields = new Fields(commit ?? undefined, envelopeOf(source), source);
  const author = fields.first(
    'author',
    'sender',
    'from',
    'user',
    'submitter',
    'customer',
    'createdby',
    'owner',
    'authorname',
  );
  return readAll([author], 'author');
}

function othersOf(source: JsonObject): Appearance[] {
  const fields = new Fields(source.fields, envelopeOf(source), source);
  const comments = [
    ...listOf(fields.first('comment', 'comments', 'replies')),
    ...listOf(fields.first('reviewcomments', 'reviews')),
  ];
  const commenters = comments
    .filter(isJsonObject)
    .map((comment) => new Fields(comment).first('author', 'user', 'from'));
  return [
    ...readAll(fields.all('attendees', 'participants', 'invitees', 'recipients', 'to', 'cc', 'with'), 'participant'),
    ...readAll(fields.all('assignee', 'assignees'), 'assignee'),
    ...readAll(fields.all('reporter', 'creator'), 'reporter'),
    ...readAll(commenters, 'commenter'),
  ];
}

function contactsOf(source: JsonObject): Appearance[] {
  const fields = new Fields(envelopeOf(source), source);
  return readAll(
    fields.all('contacts', 'people', 'team', 'keypeople', 'officers', 'primarycontact', 'contact'),
    'contact',
  );
}

function envelopeOf(source: JsonObject): JsonValue | undefined {
  return [source.message, source.event, source.company, source.properties, source.data].find(isJsonObject);
}

function readAll(values: readonly (JsonValue | undefined)[], part: Part): Appearance[] {
  return values
    .flatMap((value) =>
      isArray(value) ? value : isJsonObject(value) && listOf(value).length > 0 ? listOf(value) : [value],
    )
    .slice(0, PEOPLE_MAX)
    .flatMap((value) => readPerson(value, part) ?? []);
}
