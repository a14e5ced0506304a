import { z } from 'zod';
import { SIGNAL_TYPES, type SignalType } from '../../../insights/signal.ts';
import { KIND_WEIGHTS } from '../../companies/company-signal.ts';
import { WON } from '../../companies/won-configuration.ts';
import type { FactorName } from './score.ts';

const WEIGHTS: Record<FactorName, number> = { fit: 0.3, signals: 0.25, engagement: 0.2, profile: 0.15, sentiment: 0.1 };

const weight = (name: FactorName, what: string) => z.number().min(0).max(1_000).default(WEIGHTS[name]).describe(what);

const kindWeights = Object.fromEntries(
  SIGNAL_TYPES.map((type) => [
    type,
    z.number().min(0).max(1).default(KIND_WEIGHTS[type]).describe(`How much a signal of the kind ${type} counts`),
  ]),
) as Record<SignalType, z.ZodDefault<z.ZodNumber>>;

export const SCORING_CONFIGURATION = z.object({
  won: WON,
  weights: z
    .object({
      fit: weight('fit', 'Likeness of its description to the companies that buy'),
      signals: weight('signals', 'What it does: active signals by kind, strength and age'),
      engagement: weight('engagement', 'Documents that have to do with it, and how new they are'),
      sentiment: weight('sentiment', 'What its people’s messages and feedback feel like'),
      profile: weight('profile', 'Size, industry, categories and region beside the companies that buy'),
    })
    .refine((weights) => Object.values(weights).some((each) => each > 0), 'one weight at least must be above 0')
    .prefault({})
    .describe('How much each factor counts. Only their ratios matter: they need not add up to 1'),
  signalWeights: z.object(kindWeights).prefault({}).describe('How much each kind of signal counts, 0 to 1'),
  grades: z
    .object({
      A: z.number().min(1).max(100).default(65).describe('Least score of an A'),
      B: z.number().min(1).max(100).default(45).describe('Least score of a B'),
      C: z.number().min(0).max(100).default(25).describe('Least score of a C; what is below is a D'),
    })
    .refine(({ A, B, C }) => A > B && B > C, 'A must be above B, and B above C')
    .prefault({})
    .describe('Scores from which a grade is given'),
  days: z.int().min(7).max(1_095).default(365).describe('How far back documents are read'),
  companies: z
    .int()
    .min(1)
    .max(500)
    .default(60)
    .describe('Without input: how many companies are scored, the likeliest first'),
  insights: z.int().min(0).max(50).default(5).describe('How many of the best companies an insight is recorded of'),
});
export type ScoringConfiguration = z.output<typeof SCORING_CONFIGURATION>;
