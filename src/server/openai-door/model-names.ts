import { NoProviderError } from '../../domain/gateway/errors.ts';
import type { ModelCatalog } from '../../domain/gateway/model-catalog.ts';

/** Models of a long list that an error names. */
const MAX_LISTED = 50;

/**
 * Makes a call with the model that was asked for. A name without its integration, as other services have them, will do
 * where exactly one integration has a model of that name. Vendors are asked for one that nobody has configured alone.
 * @throws NoProviderError that lists what is there
 */
export async function withModel<Result>(
  catalog: ModelCatalog,
  asked: { workspaceId: string; model: string | undefined },
  call: (model: string | undefined) => Promise<Result>,
): Promise<Result> {
  const { workspaceId, model } = asked;
  if (model === undefined) return call(model);
  if (!(await isOfIntegration(catalog, workspaceId, model))) return call(await idOfName(catalog, workspaceId, model));
  try {
    return await call(model);
  } catch (error) {
    if (!(error instanceof NoProviderError)) throw error;
    // The integration's name may be the beginning of a vendor's own.
    const [id, ...others] = await idsOfName(catalog, workspaceId, model);
    if (id === undefined || others.length > 0) throw error;
    return call(id);
  }
}

/** Any other slash is one of the vendor's own. */
async function isOfIntegration(catalog: ModelCatalog, workspaceId: string, id: string): Promise<boolean> {
  const { integrations } = await catalog.directory.of(workspaceId);
  return integrations.some(({ name }) => id.startsWith(`${name}/`));
}

async function idOfName(catalog: ModelCatalog, workspaceId: string, name: string): Promise<string> {
  const ids = await idsOfName(catalog, workspaceId, name);
  if (ids.length > 1) {
    const called = JSON.stringify(name.slice(0, 200));
    throw new NoProviderError(`several integrations have a model ${called}: ${listed(ids)}; name one`);
  }
  // The call itself refuses a model that there is not, and knows which ones could do it.
  return ids[0] ?? name;
}

async function idsOfName(catalog: ModelCatalog, workspaceId: string, name: string): Promise<string[]> {
  const known = await knownIdsOfName(catalog, workspaceId, name);
  if (known.length > 0) return known;
  const models = await catalog.list(workspaceId);
  return models.filter(({ info }) => info.name === name || info.aliases?.includes(name)).map(({ id }) => id);
}

/** Of what integrations have configured and plugins know: no vendor is asked. */
async function knownIdsOfName(catalog: ModelCatalog, workspaceId: string, name: string): Promise<string[]> {
  const { integrations } = await catalog.directory.of(workspaceId);
  const active = integrations.filter(({ isActive }) => isActive);
  return active.flatMap((live) => catalog.knownModelIn(live, name)?.id ?? []);
}

function listed(ids: readonly string[]): string {
  return `${ids.slice(0, MAX_LISTED).join(', ')}${ids.length > MAX_LISTED ? ', …' : ''}`;
}
