import { ModelCatalog } from '../../src/domain/gateway/model-catalog.ts';
import type { WorkspaceSettings } from '../../src/domain/integrations/integration.ts';
import {
  DEFAULT_TIMEOUTS,
  IntegrationDirectory,
  type LiveIntegration,
  NOTHING_CHOSEN,
} from '../../src/domain/integrations/integration-directory.ts';
import { IntegrationHealth } from '../../src/domain/integrations/integration-health.ts';
import type { Provider } from '../../src/plugins/contract.ts';

/** A catalogue of one provider that every workspace has. */
export function catalogOf(name: string, provider: Provider, defaultEmbeddingModel: string): ModelCatalog {
  return new ModelCatalog(directoryOf([liveIntegration(name, provider)]), defaultEmbeddingModel);
}

/** What every workspace has, with no integration stored. After the settings have changed, it has to be told to forget. */
export function directoryOf(
  builtIn: readonly LiveIntegration[],
  settings: () => WorkspaceSettings = () => NOTHING_CHOSEN,
): IntegrationDirectory {
  return new IntegrationDirectory({
    builtIn,
    load: async () => ({ integrations: [], settings: settings() }),
    open: () => {
      throw new Error('nothing is stored');
    },
    currentRegistration: () => null,
    onCloseFailed: (error) => {
      throw error;
    },
  });
}

/** A provider as the gateway calls it. */
export function liveIntegration(
  name: string,
  provider: Provider,
  options: Partial<LiveIntegration> = {},
): LiveIntegration {
  return {
    id: null,
    name,
    pluginId: name,
    opened: { provider, knownModels: [], registration: provider, close: () => provider.close() },
    problem: null,
    isActive: true,
    fallbackId: null,
    defaultModel: null,
    models: [],
    timeouts: DEFAULT_TIMEOUTS,
    retries: 2,
    batchSize: null,
    origin: name,
    health: new IntegrationHealth(),
    ...options,
  };
}
