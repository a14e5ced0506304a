import type { ModelChoice, ModelWork } from '../integrations/integration.ts';
import { NoProviderError } from './errors.ts';
import type { ModelCatalog } from './model-catalog.ts';
import type { Router } from './router.ts';

/** What does some work for a workspace. */
export interface ChosenModel {
  /** Whether it writes its answers; else its vectors are what the work is done with. */
  readonly writes: boolean;
  readonly id: string;
  /** Whether what this model has made is what would be made now. */
  mayHaveMade(modelId: string): Promise<boolean>;
}

/**
 * The model that a workspace has chosen for some work; null where it has chosen none. One that is not there any more
 * counts as one that writes: whoever asks it is told.
 */
export async function chosenModel(
  catalog: ModelCatalog,
  router: Router,
  workspaceId: string,
  work: ModelWork,
): Promise<ChosenModel | null> {
  const { integrations, settings } = await catalog.directory.of(workspaceId);
  const choice = settings.models[work];
  if (choice === undefined) return null;
  const slash = choice.primary.indexOf('/');
  const live = integrations.find(({ name }) => name === choice.primary.slice(0, slash));
  const model = live === undefined ? null : await catalog.modelIn(live, choice.primary.slice(slash + 1));
  const capabilities = model?.info.capabilities ?? [];
  if (model !== null && capabilities.includes('EMBED') && !capabilities.includes('GENERATE')) {
    return embeddingModel(model.id);
  }
  return writing(choice, router, workspaceId, work);
}

export function embeddingModel(id: string): ChosenModel {
  return { writes: false, id, mayHaveMade: async (modelId) => modelId === id };
}

/** What a fallback has made holds as long as it is one. Those of fallback integrations are looked up where one has answered. */
function writing(choice: ModelChoice, router: Router, workspaceId: string, work: ModelWork): ChosenModel {
  const chosen = new Set([choice.primary, ...choice.fallbacks]);
  let routed: Promise<ReadonlySet<string>> | null = null;
  return {
    writes: true,
    id: choice.primary,
    mayHaveMade: async (modelId) => {
      if (chosen.has(modelId)) return true;
      routed ??= routedModels(router, workspaceId, work);
      return (await routed).has(modelId);
    },
  };
}

async function routedModels(router: Router, workspaceId: string, work: ModelWork): Promise<ReadonlySet<string>> {
  const ids = new Set<string>();
  try {
    const asked = { workspaceId, model: undefined, work, fallbacks: [] };
    const route = await router.route({ ...asked, capabilities: ['GENERATE'] });
    for (let target = await route.next(); target !== null; target = await route.next()) ids.add(target.id);
  } catch (error) {
    if (!(error instanceof NoProviderError)) throw error;
  }
  return ids;
}
