import type { JsonObject } from '../../../shared/json.ts';
import type { AgentRunContext } from '../agent-type.ts';
import { counted } from '../evidence/citation.ts';
import { type CompanyRecord, companyRecord, type WonRule, wonMetadata } from './company-record.ts';

/** The companies that buy, which others are compared with. */
export type WonCompanies = {
  /** By what they are known; null: by what their stage is called, in no metadata that could be searched for. */
  rule: WonRule | null;
  /** Whether a person said so. */
  isConfigured: boolean;
  companies: CompanyRecord[];
};

type Run = Pick<AgentRunContext<unknown, unknown>, 'tools' | 'step'>;

const PAGE = 500;
/** Companies among which it is seen how a workspace says that one buys. */
const SAMPLE_PAGES = 4;
/** Companies that others are compared with: the ones that came first. */
const WON_MAX = 200;

/** @param configured metadata of companies that buy; empty: seen by what stages are called */
export function findWonCompanies(run: Run, configured: WonRule): Promise<WonCompanies> {
  return run.step('find the companies that buy', async () => {
    const isConfigured = Object.keys(configured).length > 0;
    const { rule, seen } = isConfigured ? { rule: configured, seen: [] } : await detectRule(run);
    if (rule === null) return { rule, isConfigured, companies: seen.slice(0, WON_MAX) };
    const found = await run.tools.listDocuments({ filter: { kinds: ['COMPANY'], metadata: rule }, first: WON_MAX });
    return { rule, isConfigured, companies: found.map((document) => companyRecord(document, rule)) };
  });
}

/** The commonest of the values that say so; and, for where metadata has none, the companies whose source says so. */
async function detectRule({ tools }: Run): Promise<{ rule: WonRule | null; seen: CompanyRecord[] }> {
  const counts = new Map<string, { rule: WonRule; count: number }>();
  const seen: CompanyRecord[] = [];
  let after: string | null = null;
  for (let page = 0; page < SAMPLE_PAGES; page++) {
    const documents = await tools.listDocuments({ filter: { kinds: ['COMPANY'] }, after, first: PAGE });
    for (const document of documents) {
      count(counts, wonMetadata(document.metadata));
      const record = companyRecord(document, null);
      if (record.outcome === 'WON') seen.push(record);
    }
    after = documents.at(-1)?.id ?? null;
    if (documents.length < PAGE) break;
  }
  const [commonest] = [...counts.values()].sort((left, right) => right.count - left.count);
  return { rule: commonest?.rule ?? null, seen };
}

function count(counts: Map<string, { rule: JsonObject; count: number }>, rule: JsonObject | null): void {
  if (rule === null) return;
  const key = JSON.stringify(rule);
  const known = counts.get(key);
  counts.set(key, { rule, count: (known?.count ?? 0) + 1 });
}

/** Which companies count as those that buy, in a sentence. */
export function wonSaid({ rule, isConfigured, companies }: WonCompanies): string {
  if (companies.length === 0) {
    return isConfigured
      ? `No company has the metadata ${JSON.stringify(rule)}.`
      : 'No company is marked as a customer; set “won” in the configuration to say which are.';
  }
  const count = `${companies.length === WON_MAX ? 'the first ' : ''}${counted(companies.length, 'company', 'companies')}`;
  if (rule === null) return `Compared with ${count} whose stage says that they buy.`;
  return `Compared with ${count} with the metadata ${JSON.stringify(rule)}${isConfigured ? '' : ', which was detected'}.`;
}
