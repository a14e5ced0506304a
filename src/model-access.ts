import { join } from 'node:path';
import type { Config } from './config.ts';
import type { Database } from './db/client.ts';
import { AnswerCache } from './domain/caching/answer-cache.ts';
import { EmbeddingCache } from './domain/caching/embedding-cache.ts';
import { ModelCatalog } from './domain/gateway/model-catalog.ts';
import { ModelGateway } from './domain/gateway/model-gateway.ts';
import { CatalogRuntime } from './domain/integrations/catalog-runtime.ts';
import { CredentialVault } from './domain/integrations/credential-vault.ts';
import {
  DEFAULT_RETRIES,
  DEFAULT_TIMEOUTS,
  IntegrationDirectory,
  type LiveIntegration,
  type OpenedProvider,
} from './domain/integrations/integration-directory.ts';
import { IntegrationHealth } from './domain/integrations/integration-health.ts';
import { IntegrationService } from './domain/integrations/integration-service.ts';
import { listIntegrations, readSettings } from './domain/integrations/integration-store.ts';
import { PluginService } from './domain/integrations/plugin-service.ts';
import { ProviderFactory } from './domain/integrations/provider-factory.ts';
import { readSecretKeys } from './domain/integrations/secret-key.ts';
import { SettingsService } from './domain/integrations/settings-service.ts';
import { type TrialParts, TrialService } from './domain/integrations/trial-service.ts';
import { listBudgets } from './domain/usage/budget-store.ts';
import type { MeterService } from './domain/usage/meter-service.ts';
import { RateLimitService } from './domain/usage/rate-limit-service.ts';
import type { ReservationService } from './domain/usage/reservation-service.ts';
import type { UsageRecorder } from './domain/usage/usage-recorder.ts';
import { AiMetrics } from './observability/ai-metrics.ts';
import type { Logger } from './observability/logger.ts';
import type { CallTracer } from './observability/model-call-observer.ts';
import { checkPluginConfig } from './plugins/config-check.ts';
import type { Provider, ProviderPlugin } from './plugins/contract.ts';
import { createHost } from './plugins/host.ts';
import { PluginLoader } from './plugins/loader.ts';
import { PluginNetwork } from './plugins/network.ts';
import { PluginRegistry, SHIPPED } from './plugins/registry.ts';
import anthropic from './providers/anthropic/plugin.ts';
import azureOpenai from './providers/azure-openai/plugin.ts';
import cloudflare from './providers/cloudflare/plugin.ts';
import customGateway from './providers/custom-gateway/plugin.ts';
import google from './providers/google/plugin.ts';
import type { LocalConfig } from './providers/local/models.ts';
import local from './providers/local/plugin.ts';
import openai from './providers/openai/plugin.ts';
import openaiCompatible from './providers/openai-compatible/plugin.ts';
import { ConfigError } from './shared/config-error.ts';

const SHIPPED_PLUGINS: readonly ProviderPlugin<never>[] = [
  openai,
  azureOpenai,
  anthropic,
  google,
  cloudflare,
  customGateway,
  openaiCompatible,
];

/** The way to the models, with all that it is made of. */
export interface ModelAccess {
  registry: PluginRegistry;
  network: PluginNetwork;
  vault: CredentialVault;
  directory: IntegrationDirectory;
  catalog: ModelCatalog;
  embeddingCache: EmbeddingCache;
  answerCache: AnswerCache;
  gateway: ModelGateway;
  aiMetrics: AiMetrics;
  pluginRegistrations: PluginService;
  integrationServices: IntegrationServices;
  /** Ends the providers: calls under way are aborted. */
  close(): Promise<void>;
}

interface AccessParts {
  config: Config;
  logger: Logger;
  database: Database;
  meters: MeterService;
  reservations: ReservationService;
  recorder: UsageRecorder;
  /** Follows model calls. */
  tracer?: CallTracer;
  /** Plugins beside the shipped ones. */
  plugins?: readonly ProviderPlugin[];
  /** In place of the built-in provider. */
  wrapProvider?: (provider: Provider) => Provider;
}

/** @throws ConfigError where the settings of the built-in provider are not valid */
export async function openModelAccess(parts: AccessParts): Promise<ModelAccess> {
  const { config, logger, database, meters, reservations, recorder, tracer, plugins = [] } = parts;
  const network = new PluginNetwork({ allowPrivate: config.allowPrivateUrls });
  const builtIn = openLocal(parts, network);
  const registry = new PluginRegistry();
  for (const plugin of [...SHIPPED_PLUGINS, sharedLocal(builtIn.opened.provider), ...plugins]) {
    registry.register(plugin as ProviderPlugin, SHIPPED);
  }
  const vault = new CredentialVault(readSecretKeys(config));
  const cacheDirOf = (pluginId: string) => join(config.dataDir, 'models', pluginId);
  const factory = new ProviderFactory({ registry, network, vault, logger, cacheDirOf });
  const directory = new IntegrationDirectory({
    builtIn: [builtIn],
    load: (workspaceId) =>
      database.withWorkspace(workspaceId, async (scope) => {
        const [integrations, settings, budgets] = await Promise.all([
          listIntegrations(scope),
          readSettings(scope),
          listBudgets(scope),
        ]);
        return { integrations, settings, budgets };
      }),
    open: (stored) => factory.openStored(stored),
    currentRegistration: (id) => registry.list().find(({ plugin }) => plugin.manifest.id === id) ?? null,
    onCloseFailed: (error) => logger.warn({ err: error }, 'a provider could not be closed'),
  });
  const catalog = new ModelCatalog(directory, await defaultEmbeddingModel(builtIn, directory, config), () =>
    registry.list(),
  );
  const embeddingCache = new EmbeddingCache(database, logger);
  const answerCache = new AnswerCache();
  const aiMetrics = new AiMetrics({
    isPlugin: (id) => registry.list().some(({ plugin }) => plugin.manifest.id === id),
    openCircuits: () => directory.openCircuits(),
  });
  const gateway = new ModelGateway({
    ...{ catalog, embeddingCache, answerCache, meters, reservations, recorder },
    limits: new RateLimitService(database),
    observers: { attempts: aiMetrics, tracer },
  });
  const loader = new PluginLoader({
    ...{ pluginsDir: config.pluginsDir, allowPrivate: config.allowPrivateUrls },
    ...{ network, logger },
  });
  const pluginRegistrations = new PluginService({ database, registry, loader, logger });
  const unfollow = registry.onChange(() => directory.forgetAll());
  await pluginRegistrations.start();
  const close = async () => {
    unfollow();
    await directory.close();
    await pluginRegistrations.close();
    await network.close();
  };
  const configured = integrationServices(parts, { registry, vault, factory, directory, catalog, gateway });
  return {
    ...{
      registry,
      network,
      vault,
      directory,
      catalog,
      embeddingCache,
      answerCache,
      gateway,
      aiMetrics,
      pluginRegistrations,
    },
    ...{ integrationServices: configured, close },
  };
}

interface IntegrationServices {
  integrations: IntegrationService;
  integrationTrials: TrialService;
  settings: SettingsService;
}

function integrationServices(
  { config, database, logger, recorder, meters }: AccessParts,
  made: Pick<ModelAccess, 'registry' | 'directory' | 'catalog' | 'gateway'> & {
    vault: CredentialVault;
    factory: ProviderFactory;
  },
): IntegrationServices {
  const { registry, vault, factory, directory } = made;
  const runtime = new CatalogRuntime(made.catalog, made.gateway.router);
  const onChange = (workspaceId: string) => directory.forget(workspaceId);
  const shared = { database, registry, vault, allowPrivateUrls: config.allowPrivateUrls };
  const open: TrialParts['open'] = (pluginId, given, credentials) => factory.open(pluginId, given, credentials);
  return {
    integrations: new IntegrationService({ ...shared, runtime, onChange, flushUsage: () => recorder.flush() }),
    integrationTrials: new TrialService({ ...shared, open, recorder, meters, logger }),
    settings: new SettingsService({ database, runtime, onChange }),
  };
}

/**
 * The local plugin as workspaces can integrate it, under a name and with fallbacks of their own: the models, the threads
 * and the paths that they are read from are the server owner's to choose, and all use the same.
 */
function sharedLocal(provider: Provider): ProviderPlugin {
  const configSchema = { type: 'object', properties: {}, additionalProperties: false };
  const shared: Provider = {
    embed: provider.embed?.bind(provider),
    listModels: (call) => provider.listModels(call),
    check: (call) => provider.check(call),
    close: async () => undefined,
  };
  return { manifest: { ...local.manifest, configSchema }, create: () => shared };
}

/** A model may be set by an alias; stored and compared is the id alone. */
async function defaultEmbeddingModel(
  builtIn: LiveIntegration,
  directory: IntegrationDirectory,
  { embeddingModel }: Config,
): Promise<string> {
  const [integration = '', ...name] = embeddingModel.split('/');
  // Of an integration, which each workspace makes for itself.
  if (integration !== builtIn.name) return embeddingModel;
  const catalog = new ModelCatalog(directory, embeddingModel);
  const model = await catalog.modelIn(builtIn, name.join('/'));
  if (model !== null) return model.id;
  const offered = (await catalog.modelsOf(builtIn)).map(({ id }) => id).join(', ');
  throw new ConfigError(`SIGNALBOX_EMBEDDING_MODEL names no model of the server; there are: ${offered}`);
}

/** The provider that needs no configuration: every workspace has it, under the name `local`. */
function openLocal(
  { config, logger, wrapProvider }: AccessParts,
  network: PluginNetwork,
): LiveIntegration & { opened: OpenedProvider } {
  const settings = {
    ...(config.localWorkers === undefined ? {} : { workers: config.localWorkers }),
    ...(config.localModels === undefined ? {} : { models: config.localModels }),
  };
  const [issue] = checkPluginConfig(local.manifest, settings);
  if (issue !== undefined) {
    throw new ConfigError(`SIGNALBOX_LOCAL_MODELS ${issue.path.slice(1).join('.')} ${issue.message}`);
  }
  const host = createHost({ network, logger, cacheDir: join(config.dataDir, 'models') });
  // Checked above against the plugin's own schema.
  const made = local.create(settings as LocalConfig, host);
  const provider = wrapProvider?.(made) ?? made;
  return {
    id: null,
    name: 'local',
    pluginId: local.manifest.id,
    opened: { provider, knownModels: [], registration: local, close: () => provider.close() },
    problem: null,
    isActive: true,
    fallbackId: null,
    defaultModel: null,
    models: [],
    timeouts: { ...DEFAULT_TIMEOUTS, totalMs: 60_000 },
    retries: DEFAULT_RETRIES,
    batchSize: null,
    origin: '',
    health: new IntegrationHealth(),
  };
}
