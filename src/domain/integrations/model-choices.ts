import { z } from 'zod';
import type { InputIssue } from '../../shared/errors.ts';
import { MODEL_WORKS, type ModelChoice, type ModelWork, type WorkspaceSettings } from './integration.ts';

type Choices = WorkspaceSettings['models'];

const MAX_FALLBACKS = 5;

const modelId = z
  .string()
  .max(300)
  .regex(/^[a-z0-9][a-z0-9-]*\/.+$/, 'must be the id of a model, "<integration>/<model>"');

const WRITTEN_CHOICE = z.strictObject({
  primary: modelId,
  fallbacks: z.array(modelId).max(MAX_FALLBACKS).default([]),
  parameters: z
    .strictObject({
      temperature: z.number().min(0).max(2).optional(),
      topP: z.number().min(0).max(1).optional(),
      maxOutputTokens: z.int().min(1).max(10_000_000).optional(),
      reasoningEffort: z.enum(['minimal', 'low', 'medium', 'high']).optional(),
    })
    .default({}),
});

const NO_PARAMETERS = z
  .record(z.string(), z.unknown())
  .refine(
    (parameters) => Object.keys(parameters).length === 0,
    'must be empty: vectors of another length, or made otherwise, cannot share an index',
  );

const EMBEDDING_CHOICE = WRITTEN_CHOICE.extend({ parameters: NO_PARAMETERS.default({}) });

/** One kind of work's choice, as it is given and stored. */
export function choiceSchema(work: ModelWork): typeof WRITTEN_CHOICE | typeof EMBEDDING_CHOICE {
  return work === 'embed' ? EMBEDDING_CHOICE : WRITTEN_CHOICE;
}

/** The fallbacks for `embed` that are no other way to the model itself; ids without aliases. */
export function embeddingFallbackIssues({ embed }: Choices): InputIssue[] {
  if (embed === undefined) return [];
  const { primary, fallbacks } = embed;
  const name = nameOf(primary);
  const message = `must be the model ${name} of another integration: vectors of different models cannot be compared`;
  return fallbacks.flatMap((id, i) =>
    id !== primary && nameOf(id) === name ? [] : [{ path: ['models', 'embed', 'fallbacks', String(i)], message }],
  );
}

function nameOf(id: string): string {
  return id.slice(id.indexOf('/') + 1);
}

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
