import { z } from 'zod';
import { MODEL_WORKS, type ModelChoice, type ModelWork, type WorkspaceSettings } from './integration.ts';

type Choices = WorkspaceSettings['models'];

const MAX_FALLBACKS = 5;

const modelId = z
  .string()
  .max(300)
  .regex(/^[a-z0-9][a-z0-9-]*\/.+$/, 'must be the id of a model, "<integration>/<model>"');

/** One kind of work's choice, as it is given and stored. */
export const MODEL_CHOICE = z.strictObject({
  primary: modelId,
  fallbacks: z.array(modelId).max(MAX_FALLBACKS).default([]),
  parameters: z
    .strictObject({
      temperature: z.number().min(0).max(2).optional(),
      topP: z.number().min(0).max(1).optional(),
      maxOutputTokens: z.int().min(1).max(10_000_000).optional(),
      reasoningEffort: z.enum(['minimal', 'low', 'medium', 'high']).optional(),
      dimensions: z.int().min(1).max(16_000).optional(),
    })
    .default({}),
});

/** Every model that is chosen for something. */
export function choicesOf(models: Choices): { work: ModelWork; modelId: string; path: string[] }[] {
  return MODEL_WORKS.flatMap((work) => {
    const choice = models[work];
    if (choice === undefined) return [];
    const fallbacks = choice.fallbacks.map((id, i) => ({ work, modelId: id, path: [work, 'fallbacks', String(i)] }));
    return [{ work, modelId: choice.primary, path: [work, 'primary'] }, ...fallbacks];
  });
}

/** The same choices with other ids in place of those that there are. */
export function mapModelIds(models: Choices, idOf: (id: string) => string): Choices {
  const mapped = Object.entries(models).map(([work, choice]): [string, ModelChoice] => [
    work,
    { ...choice, primary: idOf(choice.primary), fallbacks: choice.fallbacks.map(idOf) },
  ]);
  return Object.fromEntries(mapped);
}
