import { recordInsight } from '../../insights/insight-store.ts';
import { recordSignal } from '../../insights/signal-store.ts';
import type { AgentTools } from '../agent-tools.ts';
import { OutOfReachError } from '../errors.ts';
import { readDocuments } from './document-tools.ts';
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
        throw new OutOfReachError(`a signal is of a company that the run can see, and ${companyId} is none`);
      }
      // What was read a moment ago may be deleted by now.
      const evidence = evidenceIds.filter((id) => seen.has(id));
      if (evidence.length === 0) {
        throw new OutOfReachError(`the signal of ${companyId} has no evidence that the run can see`);
      }
      return inWorkspace(parts, run, (scope) => recordSignal(scope, run.finder, { ...signal, evidenceIds: evidence }));
    },
    recordInsight: async (insight) => {
      const seen = await readDocuments(parts, run, insight.documentIds);
      const documentIds = seen.map(({ id }) => id);
      if (insight.documentIds.length > 0 && documentIds.length === 0) {
        throw new OutOfReachError('the insight stands on documents alone that the run cannot see');
      }
      return inWorkspace(parts, run, (scope) => recordInsight(scope, run.finder, { ...insight, documentIds }));
    },
  };
}
