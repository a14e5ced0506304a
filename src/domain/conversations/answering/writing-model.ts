import type { Capability } from '../../../plugins/contract.ts';
import { NoProviderError } from '../../gateway/errors.ts';
import type { CatalogModel, ModelCatalog } from '../../gateway/model-catalog.ts';
import type { Router } from '../../gateway/router.ts';
import { EXTRACTIVE_MODEL } from '../../summaries/summary.ts';

/** The model that writes an answer. */
export interface WritingModel {
  model: CatalogModel;
  /** Its id, where it has to be named: a workspace's choice is found by itself, with its fallbacks and parameters. */
  named: string | undefined;
}

/** What an answer is asked of. */
export interface WantedModel {
  workspaceId: string;
  /** `<integration>/<model>`; left out: the workspace's choice for chat, else the first that can. */
  model?: string | undefined;
  capabilities: readonly [Capability, ...Capability[]];
}

/**
 * What writes answers for a workspace. Null: nothing here writes, or `local/extractive` is asked for; answers are put
 * together from sentences then.
 * @throws NoProviderError where the model that is asked for or chosen is not there, or cannot do it
 */
export async function writingModel(
  catalog: ModelCatalog,
  router: Router,
  { workspaceId, model, capabilities }: WantedModel,
): Promise<WritingModel | null> {
  if (model === EXTRACTIVE_MODEL) return null;
  const { settings } = await catalog.directory.of(workspaceId);
  if (model === undefined && settings.models.chat === undefined) {
    const first = await router.defaultModel(workspaceId, capabilities);
    return first === null ? null : { model: first, named: first.id };
  }
  const route = await router.route({ workspaceId, model, work: 'chat', fallbacks: [], capabilities });
  return { model: route.first, named: model };
}

/** The same for an answer that is to be streamed; a model that gives it in one piece will do, where there is no other. */
export async function streamingModel(
  catalog: ModelCatalog,
  router: Router,
  wanted: Omit<WantedModel, 'capabilities'>,
): Promise<WritingModel | null> {
  try {
    const streaming = await writingModel(catalog, router, { ...wanted, capabilities: ['STREAM'] });
    return streaming ?? (await writingModel(catalog, router, { ...wanted, capabilities: ['GENERATE'] }));
  } catch (error) {
    if (!(error instanceof NoProviderError)) throw error;
    return writingModel(catalog, router, { ...wanted, capabilities: ['GENERATE'] });
  }
}
