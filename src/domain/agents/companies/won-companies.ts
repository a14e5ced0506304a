import { createHash } from 'node:crypto';
import type { JsonObject } from '../../../shared/json.ts';
import type { Document } from '../../documents/document.ts';
import type { AgentRunContext } from '../agent-type.ts';
import { counted } from '../evidence/citation.ts';
import { type CompanyRecord, companyRecord, contains, type WonRule, wonMetadata } from './company-record.ts';

/** The companies that buy, which others are compared with. */
export type WonCompanies = {
  /** By what they are known; null: by what their stage is called, in no metadata that could be searched for. */
  rule: WonRule | null;
  /** Whether a person said so. */
  isConfigured: boolean;
  /** All of them, or a sample in which each has the same chance. */
  companies: CompanyRecord[];
  /** How many there are. */
  total: number;
  /** Whether there are more than were looked through. */
  isCut: boolean;
};

type Run = Pick<AgentRunContext<unknown, unknown>, 'tools' | 'step'>;

const PAGE = 500;
/** Companies among which it is seen how a workspace says that one buys. */
const SAMPLE_PAGES = 4;
/** Companies that buy which are looked through: 10,000. */
const WON_PAGES = 20;
/** Companies that others are compared with. */
const COMPARED_MAX = 200;

/** @param configured metadata of companies that buy; empty: seen by what stages are called */
export function findWonCompanies(run: Run, configured: WonRule): Promise<WonCompanies> {
  return run.step('find the companies that buy', async () => {
    const isConfigured = Object.keys(configured).length > 0;
    const { rule, seen } = isConfigured ? { rule: configured, seen: [] } : await detectRule(run);
    if (rule === null) return { rule, isConfigured, companies: sample(seen), total: seen.length, isCut: false };
    return { rule, isConfigured, ...(await readWon(run, rule)) };
  });
}

async function readWon({ tools }: Run, rule: WonRule): Promise<Pick<WonCompanies, 'companies' | 'total' | 'isCut'>> {
  let companies: CompanyRecord[] = [];
  let total = 0;
  let after: string | null = null;
  for (let page = 0; page < WON_PAGES; page++) {
    const filter = { kinds: ['COMPANY' as const], metadata: rule };
    const documents = await tools.listDocuments({ filter, after, first: PAGE });
    companies = sample([...companies, ...documents.map((document) => companyRecord(document, rule))]);
    total += documents.length;
    after = documents.at(-1)?.id ?? null;
    if (documents.length < PAGE) return { companies, total, isCut: false };
  }
  return { companies, total, isCut: true };
}

/** The same companies in each run, and old and new ones alike: whichever have the lowest hashes. */
function sample(companies: readonly CompanyRecord[]): CompanyRecord[] {
  const hashed = companies.map((company) => ({ company, hash: createHash('sha256').update(company.id).digest('hex') }));
  hashed.sort((left, right) => (left.hash < right.hash ? -1 : 1));
  return hashed.slice(0, COMPARED_MAX).map(({ company }) => company);
}

/** Whether a company is one that buys, also where it is none of those that others are compared with. */
export function isWon(
  document: Document,
  { rule, isConfigured }: Pick<WonCompanies, 'rule' | 'isConfigured'>,
): boolean {
  if (isConfigured && rule !== null) return contains(document.metadata, rule);
  return companyRecord(document, rule).outcome === 'WON';
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
export function wonSaid({ rule, isConfigured, companies, total, isCut }: WonCompanies): string {
  if (companies.length === 0) {
    return isConfigured
      ? `No company has the metadata ${JSON.stringify(rule)}.`
      : 'No company is marked as a customer; set “won” in the configuration to say which are.';
  }
  const all = counted(total, 'company', 'companies');
  const some =
    companies.length === total ? '' : `${companies.length.toLocaleString('en-US')} of ${isCut ? 'the first ' : ''}`;
  if (rule === null) return `Compared with ${some}${all} whose stage says that they buy.`;
  return `Compared with ${some}${all} with the metadata ${JSON.stringify(rule)}${isConfigured ? '' : ', which was detected'}.`;
}
