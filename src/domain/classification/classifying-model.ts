import { NoProviderError } from '../gateway/errors.ts';
import type { ModelCatalog } from '../gateway/model-catalog.ts';
import type { Router } from '../gateway/router.ts';
import type { ModelChoice } from '../integrations/integration.ts';

/** What labels a workspace's texts. */
export interface ClassifyingModel {
  /** Whether it writes its answers; else its vectors tell the labels. */
  readonly writes: boolean;
  readonly id: string;
  /** Whether labels that this model gave are the ones that would be given now. */
  mayHaveLabelled(modelId: string): Promise<boolean>;
}

/**
 * The model that the workspace has chosen to classify by, else that of its documents' vectors. One that is not there any
 * more counts as one that writes: whoever asks it is told.
 */
export async function classifyingModel(
  catalog: ModelCatalog,
  router: Router,
  workspaceId: string,
): Promise<ClassifyingModel> {
  const { integrations, settings } = await catalog.directory.of(workspaceId);
  const choice = settings.models.classify;
  if (choice === undefined) return embedding(await catalog.documentEmbeddingModelId(workspaceId));
  const slash = choice.primary.indexOf('/');
  const live = integrations.find(({ name }) => name === choice.primary.slice(0, slash));
  const model = live === undefined ? null : await catalog.modelIn(live, choice.primary.slice(slash + 1));
  const capabilities = model?.info.capabilities ?? [];
  if (model !== null && capabilities.includes('EMBED') && !capabilities.includes('GENERATE')) {
    return embedding(model.id);
  }
  return writing(choice, router, workspaceId);
}

function embedding(id: string): ClassifyingModel {
  return { writes: false, id, mayHaveLabelled: async (modelId) => modelId === id };
}

/** A fallback's labels hold as long as it is one. Those of fallback integrations are looked up where one has answered. */
function writing(choice: ModelChoice, router: Router, workspaceId: string): ClassifyingModel {
  const chosen = new Set([choice.primary, ...choice.fallbacks]);
  let routed: Promise<ReadonlySet<string>> | null = null;
  return {
    writes: true,
    id: choice.primary,
    mayHaveLabelled: async (modelId) => {
      if (chosen.has(modelId)) return true;
      routed ??= routedModels(router, workspaceId);
      return (await routed).has(modelId);
    },
  };
}

async function routedModels(router: Router, workspaceId: string): Promise<ReadonlySet<string>> {
  const ids = new Set<string>();
  try {
    const asked = { workspaceId, model: undefined, work: 'classify' as const, fallbacks: [] };
    const route = await router.route({ ...asked, capabilities: ['GENERATE'] });
    for (let target = await route.next(); target !== null; target = await route.next()) ids.add(target.id);
  } catch (error) {
    if (!(error instanceof NoProviderError)) throw error;
  }
  return ids;
}
