import { isJsonObject, type JsonObject } from '../../../../shared/json.ts';
import type { Document } from '../../../documents/document.ts';
import { Fields } from '../../../documents/extractors/json.ts';
import { inlineValue } from '../../../documents/extractors/values.ts';
import { activityOf } from '../../evidence/activity.ts';
import { clipped, inline } from '../../evidence/citation.ts';
import { titleOf } from '../../evidence/evidence-document.ts';
import type { CompanyDirectory } from './company-directory.ts';
import { type Appearance, peopleOf } from './people.ts';

/** A person in a document, with the company they are of. */
export type Present = Omit<Appearance, 'domain'> & { companyId: string | null };

/** What a document says of who has to do with whom: plain JSON. */
export type Touch = {
  id: string;
  at: string;
  title: string;
  /** How it begins, for reminding someone of it. */
  opening: string;
  kind: Document['kind'];
  /** Whether those who are named as there talked, one of them wrote to the others, or one wrote for themselves. */
  form: 'talk' | 'letter' | 'note';
  /** Whether it is said to be of a talk, whoever was there. */
  isTalk: boolean;
  /** Companies that its metadata or its people link. */
  linked: string[];
  /** Companies that its text names beside them. */
  mentioned: string[];
  thread: string | null;
  people: Present[];
  /** Domain of an author who signs with an address alone. */
  domains: string[];
};

const TITLE_CHARACTERS = 100;
const OPENING_CHARACTERS = 160;
const MENTIONED = 5;
const FIELD_LINE = /^(?:Author|Channel|Board|Votes|Tags|Source|Status|Type|Priority|Category):.*$/gmu;

export function touchOf(document: Document, directory: CompanyDirectory): Touch {
  const found = peopleOf(document);
  const people = found.map(({ domain, ...person }) => ({
    ...person,
    companyId: directory.companyOf({ ...person, domain }),
  }));
  const byPeople = people.flatMap(({ companyId }) => companyId ?? []);
  const linked = [...new Set([...directory.linked(document.metadata), ...byPeople])];
  return {
    id: document.id,
    at: document.createdAt.toISOString(),
    title: clipped(titleOf(document), TITLE_CHARACTERS),
    opening: openingOf(document),
    kind: document.kind,
    form: activityOf(document) ?? 'talk',
    isTalk: document.kind === 'TEXT' && activityOf(document) === 'talk',
    linked,
    mentioned: directory
      .mentioned(document.text)
      .filter((id) => !linked.includes(id))
      .slice(0, MENTIONED),
    thread: threadOf(document.metadata, document.source),
    people,
    domains: [...new Set(found.flatMap(({ domain }) => domain ?? []))],
  };
}

/** What a text begins with, beside its title and its fields. */
function openingOf({ title, text }: Document): string {
  const plain = inline(text.replace(FIELD_LINE, ''));
  const said = title !== null && plain.startsWith(title) ? plain.slice(title.length).trim() : plain;
  return clipped(said === '' ? plain : said, OPENING_CHARACTERS);
}

function threadOf(metadata: JsonObject, source: JsonObject): string | null {
  const inner = [source.message, source.event, source.data].find(isJsonObject);
  const fields = new Fields(metadata, inner, source);
  return inlineValue(fields.first('threadid', 'threadts', 'conversationid', 'thread')).slice(0, 200) || null;
}
