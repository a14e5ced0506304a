import type { Capability } from '../../plugins/contract.ts';
import type { CatalogModel } from '../gateway/model-catalog.ts';
import type { ModelChoice, ModelWork } from './integration.ts';
import type { HealthReport } from './integration-health.ts';

/** What is known of integrations beyond what is stored: their open providers answer it. */
export interface IntegrationRuntime {
  /** What an integration offers; nothing where it cannot be opened. */
  models(workspaceId: string, integrationId: string): Promise<CatalogModel[]>;
  /** How it has done on this server. */
  health(workspaceId: string, integrationId: string): Promise<HealthReport>;
  /** What the vendor says was spent; null where it does not tell. @throws ProviderError where it was asked in vain */
  spend(workspaceId: string, integrationId: string): Promise<{ reportedUsd: string } | null>;
  /** A model by id, whatever it can do. @throws NoProviderError */
  model(workspaceId: string, id: string): Promise<CatalogModel>;
  /** A model that can do a kind of work. @throws NoProviderError */
  resolveModel(workspaceId: string, id: string, work: ModelWork): Promise<CatalogModel>;
  /** What does a kind of work where nothing is chosen; null where nothing can. */
  defaultChoice(workspaceId: string, work: ModelWork): Promise<ModelChoice | null>;
}

/** What a model needs for a kind of work. */
export const CAPABILITY_OF_WORK: Readonly<Record<ModelWork, Capability>> = {
  embed: 'EMBED',
  classify: 'GENERATE',
  chat: 'GENERATE',
  agents: 'GENERATE',
  summarise: 'GENERATE',
  moderate: 'MODERATE',
};
