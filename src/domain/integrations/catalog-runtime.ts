import type { CallContext } from '../../plugins/contract.ts';
import { ProviderError } from '../../plugins/errors.ts';
import type { CatalogModel, ModelCatalog } from '../gateway/model-catalog.ts';
import type { Router } from '../gateway/router.ts';
import type { ModelChoice, ModelWork } from './integration.ts';
import type { LiveIntegration } from './integration-directory.ts';
import { type HealthReport, IntegrationHealth } from './integration-health.ts';
import { CAPABILITY_OF_WORK, type IntegrationRuntime } from './integration-runtime.ts';

const SPEND_TIMEOUT_MS = 10_000;

/** Answers from the providers that the gateway holds open. */
export class CatalogRuntime implements IntegrationRuntime {
  readonly #catalog: ModelCatalog;
  readonly #router: Router;

  constructor(catalog: ModelCatalog, router: Router) {
    this.#catalog = catalog;
    this.#router = router;
  }

  async models(workspaceId: string, integrationId: string): Promise<CatalogModel[]> {
    const live = await this.#live(workspaceId, integrationId);
    return live === undefined ? [] : this.#catalog.modelsOf(live);
  }

  async health(workspaceId: string, integrationId: string): Promise<HealthReport> {
    const live = await this.#live(workspaceId, integrationId);
    const report = (live?.health ?? new IntegrationHealth()).report();
    return live?.problem == null ? report : { ...report, lastError: live.problem.message };
  }

  async spend(workspaceId: string, integrationId: string): Promise<{ reportedUsd: string } | null> {
    const provider = (await this.#live(workspaceId, integrationId))?.opened?.provider;
    const call: CallContext = { signal: AbortSignal.timeout(SPEND_TIMEOUT_MS), requestId: 'spend' };
    // A provider that lives elsewhere does not know of itself which methods it has.
    const spent = await provider?.spend?.(call).catch((error: unknown) => {
      if (error instanceof ProviderError && error.kind === 'not_found') return undefined;
      throw error;
    });
    return spent === undefined ? null : { reportedUsd: spent.totalUsd };
  }

  async model(workspaceId: string, id: string): Promise<CatalogModel> {
    const slash = id.indexOf('/');
    const { integrations } = await this.#catalog.directory.of(workspaceId);
    const live = integrations.find(({ name }) => name === id.slice(0, Math.max(slash, 0)));
    const found = live === undefined ? null : await this.#catalog.modelIn(live, id.slice(slash + 1));
    return found ?? this.#catalog.model(workspaceId, id, 'GENERATE');
  }

  async resolveModel(workspaceId: string, id: string, work: ModelWork): Promise<CatalogModel> {
    const model = await this.model(workspaceId, id);
    // Labels are told by what is written, or by vectors.
    if (work === 'classify' && model.info.capabilities.includes('EMBED')) return model;
    return this.#catalog.model(workspaceId, id, CAPABILITY_OF_WORK[work]);
  }

  async defaultChoice(workspaceId: string, work: ModelWork): Promise<ModelChoice | null> {
    const choose = (primary: string): ModelChoice => ({ primary, fallbacks: [], parameters: {} });
    // Labels cost nothing until a model that writes is chosen for them.
    if (work === 'embed' || work === 'classify') {
      return choose(await this.#catalog.documentEmbeddingModelId(workspaceId));
    }
    const model = await this.#router.defaultModel(workspaceId, [CAPABILITY_OF_WORK[work]]);
    return model === null ? null : choose(model.id);
  }

  async #live(workspaceId: string, integrationId: string): Promise<LiveIntegration | undefined> {
    const { integrations } = await this.#catalog.directory.of(workspaceId);
    return integrations.find(({ id }) => id === integrationId);
  }
}
