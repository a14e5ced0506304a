import { z } from 'zod';
import { SIGNAL_TYPES } from '../../../insights/signal.ts';
import { WON } from '../../companies/won-configuration.ts';

export const OPPORTUNITY_CONFIGURATION = z.object({
  won: WON,
  top: z.int().min(1).max(50).default(10).describe('How many opportunities are told, the best first'),
  candidates: z
    .int()
    .min(5)
    .max(300)
    .default(50)
    .describe('How many companies are looked at closely, chosen of all by signals and by their fields'),
  insights: z
    .int()
    .min(0)
    .max(50)
    .default(5)
    .describe('Of how many opportunities an insight is recorded, the best first'),
  leastScore: z.int().min(0).max(100).default(30).describe('Companies with a lower score are told by number alone'),
  signalTypes: z
    .array(z.enum(SIGNAL_TYPES))
    .max(SIGNAL_TYPES.length)
    .default([])
    .describe('Kinds of signals that count. Empty: all'),
  exclude: z
    .array(z.string().min(1).max(500))
    .max(1_000)
    .default([])
    .describe('Names, external ids or ids of companies that are never told'),
});
export type OpportunityConfiguration = z.output<typeof OPPORTUNITY_CONFIGURATION>;
