import type { Document } from '../../../documents/document.ts';
import { type CompanyNames, isLinked, mentions } from '../../evidence/company-names.ts';
import { documentSentences } from '../../evidence/document-sentences.ts';
import type { Caution } from './opportunity.ts';

/** What warns of a company, by the words that documents say it in. */
const WARNINGS: readonly { reason: string; words: RegExp }[] = [
  {
    reason: 'May not be able to pay',
    words:
      /\b(?:strike-?off|insolven\w+|bankrupt\w*|in administration|winding[- ]up|liquidat\w+|receivership|accounts?\b[^.]{0,60}\boverdue|(?:filed|files) late accounts|overdue accounts|payment terms ought to be checked)\b/iu,
  },
  {
    reason: 'Buys nothing for now',
    words:
      /\b(?:(?:halted|paused|frozen|stopped) (?:all )?(?:new )?(?:software|spending|purchases|projects|procurement|it)|(?:budget|spending|hiring) (?:freeze|is frozen)|projects not yet started wait|no budget (?:this|until|before)|nothing is planned and no money)\b/iu,
  },
  {
    reason: 'Has said no',
    words:
      /\b(?:clos\w+ (?:it )?as lost|(?:has|have) (?:chosen|signed with|gone with) (?:a |an |another )?(?:competitor|rival|other supplier)|not interested|turned us down|thanked us and said no)\b/iu,
  },
];
/** Older ones are forgotten. */
export const CAUTION_DAYS = 200;
const DAY_MS = 86_400_000;
const QUOTE_CHARACTERS = 300;
const CAUTIONS = 3;

/** What warns of a company in its own document and in those that have to do with it; each reason once, the newest first. */
export function cautionsOf(company: CompanyNames, documents: readonly Document[], now: Date): Caution[] {
  const found = new Map<string, Caution>();
  const since = now.getTime() - CAUTION_DAYS * DAY_MS;
  for (const document of documents.toSorted((left, right) => right.createdAt.getTime() - left.createdAt.getTime())) {
    if (document.id !== company.id && document.createdAt.getTime() < since) continue;
    const isAbout = document.id === company.id || isLinked(document.metadata, company);
    for (const { quote, text } of documentSentences(document)) {
      if (!isAbout && !mentions(text, company)) continue;
      const warning = WARNINGS.find(({ words }) => words.test(text));
      if (warning === undefined || found.has(warning.reason) || quote.length > QUOTE_CHARACTERS) continue;
      found.set(warning.reason, { reason: warning.reason, quote, documentId: document.id });
    }
  }
  return [...found.values()].slice(0, CAUTIONS);
}
