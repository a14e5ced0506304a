import { recordInsight } from '../../insights/insight-store.ts';
import { recordSignal } from '../../insights/signal-store.ts';
import type { AgentTools } from '../agent-tools.ts';
import { OutOfReachError } from '../errors.ts';
import { readDocuments } from './document-tools.ts';
import { isAnyThere } from './run-reach.ts';
import { inWorkspace, type ToolParts, type ToolRun } from './tool-run.ts';

type FindingTools = Pick<AgentTools, 'recordSignal' | 'recordInsight'>;

/** What a run leaves. It speaks of nothing but what the run can see. */
export function findingTools(parts: ToolParts, run: ToolRun): FindingTools {
  return {
    recordSignal: async (signal) => {
      const { companyId, evidenceIds } = signal;
      const seen = new Map(
        (await readDocuments(parts, run, [companyId, ...evidenceIds])).map((each) => [each.id, each]),
      );
      if (seen.get(companyId)?.kind !== 'COMPANY') {
        if (await areGone(parts, run, [companyId])) return null;
        throw new OutOfReachError(`a signal is of a company that the run can see, and ${companyId} is none`);
      }
      // What was read a moment ago may be deleted by now.
      const evidence = evidenceIds.filter((id) => seen.has(id));
      if (evidence.length === 0) {
        if (await areGone(parts, run, evidenceIds)) return null;
        throw new OutOfReachError(`the signal of ${companyId} has no evidence that the run can see`);
      }
      const found = { ...signal, evidenceIds: evidence };
      return inWorkspace(parts, run, async (scope) =>
        (await isAnyThere(scope, [companyId])) ? recordSignal(scope, run.finder, found) : null,
      );
    },
    recordInsight: async (insight) => {
      const seen = await readDocuments(parts, run, insight.documentIds);
      const documentIds = seen.map(({ id }) => id);
      if (documentIds.length === 0 && !(await areGone(parts, run, insight.documentIds))) {
        throw new OutOfReachError('the insight stands on documents alone that the run cannot see');
      }
      return inWorkspace(parts, run, (scope) => recordInsight(scope, run.finder, { ...insight, documentIds }));
    },
  };
}

/** A run may take long, and what it has read may be deleted before it is done. */
async function areGone(parts: ToolParts, run: ToolRun, ids: readonly string[]): Promise<boolean> {
  return !(await inWorkspace(parts, run, (scope) => isAnyThere(scope, ids)));
}
