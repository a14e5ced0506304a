import { type ChosenModel, chosenModel, embeddingModel } from '../gateway/chosen-model.ts';
import type { ModelCatalog } from '../gateway/model-catalog.ts';
import type { Router } from '../gateway/router.ts';

/** The model that the workspace has chosen to classify by, else that of its documents' vectors. */
export async function classifyingModel(
  catalog: ModelCatalog,
  router: Router,
  workspaceId: string,
): Promise<ChosenModel> {
  const chosen = await chosenModel(catalog, router, workspaceId, 'classify');
  return chosen ?? embeddingModel(await catalog.documentEmbeddingModelId(workspaceId));
}
