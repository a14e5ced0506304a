import { z } from 'zod';
import type { JsonObject } from '../../../../shared/json.ts';
import { SIGNAL_STRENGTHS, SIGNAL_TYPES } from '../../../insights/signal.ts';
import { EXPIRY_DAYS } from './candidate.ts';

const days = (type: keyof typeof EXPIRY_DAYS) => z.int().min(1).max(3650).default(EXPIRY_DAYS[type]);

/** What SCOUT can be told. */
export const scoutConfiguration = z.object({
  types: z
    .array(z.enum(SIGNAL_TYPES))
    .default([...SIGNAL_TYPES])
    .describe('The kinds of signals that it looks for; all of them by default.'),
  competitors: z
    .array(z.string().trim().min(2).max(100))
    .max(200)
    .default([])
    .describe(
      'Names of our competitors, as people write them. COMPANY documents whose metadata has `stage` or `type` "competitor" count as such, too.',
    ),
  ourNames: z
    .array(z.string().trim().min(2).max(100))
    .max(20)
    .default([])
    .describe(
      'Names of our own company: its adverts, appointments and offices are no signals, nor what its people say of "us".',
    ),
  minConfidence: z.number().min(0).max(100).default(50).describe('Signals that are less sure, of 100, are not kept.'),
  horizonDays: z
    .int()
    .min(1)
    .max(3650)
    .default(540)
    .describe(
      'What a document tells of a longer time before it was written is history. A year and a half: of a year named alone nobody knows the day.',
    ),
  expiryDays: z
    .object({
      FUNDING_ROUND: days('FUNDING_ROUND').describe(
        'Half a year: new money is planned and spent in its first quarters.',
      ),
      EXECUTIVE_CHANGE: days('EXECUTIVE_CHANGE').describe(
        'Four months: the first hundred days, in which suppliers are reviewed.',
      ),
      JOB_POSTING: days('JOB_POSTING').describe('Two months: the time in which most jobs are filled.'),
      TECHNOLOGY_ADOPTION: days('TECHNOLOGY_ADOPTION').describe('Half a year: about the length of a roll-out.'),
      EXPANSION: days('EXPANSION').describe('Half a year: from the lease to the first deliveries.'),
      WEBSITE_ACTIVITY: days('WEBSITE_ACTIVITY').describe('Two weeks: interest cools fast.'),
      COMPETITOR_MENTION: days('COMPETITOR_MENTION').describe('A quarter: the length of an evaluation.'),
      COMPANIES_HOUSE_FILING: days('COMPANIES_HOUSE_FILING').describe('A quarter: later the next filing tells more.'),
    })
    .prefault({})
    .describe('Days after which a signal of each kind is expired, from the day on which it happened.'),
  maxDocuments: z
    .int()
    .min(1)
    .max(100_000)
    .default(20_000)
    .describe('Documents that one run reads at the most; the output says how many it left.'),
  maxSignals: z
    .int()
    .min(1)
    .max(2_000)
    .default(500)
    .describe('Signals that one run keeps at the most: of each page of documents the strongest first.'),
});
export type ScoutConfiguration = z.output<typeof scoutConfiguration>;

/** What a run of SCOUT can be limited to. */
export const scoutInput = z.object({
  documentIds: z.array(z.string()).max(2_000).optional().describe('Only these documents.'),
  changedSince: z.iso.datetime().optional().describe('Only documents that were added or changed since then.'),
  company: z.string().min(1).max(200).optional().describe('Only signals of this company: its name, externalId or id.'),
});
export type ScoutInput = z.output<typeof scoutInput>;

/** What a run of SCOUT brings. */
export const scoutOutput = z.object({
  summary: z.string(),
  model: z.string(),
  documentsRead: z.int(),
  companiesKnown: z.int(),
  counts: z.partialRecord(z.enum(SIGNAL_TYPES), z.int()),
  strongest: z.array(
    z.object({
      sentence: z.string(),
      quote: z.string(),
      company: z.string(),
      companyId: z.string(),
      type: z.enum(SIGNAL_TYPES),
      strength: z.enum(SIGNAL_STRENGTHS),
      confidence: z.number(),
      signalId: z.string(),
      documentIds: z.array(z.string()),
    }),
  ),
  unattributed: z.object({
    findings: z.int().describe('Findings whose company is unknown, or one of several.'),
    names: z.array(z.object({ name: z.string(), findings: z.int() })),
  }),
  rejected: z
    .record(z.string(), z.int())
    .describe('What sounded like a signal and was none, by why: negated, hypothetical, question, past and so on.'),
  droppedOfModel: z.int().describe('Findings of the model whose quote or company did not stand up to the check.'),
  readByRulesAlone: z
    .object({ documents: z.int(), reason: z.string().nullable() })
    .describe('Documents that the model was to read, and that rules read in its place; why it could not.'),
  leftOut: z.object({ documents: z.boolean(), signals: z.int(), companies: z.boolean() }),
});
export type ScoutOutput = z.input<typeof scoutOutput> & JsonObject;
