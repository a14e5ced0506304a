import type { CallContext } from '../../plugins/contract.ts';
import { isJsonObject, type JsonObject } from '../../shared/json.ts';
import { isErrorBody } from './failures.ts';
import type { WireEndpoint } from './wire-provider.ts';

/** An entry of GET /models: its `id`, and what else the server says. */
export type ListedModel = JsonObject & { id: string };

/** @throws ProviderError */
export async function listedModels(endpoint: WireEndpoint, url: string, call: CallContext): Promise<ListedModel[]> {
  const { http } = endpoint;
  const { json } = await http.getJson(url, await endpoint.headers(call), call);
  if (isErrorBody(json)) throw http.errorWithin(json);
  if (!Array.isArray(json.data)) throw http.malformed('a list of models without models');
  return json.data.filter((model): model is ListedModel => isJsonObject(model) && typeof model.id === 'string');
}

/** @throws ProviderError */
export async function listedNames(endpoint: WireEndpoint, url: string, call: CallContext): Promise<string[]> {
  return (await listedModels(endpoint, url, call)).map(({ id }) => id);
}
