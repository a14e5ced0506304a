import { z } from 'zod';
import type { AgentTypeDefinition } from './agent-type.ts';

/** What every agent can be told, beside the settings of its type. */
export const COMMON_CONFIGURATION = z.object({
  collections: z
    .array(z.string().min(1).max(200))
    .max(100)
    .default([])
    .describe('Ids or slugs of the collections that it sees; what lies in others does not exist for it. Empty: all'),
  limits: z
    .object({
      calls: z
        .int()
        .min(1)
        .max(100_000)
        .default(5_000)
        .describe('Calls of models that one run may make, those of the built-in models among them'),
      tokens: z
        .int()
        .min(1)
        .max(1_000_000_000)
        .default(20_000_000)
        .describe('Tokens that one run may use, read and written together'),
      usd: z.number().min(0).max(10_000).default(10).describe('US dollars that one run may spend'),
    })
    .prefault({})
    .describe('What one run may use. A run that meets a limit ends as FAILED, and keeps what it has found'),
  runOnNewDocuments: z.boolean().default(false).describe('Whether it runs by itself as documents come in'),
});

export type CommonConfiguration = z.output<typeof COMMON_CONFIGURATION>;
export type RunLimits = CommonConfiguration['limits'];

/** All that an agent of a type can be told: the common settings and its own. Unknown ones are refused. */
export function configurationOf(definition: AgentTypeDefinition): z.ZodObject {
  return definition.configuration.extend(COMMON_CONFIGURATION.shape).strict();
}

/** An agent's settings with defaults filled in: the common ones, and those that its type is given. */
export function readConfiguration(
  definition: AgentTypeDefinition,
  given: unknown,
): { common: CommonConfiguration; own: Record<string, unknown> } {
  const parsed = configurationOf(definition).parse(given) as CommonConfiguration & Record<string, unknown>;
  const { collections, limits, runOnNewDocuments, ...own } = parsed;
  return { common: { collections, limits, runOnNewDocuments }, own };
}
