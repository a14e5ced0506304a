import type { Database } from '../../db/client.ts';
import type { JobQueue } from '../../jobs/queue.ts';
import { ClassificationService } from '../classification/classification-service.ts';
import { EmbeddingQualityService } from '../embeddings/embedding-quality-service.ts';
import { EmbeddingService } from '../embeddings/embedding-service.ts';
import { EmbeddingBudget } from '../gateway/embedding-budget.ts';
import type { ModelCatalog } from '../gateway/model-catalog.ts';
import type { ModelGateway } from '../gateway/model-gateway.ts';
import { SummaryService } from '../summaries/summary-service.ts';
import { ThemeService } from '../themes/theme-service.ts';
import type { MeterService } from '../usage/meter-service.ts';
import type { ReservationService } from '../usage/reservation-service.ts';
import { documentJobs, QueuedDocumentTasks } from './jobs.ts';
import { ProcessService } from './process-service.ts';

/** What models make of documents, put together: the services, and the jobs that call them. */
export function openProcessing(parts: {
  database: Database;
  catalog: ModelCatalog;
  gateway: ModelGateway;
  meters: MeterService;
  reservations: ReservationService;
  queue: JobQueue;
}) {
  const { database, catalog, meters, reservations, queue } = parts;
  const embeddingModelOf = (workspaceId: string) => catalog.documentEmbeddingModelId(workspaceId);
  const services = {
    embeddings: new EmbeddingService(parts),
    classifications: new ClassificationService(parts),
    summaries: new SummaryService(parts),
    themes: new ThemeService(parts),
    embeddingQuality: new EmbeddingQualityService(database, embeddingModelOf),
  };
  const jobs = documentJobs({ ...services, database, queue, embeddingModelOf });
  const tasks = new QueuedDocumentTasks(queue, jobs);
  const budget = new EmbeddingBudget(catalog, reservations);
  const processing = new ProcessService({ database, catalog, meters, budget, tasks });
  return { jobs, tasks, budget, embeddingModelOf, services: { ...services, processing } };
}
