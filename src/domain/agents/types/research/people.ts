import { mentions } from '../../evidence/company-names.ts';
import { cite } from '../../evidence/evidence-document.ts';
import type { PersonStatement } from './company-brief.ts';
import type { AboutCompany, CompanyMaterial } from './material.ts';

const NAME = String.raw`\p{Lu}[\p{L}'’-]+(?: (?:\p{Lu}\.|de|van|von|der|den|la|di|\p{Lu}[\p{L}'’-]+)){0,2} \p{Lu}[\p{L}'’-]+`;
const ROLE = `(?:(?:new |interim |former |group |deputy |assistant |senior )*(?:chief [a-z]+(?: and [a-z]+)? officer|CEO|CFO|COO|CTO|CIO|CISO|CMO|managing director|(?:finance|operations|sales|marketing|IT|logistics|supply chain|commercial|technical|plant|site|warehouse|transport|project|product|HR|purchasing|procurement)[a-z ]{0,20} (?:director|manager|lead)|head of [a-z][a-z ]{2,30}[a-z]|(?:vice )?president|VP(?: of)? [A-Z][a-z]+|founder|co-founder|owner|chair(?:man|woman|person)?|director|planner|buyer|Geschäftsführer(?:in)?|Vorständ(?:in)?|Werkleiter(?:in)?|(?:Einkaufs|Vertriebs|Betriebs|Produktions|Technik)leiter(?:in)?|Leiter(?:in)? (?:der |des )?\\p{Lu}[\\p{L}]+))`;
/** Each with one name and one role, either first. */
const PATTERNS: readonly RegExp[] = [
  new RegExp(
    String.raw`(?<name>${NAME}),? (?:\(|(?:is |was |as |has been |joined as |becomes? |became )?(?:our |the |their |its |a |an )?)(?<role>${ROLE})(?![\p{L}])`,
    'u',
  ),
  new RegExp(
    String.raw`(?<![\p{L}])(?<role>${ROLE})(?: at [\p{Lu}][\p{L}]+)?,? (?:is |will be |named )?(?<name>${NAME})`,
    'u',
  ),
  new RegExp(
    `(?:named|appointed|hired|promoted|welcomed) (?<name>${NAME}) (?:as |to )(?:our |the |its |their |be )?(?<role>${ROLE})`,
    'u',
  ),
];

/** The people of a company: who is named with a role, and who wrote in its name; newest first, each once. */
export function peopleOf({ names, own, documents }: CompanyMaterial, limit: number): PersonStatement[] {
  const people = new Map<string, PersonStatement>();
  const add = (person: PersonStatement) => {
    const key = person.name.toLowerCase();
    const known = people.get(key);
    if (known === undefined || (known.role === null && person.role !== null)) people.set(key, person);
  };
  const read = documents.map((document) => ({ document, isOfThem: document.isTheirs || document.isTalk }));
  for (const { document, isOfThem } of [...read, { document: own, isOfThem: true }]) {
    for (const { quote, text } of document.sentences) {
      const found = isOfThem || mentions(text, names) ? namedRole(text) : null;
      if (found !== null) add({ ...found, text, citation: cite(document, quote) });
    }
  }
  for (const document of documents) {
    const writer = writerOf(document);
    if (writer !== null) add(writer);
  }
  return [...people.values()].slice(0, limit);
}

/** The person and the role that a sentence names; null: none. */
export function namedRole(sentence: string): { name: string; role: string } | null {
  for (const pattern of PATTERNS) {
    const { name, role } = pattern.exec(sentence)?.groups ?? {};
    if (name !== undefined && role !== undefined) return { name, role };
  }
  return null;
}

/** Who wrote in the company's name: "Petra Halloway, Frostvale Cold Storage". */
function writerOf(document: AboutCompany): PersonStatement | null {
  const { author, isTheirs, title } = document;
  const name = author === null ? '' : (author.split(/\s*[(,|@–—]/u, 1)[0] ?? '').trim();
  if (author === null || !isTheirs || !new RegExp(`^${NAME}$`, 'u').test(name)) return null;
  return { name, role: null, text: `${name} wrote “${title}”.`, citation: cite(document, author) };
}
