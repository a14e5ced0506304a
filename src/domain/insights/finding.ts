import { z } from 'zod';
import { FinalJobError } from '../../jobs/define-job.ts';
import { storableJson, storableText } from '../../shared/text.ts';
import { INSIGHT_KINDS, type NewInsight, PRIORITIES } from './insight.ts';
import { type NewSignal, SIGNAL_STRENGTHS, SIGNAL_TYPES } from './signal.ts';

/** Whose run has found something. */
export interface Finder {
  agentId: string;
  /** The agent's name, as people see it. */
  agentName: string;
  runId: string;
}

/** What an agent found is not as the contract says: a fault of its type, which no other attempt would mend. */
export class InvalidFindingError extends FinalJobError {
  override readonly name = 'InvalidFindingError';
}

const DATA_MAX_BYTES = 32_768;

const KEY = z.string().min(1).max(200);
const ID = z.string().min(1).max(100);

const INSIGHT = z.object({
  kind: z.enum(INSIGHT_KINDS),
  title: z.string().trim().min(1).max(200),
  description: z.string().trim().min(1).max(4_000),
  confidence: z.number().min(0).max(1),
  priority: z.enum(PRIORITIES),
  dataPoints: z
    .array(z.object({ metric: z.string().min(1).max(200), value: z.number(), at: z.date().nullable() }))
    .max(100),
  suggestedActions: z.array(z.string().trim().min(1).max(500)).max(10),
  documentIds: z.array(ID).max(50),
  key: KEY,
});

const SIGNAL = z.object({
  companyId: ID,
  type: z.enum(SIGNAL_TYPES),
  strength: z.enum(SIGNAL_STRENGTHS),
  confidence: z.number().min(0).max(100),
  data: z
    .record(z.string(), z.json())
    .refine((data) => Buffer.byteLength(JSON.stringify(data)) <= DATA_MAX_BYTES, `may have ${DATA_MAX_BYTES} bytes`),
  evidenceIds: z.array(ID).min(1).max(20),
  detectedAt: z.date(),
  expiresAt: z.date().nullable(),
  key: KEY,
});

/** An insight as it can be stored. @throws InvalidFindingError */
export function checkedInsight(insight: NewInsight): NewInsight {
  const { dataPoints, ...rest } = parsedAs('insight', INSIGHT, insight);
  const points = dataPoints.map(({ metric, value, at }) => ({ metric: storableText(metric), value, at }));
  return { ...storableJson(rest), dataPoints: points };
}

/** A signal as it can be stored. @throws InvalidFindingError */
export function checkedSignal(signal: NewSignal): NewSignal {
  const { detectedAt, expiresAt, ...rest } = parsedAs('signal', SIGNAL, signal);
  return { ...storableJson(rest), detectedAt, expiresAt };
}

function parsedAs<Finding>(what: string, schema: z.ZodType<Finding>, given: unknown): Finding {
  const parsed = schema.safeParse(given);
  if (parsed.success) return parsed.data;
  throw new InvalidFindingError(`a finding that is no ${what} to be kept: ${z.prettifyError(parsed.error)}`);
}
