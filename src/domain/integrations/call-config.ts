import { z } from 'zod';
import type { JsonSchema, PluginManifest } from '../../plugins/contract.ts';
import { CAPABILITY_NAMES } from '../../plugins/manifest.ts';
import type { CallConfig } from './integration.ts';

const NAME_MAX_CHARACTERS = 200;
const MAX_MODELS = 500;
const MAX_PRICE_DIGITS = 12;

const modelName = z.string().min(1).max(NAME_MAX_CHARACTERS);
const milliseconds = (min: number, max: number) => z.int().min(min).max(max).optional();

const price = z
  .union([z.string().regex(/^\d{1,12}(\.\d{1,12})?$/), z.number().min(0).max(1_000_000)], {
    error: 'must be a decimal such as "0.15", not below 0',
  })
  .transform((given) => (typeof given === 'number' ? decimalOf(given) : given));

/** What every integration can set, whatever its plugin. */
const CALL_CONFIG = z.object({
  defaultModel: modelName
    .optional()
    .describe('Used where this integration is a fallback and has no model of the name that was asked for.'),
  models: z
    .array(
      z.strictObject({
        name: modelName.describe('The provider’s own name for it.'),
        capabilities: z.array(z.enum(CAPABILITY_NAMES)).optional().describe('What it can do.'),
        dimensions: z.int().min(1).max(16_000).optional().describe('Length of its vectors.'),
        contextTokens: z.int().min(1).max(100_000_000).optional().describe('Tokens of question and answer together.'),
        inputUsdPerMillion: price.optional().describe('US dollars for a million tokens read.'),
        outputUsdPerMillion: price.optional().describe('US dollars for a million tokens written.'),
        cachedInputUsdPerMillion: price
          .optional()
          .describe('US dollars for a million tokens read from the vendor’s prompt cache.'),
        cacheWriteUsdPerMillion: price
          .optional()
          .describe('US dollars for a million tokens written to the vendor’s prompt cache.'),
        usdPerAudioSecond: price.optional().describe('US dollars for a second of sound, heard or spoken.'),
        usdPerImage: price.optional().describe('US dollars for an image in a request, beside its tokens.'),
      }),
    )
    .max(MAX_MODELS)
    .refine((models) => new Set(models.map(({ name }) => name)).size === models.length, 'must name each model once')
    .optional()
    .describe('Models that the plugin does not know, or knows otherwise.'),
  timeouts: z
    .strictObject({
      connectMs: milliseconds(100, 60_000).describe('To make a connection.'),
      firstTokenMs: milliseconds(100, 600_000).describe('Until the first piece of a streamed answer.'),
      idleMs: milliseconds(100, 600_000).describe('Between two pieces of it.'),
      totalMs: milliseconds(100, 3_600_000).describe('For the whole answer.'),
    })
    .optional()
    .describe('Time limits of one try, in milliseconds.'),
  retries: z.int().min(0).max(10).optional().describe('Tries after the first.'),
  batchSize: z.int().min(1).max(2_048).optional().describe('Texts in one embedding call, at the most.'),
});

/** A plugin that has `models` of its own puts more into them. */
const CALL_CONFIG_OF_OTHER_MODELS = CALL_CONFIG.extend({
  models: z
    .array(z.looseObject({ name: modelName }))
    .max(MAX_MODELS)
    .optional(),
});

const { properties: COMMON_PROPERTIES } = z.toJSONSchema(CALL_CONFIG, { io: 'input' }) as {
  properties: Record<string, JsonSchema>;
};

/** What is wrong with one place of an integration's `config` or `credentials`; the path begins with which. */
export interface ConfigProblem {
  path: string[];
  message: string;
}

/** The configuration that an integration takes: the plugin's own, and what all of them can set. Secrets are marked. */
export function fullConfigSchema({ configSchema }: PluginManifest): JsonSchema {
  return { ...configSchema, properties: { ...COMMON_PROPERTIES, ...propertiesOf(configSchema) } };
}

/** The part that the plugin gets: all but what the gateway alone reads. What both know, both get. */
export function pluginPart({ configSchema }: PluginManifest, config: Record<string, unknown>): Record<string, unknown> {
  const own = propertiesOf(configSchema);
  return Object.fromEntries(
    Object.entries(config).filter(([key]) => Object.hasOwn(own, key) || !Object.hasOwn(COMMON_PROPERTIES, key)),
  );
}

/** The common part, checked and with prices as decimals, or what is wrong with it. */
export function readCallConfig(
  { configSchema }: PluginManifest,
  config: Record<string, unknown>,
): { common: CallConfig; problems: ConfigProblem[] } {
  const hasOwnModels = Object.hasOwn(propertiesOf(configSchema), 'models');
  const parsed = (hasOwnModels ? CALL_CONFIG_OF_OTHER_MODELS : CALL_CONFIG).safeParse(config);
  if (parsed.success) return { common: parsed.data as CallConfig, problems: [] };
  return {
    common: {},
    problems: parsed.error.issues.map(({ path, message }) => ({ path: ['config', ...path.map(String)], message })),
  };
}

export function propertiesOf(schema: JsonSchema): Record<string, JsonSchema> {
  return (schema.properties ?? {}) as Record<string, JsonSchema>;
}

/** 1e-7 is 0.0000001. */
function decimalOf(given: number): string {
  return given.toFixed(MAX_PRICE_DIGITS).replace(/\.?0+$/, '');
}
