import { z } from 'zod';
import { nearestName } from '../shared/nearest-name.ts';
import { USD_SHAPE } from '../shared/usd-amount.ts';
import { compileConfigSchema } from './config-check.ts';
import { type Capability, type JsonSchema, type PluginManifest, SPEC_VERSION } from './contract.ts';
import { PluginRefusedError, type RefusalReason } from './plugin-errors.ts';
import { keywordHidingSecrets } from './secret-properties.ts';

const NO_ID = 'must have 2 to 40 lower-case letters, digits and dashes, the first one a letter';
const ID_SHAPE = /^[a-z][a-z0-9-]{1,39}$/;
const NO_VERSION = 'must be a semantic version such as 1.0.0';
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

const NO_PRICE = 'must be a decimal in a string, such as "0.15"';
const NO_NAME = 'must be a string of 1 to 200 characters';
const NO_COUNT = 'must be a whole number above 0';
const NO_SHARE = 'must be a number from 0 to 1';

const capabilities = z
  .array(z.enum(CAPABILITY_NAMES, { error: `must be of ${CAPABILITY_NAMES.join(', ')}` }), {
    error: 'must be a list of capabilities, such as ["EMBED"]',
  })
  .min(1, 'must name at least one')
  .refine((names) => new Set(names).size === names.length, 'must name each once');

const usd = z.string(NO_PRICE).regex(USD_SHAPE, NO_PRICE);
const name = z.string(NO_NAME).min(1, NO_NAME).max(200, NO_NAME);
const positive = z.number(NO_COUNT).int(NO_COUNT).positive(NO_COUNT);
const share = z.number(NO_SHARE).min(0, NO_SHARE).max(1, NO_SHARE);

const EMBEDDING = z.object(
  {
    maxBatch: positive,
    maxBatchBytes: positive.optional(),
    maxInputTokens: positive,
    chunkWords: positive,
    sameMeaning: share,
    hybridVectorWeight: share,
  },
  { error: 'must be an object of embedding traits' },
);

/** A `ModelInfo` as a plugin of somebody else's tells it. */
export const MODEL_INFO = z.object({
  name,
  aliases: z.array(name, { error: 'must be a list of names' }).optional(),
  capabilities,
  dimensions: positive.max(16_000, 'must be 16,000 at the most').optional(),
  contextTokens: positive.optional(),
  inputUsdPerMillion: usd.optional(),
  outputUsdPerMillion: usd.optional(),
  cachedInputUsdPerMillion: usd.optional(),
  cacheWriteUsdPerMillion: usd.optional(),
  usdPerAudioSecond: usd.optional(),
  usdPerImage: usd.optional(),
  embedding: EMBEDDING.optional(),
});

/** In a manifest a field that nobody knows is a mistake. */
const MANIFEST_MODEL = z.strictObject(
  {
    ...MODEL_INFO.shape,
    embedding: z.strictObject(EMBEDDING.shape, 'must be an object of embedding traits').optional(),
  },
  { error: 'must be an object with name and capabilities' },
);

const MANIFEST = z.strictObject({
  id: z.string(NO_ID).regex(ID_SHAPE, NO_ID),
  specVersion: z.literal(SPEC_VERSION, { error: `must be ${SPEC_VERSION}, the contract that this server speaks` }),
  version: z.string(NO_VERSION).regex(SEMVER_SHAPE, NO_VERSION).max(60, 'must have at most 60 characters'),
  capabilities,
  configSchema: z
    .record(z.string(), z.unknown(), { error: 'must be a JSON Schema of an object' })
    .superRefine(checkSchema),
  label: z.string('must be a string').min(1, 'must not be empty').max(100, 'must have at most 100 characters'),
  models: z
    .array(MANIFEST_MODEL, { error: 'must be a list of models' })
    .max(1_000, 'must have at most 1,000 models')
    .optional(),
  pricesAsOf: z.iso.date('must be a day such as 2026-11-21').optional(),
  // The console makes a link of it.
  docsUrl: z
    .url({ protocol: /^https?$/, error: 'must be an http(s) url' })
    .max(2_000, 'must have at most 2,000 characters')
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
 * The manifest that somebody else's program has given.
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
  throw refusalOf(parsed.error.issues, given);
}

/** A name that nobody knows goes first: what it was meant for is missing then. */
function refusalOf(issues: readonly z.core.$ZodIssue[], given: unknown): PluginRefusedError {
  const unknown = issues.find((issue) => issue.code === 'unrecognized_keys');
  const [issue = unknown] = unknown === undefined ? issues : [unknown];
  const path = ['manifest', ...(issue?.path ?? []).map(String)];
  if (unknown !== undefined) return unknownField(path, unknown.keys[0] as string);
  if (path.length === 1) {
    return new PluginRefusedError('MANIFEST_INVALID', 'there is no manifest: it must be an object with id, label, …');
  }
  const message = issue?.message ?? 'is not valid';
  const isMissing = valueAt(given, issue?.path ?? []) === undefined;
  return new PluginRefusedError(
    REASONS[path[1] as string] ?? 'MANIFEST_INVALID',
    `${path.join('.')} ${isMissing ? message.replace(/^must (be|have) /, 'is missing: ') : message}`,
  );
}

function unknownField(path: readonly string[], field: string): PluginRefusedError {
  const shape = path.at(-1) === 'embedding' ? EMBEDDING.shape : path.length === 1 ? MANIFEST.shape : MODEL_INFO.shape;
  const known = Object.keys(shape);
  const meant = nearestName(field, known);
  const hint = meant === null ? `known are ${known.join(', ')}` : `is ${meant} meant?`;
  return new PluginRefusedError(
    'MANIFEST_INVALID',
    `${[...path, field].join('.')} is no field of the contract; ${hint}`,
  );
}

function valueAt(given: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (value, step) => (value as Record<PropertyKey, unknown> | null | undefined)?.[step],
    given,
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
