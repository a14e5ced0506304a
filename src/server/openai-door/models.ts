import { NoProviderError } from '../../domain/gateway/errors.ts';
import type { CatalogModel, ModelCatalog } from '../../domain/gateway/model-catalog.ts';
import { answerJson, type DoorRequest } from './door-request.ts';
import { withModel } from './model-names.ts';

/** `GET /v1/models` */
export async function listModels(door: DoorRequest): Promise<void> {
  const { services, caller } = door;
  const models = await services.models.list(caller.workspace.id);
  answerJson(door, 200, {}, { object: 'list', data: models.map(modelOf) });
}

/** `GET /v1/models/{id}` */
export async function oneModel(door: DoorRequest, asked: string): Promise<void> {
  const { services, caller } = door;
  const workspaceId = caller.workspace.id;
  const found = await withModel(services.models, { workspaceId, model: asked }, async (id = '') => {
    const model = await knownModel(services.models, workspaceId, id);
    if (model !== null) return model;
    throw new NoProviderError(
      `there is no model ${JSON.stringify(asked.slice(0, 200))}; GET /v1/models lists those there are`,
    );
  });
  answerJson(door, 200, {}, modelOf(found));
}

/** Only the vendor of the model is asked, and only where nobody has configured it. */
async function knownModel(catalog: ModelCatalog, workspaceId: string, id: string): Promise<CatalogModel | null> {
  const slash = id.indexOf('/');
  const { integrations } = await catalog.directory.of(workspaceId);
  const live = integrations.find(({ name, isActive }) => isActive && name === id.slice(0, Math.max(slash, 0)));
  if (live === undefined) return null;
  const known = catalog.knownModelIn(live, id.slice(slash + 1));
  return known ?? (await catalog.modelsOf(live)).find((model) => model.id === id) ?? null;
}

function modelOf({ id, integration, info }: CatalogModel): object {
  return {
    id,
    object: 'model',
    // When a model was made is known to no vendor's listing alike.
    created: 0,
    owned_by: integration,
    capabilities: info.capabilities,
    ...(info.contextTokens === undefined ? {} : { context_window: info.contextTokens }),
    ...(info.dimensions === undefined ? {} : { dimensions: info.dimensions }),
  };
}
