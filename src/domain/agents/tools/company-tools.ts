import type { Signal } from '../../insights/signal.ts';
import { activeSignalsOf, evidenceOfSignals, listSignals } from '../../insights/signal-store.ts';
import type { AgentTools, SignalGlance } from '../agent-tools.ts';
import { findCompanyId } from './company-store.ts';
import { readDocuments } from './document-tools.ts';
import { withinReach } from './run-reach.ts';
import { checkCount } from './tool-arguments.ts';
import { inWorkspace, type ToolParts, type ToolRun } from './tool-run.ts';

const SIMILAR_MAX = 50;
const SIGNALS_MAX = 100;
const LISTED_SIGNALS_MAX = 500;
const READ_AT_ONCE = 200;
const REFERENCE_MAX_CHARACTERS = 1_000;

type FoundSignal = Awaited<ReturnType<AgentTools['readSignals']>>[number];
type CompanyTools = Pick<AgentTools, 'findCompany' | 'similarCompanies' | 'readSignals' | 'listSignals'>;

/** What a run reads of companies. */
export function companyTools(parts: ToolParts, run: ToolRun): CompanyTools {
  return {
    findCompany: async (reference) => {
      const named = reference.slice(0, REFERENCE_MAX_CHARACTERS).replaceAll('\0', '');
      const id = await inWorkspace(parts, run, (scope) => findCompanyId(scope, run.reach, named));
      return id === null ? null : ((await readDocuments(parts, run, [id]))[0] ?? null);
    },
    similarCompanies: async (companyId, first) => {
      checkCount('first', first, SIMILAR_MAX);
      if ((await readDocuments(parts, run, [companyId])).length === 0) return [];
      const filter = withinReach(run.reach, { kinds: ['COMPANY'] });
      const options = { first, minSimilarity: 0, filter };
      const [hits = []] = await parts.search.similarToMany(run.call('similar'), [companyId], options);
      const ids = hits.map(({ documentId }) => documentId);
      const documents = new Map((await readDocuments(parts, run, ids)).map((document) => [document.id, document]));
      return hits.flatMap(({ documentId, score }) => {
        const document = documents.get(documentId);
        return document === undefined ? [] : [{ document, score }];
      });
    },
    readSignals: async (companyId) => {
      if ((await readDocuments(parts, run, [companyId])).length === 0) return [];
      const signals = await inWorkspace(parts, run, (scope) => activeSignalsOf(scope, companyId, SIGNALS_MAX));
      return withReadableEvidence(parts, run, signals);
    },
    listSignals: async ({ after = null, first }) => {
      checkCount('first', first, LISTED_SIGNALS_MAX);
      const active = { companyId: null, types: null, status: ['ACTIVE' as const] };
      const signals = await inWorkspace(parts, run, (scope) => listSignals(scope, active, { limit: first, after }));
      const next = signals.length < first ? null : (signals.at(-1)?.id ?? null);
      return { signals: await readableGlances(parts, run, signals), next };
    },
  };
}

/** Of companies and from documents that this run can see. */
async function readableGlances(parts: ToolParts, run: ToolRun, signals: readonly Signal[]): Promise<SignalGlance[]> {
  const seen = await withEvidence(parts, run, signals);
  const companies = await readableIds(
    parts,
    run,
    seen.map(({ companyId }) => companyId),
  );
  return seen
    .filter(({ companyId }) => companies.has(companyId))
    .map(({ id, companyId, type, strength, confidence, detectedAt }) => ({
      ...{ id, companyId, type, strength, confidence, detectedAt },
    }));
}

/** Those that stand on a document that this run can see. */
async function withEvidence(parts: ToolParts, run: ToolRun, signals: readonly Signal[]): Promise<readonly Signal[]> {
  if (run.reach.collectionIds === null) return signals;
  const ids = signals.map(({ id }) => id);
  const evidence = await inWorkspace(parts, run, (scope) => evidenceOfSignals(scope, ids));
  const documentIds = evidence.map(({ documentId }) => documentId);
  const readable = await readableIds(parts, run, documentIds);
  const standing = new Set(evidence.filter(({ documentId }) => readable.has(documentId)).map((each) => each.signalId));
  return signals.filter(({ id }) => standing.has(id));
}

/**
 * A signal may have been found in documents that this run does not see: then it does not exist for it. What is known of one
 * that stands on others as well may be what those say, and is left out.
 */
async function withReadableEvidence(
  parts: ToolParts,
  run: ToolRun,
  signals: readonly FoundSignal[],
): Promise<FoundSignal[]> {
  if (run.reach.collectionIds === null) return [...signals];
  const readable = await readableIds(
    parts,
    run,
    signals.flatMap(({ evidenceIds }) => evidenceIds),
  );
  return signals.flatMap((signal) => {
    const evidenceIds = signal.evidenceIds.filter((id) => readable.has(id));
    if (evidenceIds.length === 0) return [];
    const isAllSeen = evidenceIds.length === signal.evidenceIds.length;
    return [isAllSeen ? signal : { ...signal, evidenceIds, data: {} }];
  });
}

async function readableIds(parts: ToolParts, run: ToolRun, ids: readonly string[]): Promise<Set<string>> {
  const distinct = [...new Set(ids)];
  if (run.reach.collectionIds === null) return new Set(distinct);
  const readable = new Set<string>();
  for (let start = 0; start < distinct.length; start += READ_AT_ONCE) {
    const part = distinct.slice(start, start + READ_AT_ONCE);
    for (const { id } of await readDocuments(parts, run, part)) readable.add(id);
  }
  return readable;
}
