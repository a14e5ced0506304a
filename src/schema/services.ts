import type { ApiKeyService } from '../domain/access/api-key-service.ts';
import type { CacheService } from '../domain/caching/cache-service.ts';
import type { ClassificationService } from '../domain/classification/classification-service.ts';
import type { TaxonomyService } from '../domain/classification/taxonomy-service.ts';
import type { CollectionService } from '../domain/documents/collection-service.ts';
import type { DocumentService } from '../domain/documents/document-service.ts';
import type { EmbeddingService } from '../domain/embeddings/embedding-service.ts';
import type { ModelCatalog } from '../domain/gateway/model-catalog.ts';
import type { ModelGateway } from '../domain/gateway/model-gateway.ts';
import type { IntegrationService } from '../domain/integrations/integration-service.ts';
import type { PluginService } from '../domain/integrations/plugin-service.ts';
import type { SettingsService } from '../domain/integrations/settings-service.ts';
import type { TrialService } from '../domain/integrations/trial-service.ts';
import type { JobService } from '../domain/queues/job-service.ts';
import type { DocumentSearch } from '../domain/search/document-search.ts';
import type { BudgetService } from '../domain/usage/budget-service.ts';
import type { CostEstimateService } from '../domain/usage/cost-estimate-service.ts';
import type { UsageService } from '../domain/usage/usage-service.ts';
import type { WorkspaceService } from '../domain/workspaces/workspace-service.ts';
import type { PluginRegistry } from '../plugins/registry.ts';

/** The use cases that the schema offers. */
export interface Services {
  apiKeys: ApiKeyService;
  workspaces: WorkspaceService;
  collections: CollectionService;
  documents: DocumentService;
  embeddings: EmbeddingService;
  search: DocumentSearch;
  classifications: ClassificationService;
  taxonomies: TaxonomyService;
  jobs: JobService;
  caches: CacheService;
  usage: UsageService;
  budgets: BudgetService;
  costEstimates: CostEstimateService;
  models: ModelCatalog;
  gateway: ModelGateway;
  plugins: PluginRegistry;
  pluginRegistrations: PluginService;
  integrations: IntegrationService;
  integrationTrials: TrialService;
  settings: SettingsService;
}
