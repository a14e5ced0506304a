import { defineAgentType } from '../../agent-type.ts';
import { scoutConfiguration, scoutInput, scoutOutput } from './configuration.ts';
import { scoutRun } from './scout-run.ts';

/** Finds buying signals in documents. */
export const scout = defineAgentType({
  type: 'SCOUT',
  description:
    'Reads documents for eight kinds of buying signals (funding, leadership, jobs, technology, expansion, website visits, competitors, Companies House filings), puts each down to a company with the sentence that says so, and keeps it once however often it is told.',
  configuration: scoutConfiguration,
  input: scoutInput,
  output: scoutOutput,
  tools: ['list_documents', 'read_documents', 'find_company', 'read_signals', 'write', 'record_signal'],
  run: scoutRun,
});
