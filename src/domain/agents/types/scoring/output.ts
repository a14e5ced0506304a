import { z } from 'zod';
import { FACTORS, GRADES } from './score.ts';

const FACTOR = z.object({
  name: z.enum(FACTORS),
  value: z.number().nullable().describe('0 to 1; null: nothing is known of it'),
  weight: z.number().describe('Share among all factors, 0 to 1'),
  contribution: z.number().describe('Points that it brings; those of all factors add up to the score'),
  reason: z.string(),
  evidenceIds: z.array(z.string()).describe('Documents that it stands on'),
});

export const SCORED_COMPANY = z.object({
  companyId: z.string(),
  company: z.string(),
  stage: z.string().nullable(),
  score: z.int().describe('0 to 100'),
  grade: z.enum(GRADES),
  confidence: z.number().describe('0 to 1: of how much of the weights something is known'),
  summary: z.string(),
  nextStep: z.string(),
  factors: z.array(FACTOR).describe('Those that bring most first'),
  missing: z.array(z.enum(FACTORS)).describe('Of which nothing is known: they make the score less sure, not lower'),
});
export type ScoredCompany = z.output<typeof SCORED_COMPANY>;

const BRIEF = { companyId: true, company: true, score: true, grade: true, confidence: true } as const;

export const SCORING_OUTPUT = z.object({
  headline: z.string(),
  ranking: z.array(SCORED_COMPANY).describe('Best first, 25 at the most'),
  others: z.array(SCORED_COMPANY.pick(BRIEF)).describe('Those after the ranking, best first'),
  distribution: z.record(z.enum(GRADES), z.int()).describe('How many companies have each grade'),
  comparedWith: z.string().describe('Which companies count as those that buy'),
  companiesLooked: z.int(),
  companiesScored: z.int(),
  leftOut: z.array(z.string()).describe('What was not scored or not known, and why'),
  model: z.string().describe('The model that wrote, or what was used of local'),
});
export type ScoringOutput = z.output<typeof SCORING_OUTPUT>;
