import type { PgBoss } from 'pg-boss';
import type { Config } from './config.ts';
import type { Database } from './db/client.ts';
import type { FileStore } from './db/file-store.ts';
import { ApiKeyService } from './domain/access/api-key-service.ts';
import type { Authenticator } from './domain/access/authenticator.ts';
import type { AgentClock } from './domain/agents/agent-clock.ts';
import { openAgentRunning } from './domain/agents/agent-running.ts';
import { findAgentType } from './domain/agents/agent-types.ts';
import { openAgents } from './domain/agents/agents.ts';
import { noteChangedDocuments } from './domain/agents/document-news-store.ts';
import type { AlertWatch } from './domain/alerts/alert-watch.ts';
import { openAlerting } from './domain/alerts/alerting.ts';
import { CacheService } from './domain/caching/cache-service.ts';
import { TaxonomyService } from './domain/classification/taxonomy-service.ts';
import { openAnswering } from './domain/conversations/answering/answering.ts';
import { openConversing } from './domain/conversations/conversing.ts';
import type { GenerationRunner } from './domain/conversations/generation-runner.ts';
import { CollectionService } from './domain/documents/collection-service.ts';
import { DocumentService } from './domain/documents/document-service.ts';
import { openProcessing } from './domain/documents/processing.ts';
import { type Importing, openImporting } from './domain/imports/importing.ts';
import { ReportLinks } from './domain/imports/report-links.ts';
import { openFindings } from './domain/insights/findings.ts';
import { readSecretKeys } from './domain/integrations/secret-key.ts';
import { MediaService } from './domain/media/media-service.ts';
import { openMediaSlots } from './domain/media/media-slots.ts';
import { JobControlService } from './domain/queues/job-control-service.ts';
import { JobService } from './domain/queues/job-service.ts';
import { Maintenance } from './domain/queues/maintenance.ts';
import { QueueService } from './domain/queues/queue-service.ts';
import { DocumentSearch } from './domain/search/document-search.ts';
import { SearchService } from './domain/search/search-service.ts';
import { VectorIndexes } from './domain/search/vector-index.ts';
import { BudgetService } from './domain/usage/budget-service.ts';
import { CostEstimateService } from './domain/usage/cost-estimate-service.ts';
import { DailySummaryService } from './domain/usage/daily-summary-service.ts';
import type { MeterService } from './domain/usage/meter-service.ts';
import type { ReservationService } from './domain/usage/reservation-service.ts';
import type { UsageRecorder } from './domain/usage/usage-recorder.ts';
import { UsageService } from './domain/usage/usage-service.ts';
import { WorkspaceService } from './domain/workspaces/workspace-service.ts';
import type { JobDefinition } from './jobs/define-job.ts';
import { JobQueue } from './jobs/queue.ts';
import type { ModelAccess } from './model-access.ts';
import type { Logger } from './observability/logger.ts';
import type { Services } from './schema/services.ts';

/** What the use cases stand on. */
export interface Foundation {
  config: Config;
  logger: Logger;
  database: Database;
  authenticator: Authenticator;
  recorder: UsageRecorder;
  meters: MeterService;
  reservations: ReservationService;
  models: ModelAccess;
  files: FileStore;
  boss: PgBoss;
}

/** What a process can do: for those who ask, and by itself. */
export interface UseCases {
  services: Services;
  /** Every kind of job, for a worker. */
  definitions: JobDefinition[];
  maintenance: Maintenance;
  /** Makes answers; to be started when the doors are open, and stopped before the models are closed. */
  generationRunner: GenerationRunner;
  /** Has agents run by themselves; to be started and stopped with the maintenance. */
  agentClock: AgentClock;
  /** To be closed when nothing is recorded any more. */
  alertWatch: AlertWatch;
}

/** Puts the use cases together. */
export function openUseCases(foundation: Foundation): UseCases {
  const { config, logger, database, recorder, models, files, boss } = foundation;
  const queue = new JobQueue(boss);
  const indexes = new VectorIndexes(database);
  const search = new SearchService(database, indexes);
  const { catalog, gateway } = models;
  const processing = openProcessing({ ...foundation, catalog, gateway, queue });
  const { allowPrivateUrls } = config;
  const alerting = openAlerting({ ...models, database, logger, queue, recorder, allowPrivateUrls });
  const caches = new CacheService({
    ...{ ...models, database, recorder },
    enqueueWarming: (scope, payload) => queue.enqueue(scope, processing.jobs.embed, payload),
  });
  const documents = openDocuments(foundation, processing, (workspaceId, documentIds) => {
    search.forgetWorkspace(workspaceId);
    caches.documentsChanged(workspaceId, documentIds);
  });
  const { embeddingModelOf } = processing;
  const documentSearch = new DocumentSearch({ database, search, gateway, catalog, recorder });
  const answering = openAnswering({ ...processing.services, database, search: documentSearch, catalog, gateway });
  const mediaSlots = openMediaSlots();
  const conversing = openConversing({ ...answering, database, logger, slots: mediaSlots });
  const importing = openImporting({ ...processing.services, database, files, queue, documents, embeddingModelOf });
  const dailySummaries = new DailySummaryService(database);
  const findings = openFindings(database);
  const toolParts = { ...processing.services, database, search: documentSearch, answers: answering.service };
  const running = openAgentRunning({ ...toolParts, catalog, gateway, recorder, queue, typeOf: findAgentType });
  const { router } = gateway;
  const agents = openAgents({ ...foundation, catalog, router, runs: running.runs });
  const upkeep = [
    running.upkeep,
    findings.upkeep,
    alerting.upkeep,
    dailySummaries.upkeep,
    importing.upkeep,
    ...conversing.upkeep,
  ];
  const services: Services = {
    ...accessServices(foundation, alerting.watch, (workspaceId) => {
      search.forgetWorkspace(workspaceId);
      caches.workspaceDeleted(workspaceId);
    }),
    ...modelServices(models),
    ...processing.services,
    ...conversing.services,
    ...findings.services,
    ...agents.services,
    ...{ documents, caches, dailySummaries, alerts: alerting.service },
    ...importServices(config, importing),
    collections: new CollectionService(database, embeddingModelOf),
    search: documentSearch,
    answers: answering.service,
    media: new MediaService(gateway, mediaSlots),
    taxonomies: new TaxonomyService(database),
    jobs: new JobService(database),
    jobControl: new JobControlService(database, queue),
    queues: new QueueService(database),
    usage: new UsageService({ database, recorder, retentionDays: config.usageRetentionDays }),
    costEstimates: new CostEstimateService({ database, catalog, router: gateway.router }),
  };
  return {
    services,
    definitions: [
      ...processing.jobs.definitions,
      alerting.delivery,
      importing.job,
      running.job,
    ] as unknown as JobDefinition[],
    maintenance: new Maintenance(database, indexes, logger, upkeep, config.usageRetentionDays),
    generationRunner: conversing.runner,
    agentClock: agents.clock,
    alertWatch: alerting.watch,
  };
}

function openDocuments(
  { database, meters }: Foundation,
  { budget, embeddingModelOf, tasks }: ReturnType<typeof openProcessing>,
  onChange: (workspaceId: string, documentIds: readonly string[]) => void,
): DocumentService {
  const noteChanged = noteChangedDocuments;
  return new DocumentService({ database, meters, checkBudget: budget, embeddingModelOf, tasks, noteChanged, onChange });
}

/** Who may do what, and spend how much. */
function accessServices(
  { database, authenticator, recorder, reservations, models }: Foundation,
  alertWatch: AlertWatch,
  onWorkspaceDeleted: (workspaceId: string) => void,
): Pick<Services, 'apiKeys' | 'workspaces' | 'budgets'> {
  const onChange = (workspaceId: string) => {
    models.directory.forget(workspaceId);
    alertWatch.checkSoon([workspaceId]);
  };
  const budgets = new BudgetService({ database, recorder, reservations, onChange });
  return {
    apiKeys: new ApiKeyService(database, authenticator, (workspaceId, budget) => budgets.write(workspaceId, budget)),
    workspaces: new WorkspaceService(database, authenticator, onWorkspaceDeleted),
    budgets,
  };
}

function modelServices(models: ModelAccess) {
  const { catalog, gateway, registry, pluginRegistrations, integrationServices } = models;
  return { models: catalog, gateway, plugins: registry, pluginRegistrations, ...integrationServices };
}

function importServices(config: Config, importing: Importing): Pick<Services, 'imports' | 'reportLinks'> {
  return { imports: importing.service, reportLinks: new ReportLinks(readSecretKeys(config), config.publicUrl) };
}
