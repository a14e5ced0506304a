import { randomBytes } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Agent, fetch as undiciFetch } from 'undici';
import { type Config, ConfigError } from './config.ts';
import { makeDataFolder } from './data-folder.ts';
import { type Database, openDatabase } from './db/client.ts';
import { ApiKeyService } from './domain/access/api-key-service.ts';
import { Authenticator } from './domain/access/authenticator.ts';
import { TokenVerifier } from './domain/access/token-verifier.ts';
import { EmbeddingCache } from './domain/caching/embedding-cache.ts';
import { ClassificationService } from './domain/classification/classification-service.ts';
import { closeKernelRidgeFitting } from './domain/classification/kernel-ridge-fitting.ts';
import { TaxonomyService } from './domain/classification/taxonomy-service.ts';
import { CollectionService } from './domain/documents/collection-service.ts';
import { DocumentService } from './domain/documents/document-service.ts';
import { documentJobs, QueuedDocumentTasks } from './domain/documents/jobs.ts';
import { EmbeddingService } from './domain/embeddings/embedding-service.ts';
import { ModelCatalog } from './domain/gateway/model-catalog.ts';
import { ModelGateway } from './domain/gateway/model-gateway.ts';
import { JobService } from './domain/queues/job-service.ts';
import { Maintenance } from './domain/queues/maintenance.ts';
import { DocumentSearch } from './domain/search/document-search.ts';
import { SearchService } from './domain/search/search-service.ts';
import { VectorIndexes } from './domain/search/vector-index.ts';
import { MeterService } from './domain/usage/meter-service.ts';
import { UsageRecorder } from './domain/usage/usage-recorder.ts';
import { UsageService } from './domain/usage/usage-service.ts';
import { WorkspaceService } from './domain/workspaces/workspace-service.ts';
import { startBoss } from './jobs/boss.ts';
import type { JobDefinition } from './jobs/define-job.ts';
import { JobQueue } from './jobs/queue.ts';
import { type RunningWorker, startWorker } from './jobs/run-worker.ts';
import type { Logger } from './observability/logger.ts';
import { checkPluginConfig } from './plugins/config-check.ts';
import type { Provider } from './plugins/contract.ts';
import { PluginRegistry } from './plugins/registry.ts';
import local from './providers/local/plugin.ts';
import type { Services } from './schema/services.ts';

/** Everything that a process is made of, apart from its doors. */
export interface App {
  config: Config;
  logger: Logger;
  database: Database;
  authenticator: Authenticator;
  recorder: UsageRecorder;
  services: Services;
  rootKey: string;
  /** Where the root key is kept, unless it was given. */
  rootKeyFile: string;
  /** Finishes what is under way, writes what is pending and closes. Idempotent. */
  close(): Promise<void>;
}

/** Memory and a prepared database, for tests. */
export interface AppOptions {
  inMemory?: boolean;
  preparedFolder?: Uint8Array;
  /** In place of the shipped provider, for tests that count its calls. */
  wrapProvider?: (provider: Provider) => Provider;
}

/** Puts the product together: the database, the services and, unless it works elsewhere, the worker. */
export async function startApp(config: Config, logger: Logger, options: AppOptions = {}): Promise<App> {
  makeDataFolder(config.dataDir);
  const { rootKey, rootKeyFile } = readRootKey(config);
  const database = await openDatabase({ ...config, poolSize: config.databasePoolSize, ...options });
  try {
    return await assemble(config, logger, database, { rootKey, rootKeyFile }, options);
  } catch (error) {
    await database.close();
    throw error;
  }
}

async function assemble(
  config: Config,
  logger: Logger,
  database: Database,
  root: { rootKey: string; rootKeyFile: string },
  options: AppOptions,
): Promise<App> {
  const { registry, provider } = startProviders(config, logger, options);
  const catalog = new ModelCatalog([{ name: 'local', provider }], config.embeddingModel);
  await catalog.embeddingModel();

  const tokens = config.jwt === undefined ? null : new TokenVerifier(config.jwt, database);
  const authenticator = new Authenticator(database, root.rootKey, tokens);
  const recorder = new UsageRecorder({ database, logger });
  const meters = new MeterService(database);
  const cache = new EmbeddingCache(database, logger);
  const gateway = new ModelGateway({ catalog, cache, meters, recorder });
  const embeddings = new EmbeddingService({ database, gateway, catalog });
  const classifications = new ClassificationService({ database, gateway, catalog });
  const indexes = new VectorIndexes(database);
  const search = new SearchService(database, indexes);

  const boss = await startBoss(database, logger);
  const { embeddingModel } = config;
  const jobs = documentJobs({ database, embeddings, classifications, embeddingModel });
  const documents = new DocumentService({
    database,
    meters,
    embeddingModel,
    tasks: new QueuedDocumentTasks(new JobQueue(boss), jobs),
    onChange: (workspaceId) => search.forgetWorkspace(workspaceId),
  });
  const definitions = [jobs.embed, jobs.process] as unknown as JobDefinition[];
  const worker = config.worker ? await startWorker({ boss, database, definitions, logger }) : null;
  const maintenance = new Maintenance(database, indexes, logger);
  if (config.worker) maintenance.start();

  const services: Services = {
    apiKeys: new ApiKeyService(database, authenticator),
    workspaces: new WorkspaceService(database, authenticator),
    collections: new CollectionService(database, embeddingModel),
    documents,
    embeddings,
    search: new DocumentSearch({ search, gateway, catalog, recorder }),
    classifications,
    taxonomies: new TaxonomyService(database),
    jobs: new JobService(database),
    usage: new UsageService({ database, recorder }),
    models: catalog,
    plugins: registry,
  };
  const close = once(() => closeAll({ maintenance, worker, boss, recorder, cache, provider, database }));
  return { config, logger, database, authenticator, recorder, services, ...root, close };
}

function startProviders(
  config: Config,
  logger: Logger,
  options: AppOptions,
): { registry: PluginRegistry; provider: Provider } {
  const registry = new PluginRegistry();
  registry.register(local, 'shipped');
  const cacheDir = join(config.dataDir, 'models');
  mkdirSync(cacheDir, { recursive: true });
  const settings = localSettings(config);
  const [issue] = checkPluginConfig(local.manifest, settings);
  if (issue !== undefined)
    throw new ConfigError(`SIGNALBOX_LOCAL_MODELS ${issue.path.slice(1).join('.')} ${issue.message}`);
  const agent = new Agent();
  const made = local.create(settings, {
    fetch: ((input: string, init?: object) =>
      undiciFetch(input, { ...init, dispatcher: agent })) as unknown as typeof fetch,
    logger,
    now: Date.now,
    signal: new AbortController().signal,
    cacheDir,
  });
  return { registry, provider: options.wrapProvider?.(made) ?? made };
}

function localSettings({ localWorkers, localModels }: Config): Record<string, unknown> {
  return {
    ...(localWorkers === undefined ? {} : { workers: localWorkers }),
    ...(localModels === undefined ? {} : { models: localModels }),
  };
}

interface Closing {
  maintenance: Maintenance;
  worker: RunningWorker | null;
  boss: Awaited<ReturnType<typeof startBoss>>;
  recorder: UsageRecorder;
  cache: EmbeddingCache;
  provider: Provider;
  database: Database;
}

/** In the order in which they need each other. */
async function closeAll({ maintenance, worker, boss, recorder, cache, provider, database }: Closing): Promise<void> {
  await maintenance.stop();
  await worker?.stop();
  await boss.stop({ graceful: false });
  await cache.drain();
  await recorder.drain();
  await closeKernelRidgeFitting();
  await provider.close();
  await database.close();
}

/** The root key: given, or made once and kept beside the data for its owner's eyes alone. */
function readRootKey(config: Config): { rootKey: string; rootKeyFile: string } {
  const rootKeyFile = join(config.dataDir, 'root-key');
  if (config.rootKey !== undefined) return { rootKey: config.rootKey, rootKeyFile };
  if (!existsSync(rootKeyFile)) {
    const made = `sbx_root_${randomBytes(32).toString('base64url')}`;
    writeFileSync(rootKeyFile, `${made}\n`, { mode: 0o600, flag: 'wx' });
  }
  chmodSync(rootKeyFile, 0o600);
  return { rootKey: readFileSync(rootKeyFile, 'utf8').trim(), rootKeyFile };
}

function once(work: () => Promise<void>): () => Promise<void> {
  let done: Promise<void> | null = null;
  return () => {
    done ??= work();
    return done;
  };
}
