import { z } from 'zod';
import { USD_SHAPE } from '../shared/usd-amount.ts';
import { compileConfigSchema } from './config-check.ts';
import { type Capability, type JsonSchema, type PluginManifest, SPEC_VERSION } from './contract.ts';
import { PluginRefusedError, type RefusalReason } from './plugin-errors.ts';
import { keywordHidingSecrets } from './secret-properties.ts';

const ID_SHAPE = /^[a-z][a-z0-9-]{1,39}$/;
/** https://semver.org, the regular expression of its last section. */
const SEMVER_SHAPE =
  /^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-(0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*)(\.(0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*))*)?(\+[0-9a-zA-Z-]+(\.[0-9a-zA-Z-]+)*)?$/;
/** A manifest is listed by the API and kept in memory. */
const MANIFEST_MAX_CHARACTERS = 256_000;

export const CAPABILITY_NAMES = Object.keys({
  EMBED: true,
  GENERATE: true,
  STREAM: true,
  STRUCTURED_OUTPUT: true,
  TOOLS: true,
  RERANK: true,
  MODERATE: true,
  IMAGE_INPUT: true,
  TRANSCRIBE: true,
  SPEAK: true,
} satisfies Record<Capability, true>) as [Capability, ...Capability[]];

const capabilities = z
  .array(z.enum(CAPABILITY_NAMES, { error: `must be of ${CAPABILITY_NAMES.join(', ')}` }), { error: 'must be a list' })
  .min(1, 'must name at least one')
  .refine((names) => new Set(names).size === names.length, 'must name each once');

const usd = z.string().regex(USD_SHAPE, 'must be a decimal in a string, such as "0.15"');
const name = z.string().min(1).max(200);
const positive = z.number().int().positive();
const share = z.number().min(0).max(1);

/** A `ModelInfo` as a plugin of somebody else's tells it. */
export const MODEL_INFO = z.object({
  name,
  aliases: z.array(name).optional(),
  capabilities,
  dimensions: positive.max(16_000).optional(),
  contextTokens: positive.optional(),
  inputUsdPerMillion: usd.optional(),
  outputUsdPerMillion: usd.optional(),
  cachedInputUsdPerMillion: usd.optional(),
  cacheWriteUsdPerMillion: usd.optional(),
  usdPerAudioSecond: usd.optional(),
  usdPerImage: usd.optional(),
  embedding: z
    .object({
      maxBatch: positive,
      maxInputTokens: positive,
      chunkWords: positive,
      sameMeaning: share,
      hybridVectorWeight: share,
    })
    .optional(),
});

const MANIFEST = z.object({
  id: z
    .string('must be a string')
    .regex(ID_SHAPE, 'must have 2 to 40 lower-case letters, digits and dashes, the first one a letter'),
  specVersion: z.literal(SPEC_VERSION, { error: `must be ${SPEC_VERSION}, the contract that this server speaks` }),
  version: z.string('must be a string').regex(SEMVER_SHAPE, 'must be a semantic version such as 1.0.0').max(60),
  capabilities,
  configSchema: z
    .record(z.string(), z.unknown(), { error: 'must be a JSON Schema of an object' })
    .superRefine(checkSchema),
  label: z.string('must be a string').min(1, 'must not be empty').max(100, 'must have at most 100 characters'),
  models: z.array(MODEL_INFO, { error: 'must be a list of models' }).max(1_000).optional(),
  pricesAsOf: z.iso.date('must be a day such as 2026-11-21').optional(),
  // The console makes a link of it.
  docsUrl: z
    .url({ protocol: /^https?$/, error: 'must be an http(s) url' })
    .max(2_000)
    .optional(),
});

const REASONS: Readonly<Record<string, RefusalReason>> = {
  id: 'ID_INVALID',
  specVersion: 'SPEC_VERSION_UNKNOWN',
  version: 'VERSION_INVALID',
  capabilities: 'CAPABILITIES_INVALID',
  configSchema: 'SCHEMA_INVALID',
};

/**
 * The manifest that somebody else's program has given, without what is no part of it.
 * @throws PluginRefusedError that says what to change
 */
export function readManifest(given: unknown): PluginManifest {
  const parsed = MANIFEST.safeParse(given);
  if (parsed.success && JSON.stringify(parsed.data).length <= MANIFEST_MAX_CHARACTERS) return parsed.data;
  if (parsed.success) {
    throw new PluginRefusedError(
      'MANIFEST_INVALID',
      `the manifest has more than ${MANIFEST_MAX_CHARACTERS} characters`,
    );
  }
  const [issue] = parsed.error.issues;
  const path = (issue?.path ?? []).map(String);
  if (path.length === 0) {
    throw new PluginRefusedError('MANIFEST_INVALID', 'there is no manifest: it must be an object with id, label, …');
  }
  throw new PluginRefusedError(
    REASONS[path[0] as string] ?? 'MANIFEST_INVALID',
    `manifest.${path.join('.')} ${issue?.message ?? 'is not valid'}`,
  );
}

function checkSchema(schema: JsonSchema, context: z.RefinementCtx): void {
  if (schema.type !== 'object') {
    context.addIssue({ code: 'custom', message: 'must be a JSON Schema with "type": "object"' });
    return;
  }
  try {
    compileConfigSchema(schema);
  } catch (error) {
    context.addIssue({ code: 'custom', message: `must be JSON Schema (draft 2020-12): ${(error as Error).message}` });
    return;
  }
  const keyword = keywordHidingSecrets(schema);
  if (keyword === null) return;
  context.addIssue({ code: 'custom', message: `must not use ${keyword}: credentials below it would not be found` });
}
