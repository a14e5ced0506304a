import { DOCUMENT_KINDS } from '../../documents/document.ts';
import type { DocumentPlace } from '../agent-tools.ts';
import type { AgentRunContext } from '../agent-type.ts';
import { type CompanyNames, companyNames } from './company-names.ts';
import { addedUp, CompanyIndex, type CompanyNews, newsOf } from './company-news.ts';
import { placeOf } from './evidence-document.ts';

/** The companies that a run looks at, where it was given none. */
export interface ChosenCompanies {
  /** Those with most news first. */
  companies: { names: CompanyNames; documents: number }[];
  /** Companies of the workspace that were read; there may be more. */
  known: number;
  isAll: boolean;
  /** Documents that were looked through for news, the newest. */
  documentsRead: number;
}

const COMPANIES_OF_PAGE = 250;
const COMPANY_PAGES = 8;
const DOCUMENTS_OF_PAGE = 500;
const DOCUMENT_PAGES = 10;
/** Companies whose news a step remembers. */
const NEWS_KEPT = 500;

/** Finds the companies that most was heard of since `after`, in steps of the run. */
export async function chooseCompanies(
  run: Pick<AgentRunContext<unknown, unknown>, 'step' | 'tools' | 'requestedAt'>,
  options: { after: Date; limit: number },
): Promise<ChosenCompanies> {
  const { known, isAll } = await listCompanies(run);
  const index = new CompanyIndex(known);
  const news: CompanyNews[] = [];
  let documentsRead = 0;
  let after: DocumentPlace | null = null;
  const filter = { kinds: DOCUMENT_KINDS.filter((kind) => kind !== 'COMPANY'), createdAfter: options.after };
  for (let page = 0; page < DOCUMENT_PAGES && known.length > 0; page++) {
    const from: DocumentPlace | null = after;
    const name = `look for news in documents ${page * DOCUMENTS_OF_PAGE + 1}–${(page + 1) * DOCUMENTS_OF_PAGE}`;
    const read: { news: [string, number, number][]; count: number; last: DocumentPlace | null } = await run.step(
      name,
      async () => {
        const documents = await run.tools.listNewest({ filter, after: from, first: DOCUMENTS_OF_PAGE });
        const found = newsOf(index, documents, run.requestedAt).slice(0, NEWS_KEPT);
        const rows = found.map((each): [string, number, number] => [each.companyId, each.documents, each.weight]);
        return { news: rows, count: documents.length, last: placeOf(documents.at(-1)) };
      },
    );
    news.push(...read.news.map(([companyId, documents, weight]) => ({ companyId, documents, weight })));
    documentsRead += read.count;
    after = read.last;
    if (read.count < DOCUMENTS_OF_PAGE) break;
  }
  const byId = new Map(known.map((names) => [names.id, names]));
  const companies = addedUp(news)
    .slice(0, options.limit)
    .flatMap(({ companyId, documents }) => {
      const names = byId.get(companyId);
      return names === undefined ? [] : [{ names, documents }];
    });
  return { companies, known: known.length, isAll, documentsRead };
}

async function listCompanies(run: Pick<AgentRunContext<unknown, unknown>, 'step' | 'tools'>) {
  const known: CompanyNames[] = [];
  let after: string | null = null;
  for (let page = 0; page < COMPANY_PAGES; page++) {
    const from: string | null = after;
    const name = `list companies ${page * COMPANIES_OF_PAGE + 1}–${(page + 1) * COMPANIES_OF_PAGE}`;
    const listed = await run.step(name, async () => {
      const first = COMPANIES_OF_PAGE;
      const documents = await run.tools.listDocuments({ filter: { kinds: ['COMPANY'] }, after: from, first });
      return documents.map((document) => ({ ...companyNames(document) }));
    });
    known.push(...listed);
    after = listed.at(-1)?.id ?? null;
    if (listed.length < COMPANIES_OF_PAGE) return { known, isAll: true };
  }
  return { known, isAll: false };
}
