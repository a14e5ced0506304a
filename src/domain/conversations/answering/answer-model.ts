import { InvalidInputError } from '../../../shared/errors.ts';
import { NoProviderError } from '../../gateway/errors.ts';
import type { CatalogModel, ModelCatalog } from '../../gateway/model-catalog.ts';
import type { Router } from '../../gateway/router.ts';
import { EXTRACTIVE_MODEL } from '../../summaries/summary.ts';
import { streamingModel, type WritingModel } from './writing-model.ts';

const NAMES_SHOWN = 10;
const SEEING = ['STREAM', 'IMAGE_INPUT'] as const;
/** Of a model that gives its answer in one piece: it will do where none streams. */
const SEEING_WHOLE = ['GENERATE', 'IMAGE_INPUT'] as const;

/** Stands for a picture before it is there. */
export const EXPECTED_PICTURE = { kind: 'image', mimeType: 'image/png', base64: '' } as const;

/** Finds the model that answers. */
export interface ModelFinding {
  catalog: ModelCatalog;
  router: Router;
}

/**
 * The model that answers a message; null: none writes here, and documents answer in their own words.
 * @throws InvalidInputError where it does not see what was attached; NoProviderError where it is not there, or where
 * documents may not be asked either
 */
export async function answeringModel(
  { catalog, router }: ModelFinding,
  workspaceId: string,
  { model, pictures, retrieval }: { model?: string | undefined; pictures: number; retrieval: boolean },
): Promise<WritingModel | null> {
  const writer = await streamingModel(catalog, router, { workspaceId, model });
  if (pictures === 0 || sees(writer)) {
    if (writer === null && !retrieval) throw nobodyWrites(model);
    return writer;
  }
  // Where nobody has chosen, any that sees will do.
  const { settings } = await catalog.directory.of(workspaceId);
  const isOpen = model === undefined && settings.models.chat === undefined;
  const other = isOpen ? await firstSeeing(router, workspaceId) : null;
  if (other !== null) return other;
  const name = writer === null ? EXTRACTIVE_MODEL : writer.model.id;
  const seeing = (await catalog.list(workspaceId, ['IMAGE_INPUT'])).filter(writes).map(({ id }) => id);
  const offer =
    seeing.length === 0
      ? `no other model of the workspace does either; ${catalog.integrationsFor('IMAGE_INPUT')}`
      : `name one of these as \`model\`: ${seeing.slice(0, NAMES_SHOWN).join(', ')}`;
  throw InvalidInputError.at('attachments', `the model ${name} does not see images: leave them out, or ${offer}`);
}

/**
 * The model that says what a picture shows: the one that is named, else the workspace's choice for chat where that sees,
 * else the first that does.
 * @throws NoProviderError
 */
export async function seeingModel(
  { catalog, router }: ModelFinding,
  workspaceId: string,
  model: string | undefined,
): Promise<WritingModel> {
  if (model !== undefined) {
    const asked = { workspaceId, model, work: 'chat', fallbacks: [] } as const;
    const streaming = await router.route({ ...asked, capabilities: SEEING }).catch(nullWhereMissing);
    const { first } = streaming ?? (await router.route({ ...asked, capabilities: SEEING_WHOLE }));
    return { model: first, named: model };
  }
  const chosen = await streamingModel(catalog, router, { workspaceId }).catch(nullWhereMissing);
  if (chosen !== null && sees(chosen)) return chosen;
  const first = await firstSeeing(router, workspaceId);
  if (first !== null) return first;
  throw new NoProviderError(
    `no model of the workspace sees images (IMAGE_INPUT): ${catalog.integrationsFor('IMAGE_INPUT')}`,
  );
}

async function firstSeeing(router: Router, workspaceId: string): Promise<WritingModel | null> {
  const streaming = await router.defaultModel(workspaceId, SEEING);
  const first = streaming ?? (await router.defaultModel(workspaceId, SEEING_WHOLE));
  return first === null ? null : { model: first, named: first.id };
}

function writes({ info: { capabilities } }: CatalogModel): boolean {
  return capabilities.includes('STREAM') || capabilities.includes('GENERATE');
}

function sees(writer: WritingModel | null): boolean {
  return writer?.model.info.capabilities.includes('IMAGE_INPUT') === true;
}

function nobodyWrites(model: string | undefined): NoProviderError {
  const why = model === undefined ? 'no model of the workspace writes' : `${model} does not write`;
  return new NoProviderError(
    `${why}, and without retrieval there are no documents to answer from: make an integration with createIntegration`,
  );
}

function nullWhereMissing(error: unknown): null {
  if (error instanceof NoProviderError) return null;
  throw error;
}
