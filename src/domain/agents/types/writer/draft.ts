import { z } from 'zod';
import { CITATION, STATEMENT } from '../../evidence/citation.ts';

export const FORMS = ['email', 'post', 'memo', 'release-note'] as const;
export type Form = (typeof FORMS)[number];
export const TONES = ['neutral', 'friendly', 'formal', 'enthusiastic'] as const;
export type Tone = (typeof TONES)[number];

/** What a draft is to be. */
export interface Brief {
  form: Form;
  tone: Tone;
  /** Length that is aimed at. */
  words: number;
  /** As it was asked for: `en`, `German`. */
  language: string;
  audience: string;
  /** What it is about; null: about what is new of the company. */
  topic: string | null;
  /** The topic as it goes on a sentence, where that is known. */
  subject: string | null;
  company: { id: string; name: string } | null;
  today: Date;
}

/** A sentence of a document that a draft is made of; plain JSON. */
export const FACT = STATEMENT.extend({
  kind: z.string(),
  by: z.string().nullable(),
  asks: z.boolean(),
});
export type Fact = z.output<typeof FACT>;

/** A text to go on working on. */
export const DRAFT = z.object({
  topic: z.string().nullable(),
  why: z.string().describe('Why it is written'),
  companyId: z.string().nullable(),
  form: z.enum(FORMS),
  title: z.string().describe('Title, or subject of an email'),
  outline: z.array(z.string()),
  body: z.string().describe('With markers: [1] is the first of the citations'),
  citations: z.array(CITATION),
  words: z.int(),
  note: z.string().describe('What the draft is, and what to do before it is sent'),
  toCheck: z.array(z.string()).describe('Figures that stand in no cited document, and every link'),
  citationsDropped: z.int().describe('That a model gave, and that do not stand in what it was shown'),
  model: z.string(),
});
export type Draft = z.output<typeof DRAFT>;

/** The part of a draft that is written. */
export type DraftText = Pick<
  Draft,
  'title' | 'outline' | 'body' | 'citations' | 'toCheck' | 'citationsDropped' | 'note'
>;

/** Words of a text, without its markers. */
export function wordCount(text: string): number {
  return text.replace(/\[\d+\]/g, '').match(/[\p{L}\p{N}][\p{L}\p{M}\p{N}'’.,-]*/gu)?.length ?? 0;
}
