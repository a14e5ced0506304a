import type { Document } from '../../documents/document.ts';
import type { AgentTools } from '../agent-tools.ts';
import { clipped } from './citation.ts';
import { companyNames } from './company-names.ts';

const SEARCHED = 10;

/**
 * The company of a reference, also where it is called by the short form of its name: "Frostvale" for "Frostvale Cold
 * Storage". Null: there is none, or several that could be meant.
 */
export async function namedCompany(tools: AgentTools, reference: string): Promise<Document | null> {
  const exact = await tools.findCompany(reference);
  if (exact !== null) return exact;
  const called = reference.trim().toLowerCase();
  if (called === '') return null;
  const found = await tools.search(reference, { filter: { kinds: ['COMPANY'] }, first: SEARCHED });
  const named = found.filter(({ document }) =>
    companyNames(document).spellings.some((spelling) => spelling.toLowerCase() === called),
  );
  return named.length === 1 ? (named[0]?.document ?? null) : null;
}

/** Said where a reference names no company. */
export function notNamed(reference: string): string {
  return `No company of the workspace is called “${clipped(reference, 100)}”, or several are.`;
}
