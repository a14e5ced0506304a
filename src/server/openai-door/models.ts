import { NoProviderError } from '../../domain/gateway/errors.ts';
import type { CatalogModel } from '../../domain/gateway/model-catalog.ts';
import { answerJson, type DoorRequest } from './door-request.ts';
import { withModel } from './model-names.ts';

/** `GET /v1/models` */
export async function listModels({ services, caller, response }: DoorRequest): Promise<void> {
  const models = await services.models.list(caller.workspace.id);
  answerJson(response, 200, {}, { object: 'list', data: models.map(modelOf) });
}

/** `GET /v1/models/{id}` */
export async function oneModel({ services, caller, response }: DoorRequest, asked: string): Promise<void> {
  const workspaceId = caller.workspace.id;
  const models = await services.models.list(workspaceId);
  const found = await withModel(services.models, { workspaceId, model: asked }, async (id) => {
    const model = models.find((one) => one.id === id);
    if (model !== undefined) return model;
    throw new NoProviderError(
      `there is no model ${JSON.stringify(asked.slice(0, 200))}; GET /v1/models lists those there are`,
    );
  });
  answerJson(response, 200, {}, modelOf(found));
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
