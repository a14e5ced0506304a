import { z } from 'zod';

const TIE = z.object({
  ours: z.string().nullable().describe('Who of us; null: nobody of us is documented'),
  theirs: z.string(),
  strength: z.number().describe('0 to 1: frequency × recency × direction'),
  direction: z.string(),
  contacts: z.int(),
  lastAt: z.string(),
  documentIds: z.array(z.string()),
});

const PERSON = z.object({
  name: z.string(),
  role: z.string().nullable(),
  email: z.string().nullable().describe('Masked; whole addresses stand in the documents alone'),
  contacts: z.int(),
  lastAt: z.string().nullable(),
  documentIds: z.array(z.string()),
});

const PATH = z.object({
  path: z.array(z.string()).describe('From one of us to one of them'),
  explanation: z.string(),
  documentIds: z.array(z.string()),
});

export const RELATIONSHIP = z.object({
  companyId: z.string(),
  company: z.string(),
  stage: z.string().nullable(),
  owner: z.string().nullable().describe('Who looks after it, as its document says'),
  warmth: z.int().describe('0 to 100'),
  summary: z.string(),
  sentiment: z.enum(['positive', 'negative', 'mixed', 'unknown']),
  lastContact: z
    .object({
      at: z.string(),
      daysAgo: z.int(),
      by: z.string(),
      direction: z.string(),
      title: z.string(),
      documentId: z.string(),
    })
    .nullable(),
  whoKnowsWhom: z.array(TIE).describe('Strongest first'),
  people: z.array(PERSON).describe('Those with most contacts first'),
  paths: z.array(PATH).describe('Ways from us to the company, the best first'),
  nextStep: z.string(),
  nextStepDocumentIds: z.array(z.string()),
});
export type ToldRelationship = z.output<typeof RELATIONSHIP>;

export const RELATIONSHIP_OUTPUT = z.object({
  headline: z.string(),
  relationships: z.array(RELATIONSHIP).describe('Warmest first'),
  goneCold: z.array(RELATIONSHIP).describe('Those that were warm and are no longer, the warmest that were first'),
  connectors: z
    .array(z.object({ name: z.string(), companies: z.int(), strongest: z.array(z.string()) }))
    .describe('Who of us knows most companies'),
  moved: z
    .array(z.object({ name: z.string(), from: z.string(), to: z.string(), explanation: z.string() }))
    .describe('One name at two companies: someone may have moved'),
  us: z.string().nullable().describe('What we are called, as told or found'),
  documentsRead: z.int(),
  companiesConnected: z.int(),
  peopleFound: z.int(),
  leftOut: z.array(z.string()),
  model: z.string().describe('The model that wrote, or what was used of local'),
});
export type RelationshipOutput = z.output<typeof RELATIONSHIP_OUTPUT>;
