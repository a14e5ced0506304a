import { z } from 'zod';
import { WON } from '../../companies/won-configuration.ts';

export const RELATIONSHIP_CONFIGURATION = z.object({
  won: WON,
  us: z
    .array(z.string().min(2).max(100))
    .max(10)
    .default([])
    .describe(
      'What documents call us: "Harbourline". Empty: what most authors say that they are of, where it is no company of the workspace',
    ),
  days: z.int().min(14).max(1_095).default(365).describe('How far back documents are read'),
  coldAfterDays: z
    .int()
    .min(7)
    .max(720)
    .default(60)
    .describe('After so many days without a contact a relationship that was warm has gone cold'),
  documents: z.int().min(100).max(100_000).default(20_000).describe('How many documents are read, the newest first'),
  top: z.int().min(1).max(50).default(15).describe('How many relationships are told, and how many that have gone cold'),
  insights: z.int().min(0).max(50).default(5).describe('Of how many that have gone cold an insight is recorded'),
});
export type RelationshipConfiguration = z.output<typeof RELATIONSHIP_CONFIGURATION>;
