import type { AgentTools, ToolName } from '../agent-tools.ts';
import type { AgentType } from '../agent-type.ts';
import { ToolNotAllowedError } from '../errors.ts';
import { companyTools } from './company-tools.ts';
import { documentTools } from './document-tools.ts';
import { findingTools } from './finding-tools.ts';
import { withinReach } from './run-reach.ts';
import { seriesTools } from './series-tools.ts';
import { checkCount } from './tool-arguments.ts';
import { writeWithTools } from './tool-loop.ts';
import type { ToolParts, ToolRun } from './tool-run.ts';
import { writeObject } from './write-object.ts';

const CLASSIFIED_MAX = 200;

/** By which name each is allowed. */
const NAMES = {
  search: 'search',
  listDocuments: 'list_documents',
  listNewest: 'list_documents',
  readDocuments: 'read_documents',
  findCompany: 'find_company',
  similarCompanies: 'similar_companies',
  classify: 'classify',
  readSeries: 'read_series',
  readSignals: 'read_signals',
  listSignals: 'read_signals',
  ask: 'ask',
  write: 'write',
  writeWithTools: 'write',
  recordSignal: 'record_signal',
  recordInsight: 'record_insight',
} as const satisfies Record<keyof AgentTools, ToolName>;

/** What was paid for is kept, though it used the budget up. */
const KEEPING: ReadonlySet<ToolName> = new Set(['read_signals', 'record_signal', 'record_insight']);

/** The tools of one attempt at a run: those of its type, as far as its workspace, collections and budget go. */
export function boundTools(
  parts: ToolParts,
  run: ToolRun,
  allowed: { type: AgentType; tools: readonly ToolName[] },
): AgentTools {
  const unbound: AgentTools = {
    ...documentTools(parts, run),
    ...companyTools(parts, run),
    ...seriesTools(parts, run),
    ...findingTools(parts, run),
    classify: async (taxonomy, texts) => {
      checkCount('texts', texts.length, CLASSIFIED_MAX, 0);
      const classified = await parts.classifications.classifyTexts(run.call('classify'), { taxonomy, texts });
      return classified.map((each) => {
        const best = each?.labels[0];
        return best === undefined ? null : { label: best.label, confidence: best.confidence };
      });
    },
    ask: (question, filter) =>
      parts.answers.ask(run.call('chat'), { question, filter: withinReach(run.reach, filter) }),
    write: (asked) => writeObject(parts, run, asked),
    writeWithTools: (asked) => writeWithTools(parts, run, bound, allowed.tools, asked),
  };
  const bound = Object.fromEntries(
    (Object.keys(NAMES) as (keyof AgentTools)[]).map((key) => [
      key,
      async (...given: unknown[]) => {
        if (!allowed.tools.includes(NAMES[key])) throw new ToolNotAllowedError(NAMES[key], allowed.type);
        run.assertLeft(KEEPING.has(NAMES[key]));
        return (unbound[key] as (...given: unknown[]) => Promise<unknown>)(...given);
      },
    ]),
  ) as unknown as AgentTools;
  return bound;
}
