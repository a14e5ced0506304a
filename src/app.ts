import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import type { Config } from './config.ts';
import { type Database, openDatabase } from './db/client.ts';
import type { FileStore } from './db/file-store.ts';
import { openFileStore } from './db/open-file-store.ts';
import { Authenticator } from './domain/access/authenticator.ts';
import { TokenVerifier } from './domain/access/token-verifier.ts';
import type { AlertWatch } from './domain/alerts/alert-watch.ts';
import { closeKernelRidgeFitting } from './domain/classification/kernel-ridge-fitting.ts';
import type { GenerationRunner } from './domain/conversations/generation-runner.ts';
import { closeThemeThread } from './domain/themes/theme-thread.ts';
import { MeterService } from './domain/usage/meter-service.ts';
import { endOrphanedReservations } from './domain/usage/orphaned-reservations.ts';
import { ReservationService } from './domain/usage/reservation-service.ts';
import { closeTokenCounting } from './domain/usage/token-count.ts';
import { UsageRecorder } from './domain/usage/usage-recorder.ts';
import { startBoss } from './jobs/boss.ts';
import { QueueDepths } from './jobs/queue-depths.ts';
import { type RunningWorker, startWorker } from './jobs/run-worker.ts';
import { type ModelAccess, openModelAccess } from './model-access.ts';
import type { AiMetrics } from './observability/ai-metrics.ts';
import type { Logger } from './observability/logger.ts';
import type { Tracing } from './observability/tracing.ts';
import type { Provider, ProviderPlugin } from './plugins/contract.ts';
import type { Services } from './schema/services.ts';
import { makeDataFolder } from './shared/data-folder.ts';
import { readSecretFile, writeSecretFile } from './shared/secret-file.ts';
import { openUseCases } from './use-cases.ts';

/** Everything that a process is made of, apart from its doors. */
export interface App {
  config: Config;
  logger: Logger;
  database: Database;
  authenticator: Authenticator;
  recorder: UsageRecorder;
  aiMetrics: AiMetrics;
  queueDepths: QueueDepths;
  services: Services;
  rootKey: string;
  /** Where the root key is kept, unless it was given. */
  rootKeyFile: string;
  /**
   * Begins to work jobs and to do the upkeep, unless another process does that. To be called once the doors are open:
   * a start that fails before has taken no job.
   */
  startWorking(): Promise<void>;
  /**
   * Finishes what is under way, writes what is pending and closes. Idempotent.
   * @throws AggregateError of what went wrong, after all the rest was closed
   */
  close(): Promise<void>;
}

/** What a process or a test chooses beside the settings. */
export interface AppOptions {
  /** Told once where the embedded database has ended by itself: only a new process brings it back. */
  onDatabaseStopped?: (error: Error) => void;
  /** Keep the embedded database in memory, for tests. */
  inMemory?: boolean;
  /** A data folder to start the embedded database from, for tests. */
  preparedFolder?: Uint8Array;
  /** Plugins beside the shipped ones, for tests. */
  plugins?: readonly ProviderPlugin[];
  /** In place of the built-in provider, for tests that count its calls. */
  wrapProvider?: (provider: Provider) => Provider;
}

/** Puts the product together. It works no jobs yet: see `App.startWorking`. */
export async function startApp(config: Config, logger: Logger, options: AppOptions = {}): Promise<App> {
  makeDataFolder(config.dataDir);
  const { inMemory, preparedFolder, onDatabaseStopped } = options;
  const database = await openDatabase({
    ...{ databaseUrl: config.databaseUrl, poolSize: config.databasePoolSize, dataDir: config.dataDir },
    ...{ redisUrl: config.redisUrl, logger, inMemory, preparedFolder, onStopped: onDatabaseStopped },
  });
  const opened: Opened = { database };
  try {
    await endOrphanedReservations(database);
    return await assemble(config, logger, opened, options);
  } catch (error) {
    await closeAll(opened).catch((err: unknown) => logger.warn({ err }, 'a start that failed was not undone cleanly'));
    throw error;
  }
}

/** @param opened what has to be closed again; added to as it is opened */
async function assemble(config: Config, logger: Logger, opened: Opened, options: AppOptions): Promise<App> {
  const { database } = opened;
  const root = readRootKey(config);
  const tokens = config.jwt === undefined ? null : new TokenVerifier(config.jwt, database);
  const authenticator = new Authenticator(database, root.rootKey, tokens);
  const recorder = new UsageRecorder({ database, logger });
  opened.recorder = recorder;
  const meters = new MeterService(database);
  const reservations = new ReservationService(database);
  opened.reservations = reservations;
  const { plugins, wrapProvider } = options;
  opened.tracing = await openTracing(config, logger);
  const models = await openModelAccess({
    ...{ config, logger, database, meters, reservations, recorder, plugins, wrapProvider },
    tracer: opened.tracing?.tracer,
  });
  opened.models = models;
  const files = await openFileStore(config);
  opened.files = files;
  const boss = await startBoss(database, logger);
  opened.boss = boss;
  const { services, definitions, maintenance, agentClock, generationRunner, alertWatch } = openUseCases({
    ...{ config, logger, database, authenticator, recorder, meters, reservations, models, files, boss },
  });
  opened.alertWatch = alertWatch;
  opened.generationRunner = generationRunner;
  const work = new BackgroundWork(config.worker, [maintenance, agentClock], () =>
    startWorker({ boss, database, definitions, logger }),
  );
  opened.work = work;
  const close = once(() => closeAll(opened));
  const startWorking = async () => {
    await generationRunner.start();
    await work.start();
  };
  const metricSources = { recorder, aiMetrics: models.aiMetrics, queueDepths: new QueueDepths(database) };
  return { config, logger, database, authenticator, ...metricSources, services, ...root, startWorking, close };
}

/** What a process does every so often. */
interface RecurringWork {
  start(): void;
  stop(): Promise<void>;
}

/** The worker and the recurring work of this process, which may be stopped before they were started. */
class BackgroundWork {
  readonly #wanted: boolean;
  readonly #recurring: readonly RecurringWork[];
  readonly #startWorker: () => Promise<RunningWorker>;
  #worker: Promise<RunningWorker> | null = null;
  #stopped = false;

  constructor(wanted: boolean, recurring: readonly RecurringWork[], startWorker: () => Promise<RunningWorker>) {
    this.#wanted = wanted;
    this.#recurring = recurring;
    this.#startWorker = startWorker;
  }

  async start(): Promise<void> {
    if (!this.#wanted || this.#stopped || this.#worker !== null) return;
    this.#worker = this.#startWorker();
    for (const each of this.#recurring) each.start();
    await this.#worker;
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#recurring.map((each) => each.stop()));
    await (await this.#worker)?.stop();
  }
}

/** As far as a start has come. */
interface Opened {
  work?: BackgroundWork;
  generationRunner?: GenerationRunner;
  boss?: Awaited<ReturnType<typeof startBoss>>;
  recorder?: UsageRecorder;
  reservations?: ReservationService;
  alertWatch?: AlertWatch;
  models?: ModelAccess;
  tracing?: Tracing;
  files?: FileStore;
  database: Database;
}

/**
 * In the order in which they need each other: the calls that a closing provider rejects are still recorded. Each step
 * is taken, whatever became of the one before.
 */
async function closeAll(opened: Opened): Promise<void> {
  const { work, generationRunner, boss, recorder, reservations, alertWatch, models, tracing, files, database } = opened;
  const steps = [
    () => generationRunner?.stop(),
    () => work?.stop(),
    () => boss?.stop({ graceful: false }),
    () => models?.close(),
    () => closeKernelRidgeFitting(),
    () => closeThemeThread(),
    () => closeTokenCounting(),
    () => models?.embeddingCache.drain(),
    () => recorder?.drain(),
    () => reservations?.close(),
    () => alertWatch?.close(),
    () => tracing?.close(),
    () => files?.close(),
    () => database.close(),
  ];
  const errors: unknown[] = [];
  for (const step of steps) await step()?.catch((error: unknown) => errors.push(error));
  if (errors.length > 0) throw new AggregateError(errors, 'the stop was not clean');
}

/** OpenTelemetry is loaded where it is wanted alone. */
async function openTracing({ telemetry }: Config, logger: Logger): Promise<Tracing | undefined> {
  if (telemetry === undefined) return undefined;
  const { startTracing } = await import('./observability/tracing.ts');
  return startTracing(telemetry, logger);
}

/** The root key: given, or made once and kept beside the data for its owner's eyes alone. */
function readRootKey(config: Config): { rootKey: string; rootKeyFile: string } {
  const rootKeyFile = join(config.dataDir, 'root-key');
  if (config.rootKey !== undefined) return { rootKey: config.rootKey, rootKeyFile };
  if (readSecretFile(rootKeyFile) === null) {
    writeSecretFile(rootKeyFile, `sbx_root_${randomBytes(32).toString('base64url')}`);
  }
  // Read again: where two servers share the folder, both take the key that was written last.
  return { rootKey: readSecretFile(rootKeyFile) ?? '', rootKeyFile };
}

function once(work: () => Promise<void>): () => Promise<void> {
  let done: Promise<void> | null = null;
  return () => {
    done ??= work();
    return done;
  };
}
