import { z } from 'zod';
import { readTokens, tokenCount } from '../../shared/token-count.ts';
import { USD_SHAPE, usdAmount } from '../../shared/usd-amount.ts';
import type { StreamPart, TokenUsage } from '../contract.ts';
import { MODEL_INFO } from '../manifest.ts';
import { malformed, type RemoteMethod } from './wire.ts';

const count = z.number().int().nonnegative();
const share = z.number().min(0).max(1);
/** The answer was paid for: a count or a cost that is none takes it from nobody. */
const tolerantCount = z.unknown().transform((given) => tokenCount(given) ?? 0);
const usage = z.record(z.string(), z.unknown()).transform((told): TokenUsage => {
  const costUsd = usdAmount(told.costUsd);
  return { ...readTokens(told), ...(costUsd === undefined ? {} : { costUsd }) };
});
const end = {
  finishReason: z.enum(['stop', 'length', 'tool_calls', 'content_filter']),
  usage,
  model: z.string(),
};
const bytes = z.instanceof(Uint8Array);
const seconds = z.number().nonnegative();

/** What each method answers with: somebody else's program has made it. */
const ANSWERS = {
  embed: z
    .object({
      vectors: z.array(z.instanceof(Float32Array)),
      tokenCounts: z.array(tolerantCount),
      model: z.string(),
      costUsd: z.unknown().optional(),
    })
    .transform(({ costUsd: told, ...answer }) => {
      const costUsd = usdAmount(told);
      return { ...answer, ...(costUsd === undefined ? {} : { costUsd }) };
    }),
  generate: z.object({
    ...end,
    text: z.string(),
    toolCalls: z.array(z.object({ id: z.string(), name: z.string(), arguments: z.string() })),
    reasoning: z.string().optional(),
  }),
  rerank: z.object({ scores: z.array(share), model: z.string(), usage }),
  moderate: z.object({ judgements: z.array(z.object({ flagged: z.boolean(), scores: z.record(z.string(), share) })) }),
  transcribe: z.object({
    text: z.string(),
    language: z.string().optional(),
    durationSeconds: seconds,
    usage: usage.optional(),
    segments: z.array(z.object({ start: seconds, end: seconds, text: z.string() })).optional(),
  }),
  speak: z.object({
    audio: bytes,
    mimeType: z.string(),
    durationSeconds: seconds.optional(),
    usage: usage.optional(),
  }),
  models: z.array(MODEL_INFO),
  check: z.unknown().transform(() => undefined),
  spend: z.object({ totalUsd: z.string().regex(USD_SHAPE) }),
};

const PART = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('text'), text: z.string() }),
  z.object({ kind: z.literal('reasoning'), text: z.string() }),
  z.object({
    kind: z.literal('toolCall'),
    index: count,
    id: z.string().optional(),
    name: z.string().optional(),
    arguments: z.string(),
  }),
  z.object({ kind: z.literal('usage'), usage }),
  z.object({ kind: z.literal('finish'), ...end }),
]);

/** What `method` answers with, once it is checked. */
export type Answer<Method extends RemoteMethod> = z.infer<(typeof ANSWERS)[Method]>;

/** @throws ProviderError of kind `malformed` */
export function readAnswer<Method extends RemoteMethod>(method: Method, given: unknown): Answer<Method> {
  return read(ANSWERS[method] as unknown as z.ZodType<Answer<Method>>, given, `to ${method}`);
}

/** @throws ProviderError of kind `malformed` */
export function readPart(given: unknown): StreamPart {
  return read(PART, given, 'has a part that');
}

function read<Value>(schema: z.ZodType<Value>, given: unknown, which: string): Value {
  const parsed = schema.safeParse(given);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw malformed(`${which} is not what the contract says: ${issue?.path.join('.') ?? ''} ${issue?.message ?? ''}`);
}
