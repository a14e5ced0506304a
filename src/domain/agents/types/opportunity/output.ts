import { z } from 'zod';
import { SIGNAL_STRENGTHS, SIGNAL_TYPES } from '../../../insights/signal.ts';

const SIGNAL = z.object({
  signalId: z.string(),
  type: z.enum(SIGNAL_TYPES),
  label: z.string(),
  strength: z.enum(SIGNAL_STRENGTHS),
  confidence: z.number(),
  at: z.string(),
  weight: z.number().describe('0 to 1: its strength, sureness and kind, and what its age has left of it'),
  quote: z.string().nullable(),
  evidenceIds: z.array(z.string()),
  evidenceTitles: z.array(z.string()),
});

const OPPORTUNITY = z.object({
  companyId: z.string(),
  company: z.string(),
  stage: z.string().nullable(),
  owner: z.string().nullable().describe('Who looks after it, as its document says'),
  score: z.int().describe('0 to 100'),
  confidence: z.number().describe('0 to 1'),
  explanation: z.string(),
  nextStep: z.string(),
  daysSinceNewestSignal: z.int().nullable(),
  signals: z.array(SIGNAL).describe('Those that count most first'),
  mostLike: z
    .object({
      companyId: z.string(),
      company: z.string(),
      similarity: z.number().nullable(),
      shared: z.array(z.string()),
    })
    .nullable()
    .describe('The company that buys which it is most like, and what they share'),
  cautions: z
    .array(z.object({ reason: z.string(), quote: z.string(), documentId: z.string() }))
    .describe('What warns of it, with the words that say so'),
});

export const OPPORTUNITY_OUTPUT = z.object({
  headline: z.string(),
  opportunities: z.array(OPPORTUNITY).describe('Best first'),
  comparedWith: z.string().describe('Which companies count as those that buy'),
  companiesLooked: z.int(),
  companiesCompared: z.int().describe('Those that were looked at closely'),
  signalsWeighed: z.int(),
  leftOut: z.array(z.string()).describe('What was passed over, and why'),
  model: z.string().describe('The model that wrote, or what was used of local'),
});
export type OpportunityOutput = z.output<typeof OPPORTUNITY_OUTPUT>;
