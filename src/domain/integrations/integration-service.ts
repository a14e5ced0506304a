import type { Database } from '../../db/client.ts';
import { isUniqueViolation } from '../../db/failures.ts';
import type { WorkspaceScope } from '../../db/workspace-scope.ts';
import { ProviderError } from '../../plugins/errors.ts';
import type { PluginRegistry, RegisteredPlugin } from '../../plugins/registry.ts';
import { addDecimals } from '../../shared/decimal.ts';
import { ConflictError, InvalidInputError, NotFoundError, UnavailableError } from '../../shared/errors.ts';
import { newId } from '../../shared/ids.ts';
import { authorize, type Caller } from '../access/caller.ts';
import { ProviderFailedError } from '../gateway/errors.ts';
import type { CatalogModel } from '../gateway/model-catalog.ts';
import type { CredentialVault } from './credential-vault.ts';
import { fallbackCircle } from './fallback-chain.ts';
import type { Integration, StoredIntegration, WorkspaceSettings } from './integration.ts';
import { checkName, IntegrationChecks, type ProviderInput } from './integration-checks.ts';
import type { HealthReport } from './integration-health.ts';
import type { IntegrationRuntime } from './integration-runtime.ts';
import {
  deleteIntegration,
  findIntegrations,
  type IntegrationChange,
  insertIntegration,
  listIntegrations,
  lockProviders,
  readProviderCosts,
  readSettings,
  updateIntegration,
  writeSettings,
} from './integration-store.ts';
import { choicesOf, mapModelIds } from './model-choices.ts';

const INTEGRATIONS_MAX = 100;

export interface CreateIntegration extends ProviderInput {
  name: string;
  pluginId: string;
  fallbackId: string | null;
  isActive: boolean;
}

/** What is left out stays as it is. */
export interface UpdateIntegration extends ProviderInput {
  id: string;
  name?: string;
  /** Null: none any more. */
  fallbackId?: string | null;
  isActive?: boolean;
}

/** What a vendor says was spent, beside the ledger; exact decimals. */
export interface ProviderSpend {
  reportedUsd: string;
  ledgerUsd: string;
  /** Reported less ledger. */
  driftUsd: string;
  asOf: Date;
}

export interface IntegrationParts {
  database: Database;
  registry: PluginRegistry;
  vault: CredentialVault;
  runtime: IntegrationRuntime;
  allowPrivateUrls: boolean;
  /** Something of the workspace was changed: what is held open is out of date. */
  onChange: (workspaceId: string) => void;
  /** Writes what this process has still to write of the ledger. */
  flushUsage: () => Promise<void>;
}

/** The providers that a workspace has configured. Credentials go in and never come out. */
export class IntegrationService {
  readonly #parts: IntegrationParts;
  readonly #checks: IntegrationChecks;

  constructor(parts: IntegrationParts) {
    this.#parts = parts;
    this.#checks = new IntegrationChecks(parts);
  }

  /** The oldest first. */
  async list(caller: Caller): Promise<Integration[]> {
    const { workspace } = authorize(caller, 'DOCUMENTS_READ');
    return (await this.#parts.database.withWorkspace(workspace.id, listIntegrations)).map(withoutCredentials);
  }

  /** Integrations by id, in no order; those that are not there are left out. */
  async find(caller: Caller, ids: readonly string[]): Promise<Integration[]> {
    const { workspace } = authorize(caller, 'DOCUMENTS_READ');
    const found = await this.#parts.database.withWorkspace(workspace.id, (scope) => findIntegrations(scope, ids));
    return found.map(withoutCredentials);
  }

  /** @throws InvalidInputError, ConflictError where the name is taken */
  async create(caller: Caller, input: CreateIntegration): Promise<Integration> {
    const { workspace } = authorize(caller, 'INTEGRATIONS_MANAGE');
    const name = checkName(input.name);
    const made = { id: newId('Integration'), workspaceId: workspace.id, name, pluginId: input.pluginId };
    await this.#checks.checkUrls(input.pluginId, input);
    return this.#write(workspace.id, name, async (scope) => {
      const others = await listIntegrations(scope);
      if (others.length >= INTEGRATIONS_MAX) {
        throw InvalidInputError.at('name', `a workspace has up to ${INTEGRATIONS_MAX} integrations`);
      }
      const { config, credentials } = this.#checks.newParts(made, input);
      const { fallbackId, isActive } = input;
      checkFallback({ id: made.id, name, fallbackId }, others);
      return insertIntegration(scope, { ...made, config, credentials, fallbackId, isActive });
    });
  }

  /**
   * Changes an integration. Where its name changes, the workspace's choice of models goes with it.
   * @throws InvalidInputError, NotFoundError, ConflictError where the name is taken
   */
  async update(caller: Caller, input: UpdateIntegration): Promise<Integration> {
    const { workspace } = authorize(caller, 'INTEGRATIONS_MANAGE');
    const [found] = await this.find(caller, [input.id]);
    if (found === undefined) throw new NotFoundError('integration', input.id);
    const name = input.name === undefined || input.name === found.name ? undefined : checkName(input.name);
    await this.#checks.checkUrls(found.pluginId, input, found);
    return this.#write(workspace.id, name ?? found.name, async (scope) => {
      const all = await listIntegrations(scope);
      const stored = all.find(({ id }) => id === input.id);
      if (stored === undefined) throw new NotFoundError('integration', input.id);
      const change: IntegrationChange = {
        name: name ?? stored.name,
        fallbackId: input.fallbackId === undefined ? stored.fallbackId : input.fallbackId,
        isActive: input.isActive ?? stored.isActive,
        ...this.#checks.changedParts(stored, input),
      };
      const next = { id: stored.id, name: change.name, fallbackId: change.fallbackId };
      checkFallback(next, all);
      if (change.name !== stored.name) await renameInSettings(scope, stored.name, change.name);
      return updateIntegration(scope, stored.id, change);
    });
  }

  /** @throws NotFoundError, ConflictError where another integration or the settings refer to it */
  async delete(caller: Caller, id: string): Promise<number> {
    const { workspace } = authorize(caller, 'INTEGRATIONS_MANAGE');
    await this.#parts.database.withWorkspace(workspace.id, async (scope) => {
      const [, all, settings] = await Promise.all([lockProviders(scope), listIntegrations(scope), readSettings(scope)]);
      const stored = all.find((each) => each.id === id);
      if (stored === undefined) throw new NotFoundError('integration', id);
      const references = referencesTo(stored, all, settings);
      if (references.length > 0) {
        throw new ConflictError(`the integration "${stored.name}" is in use: ${references.join('; ')}`);
      }
      await deleteIntegration(scope, id);
    });
    this.#parts.onChange(workspace.id);
    return 1;
  }

  /** @throws UnavailableError where it was taken out meanwhile */
  plugin({ pluginId }: Integration): RegisteredPlugin {
    const found = this.#parts.registry.list().find(({ plugin }) => plugin.manifest.id === pluginId);
    if (found === undefined) throw new UnavailableError(`the plugin ${pluginId} is not there any more`);
    return found;
  }

  models({ workspaceId, id }: Integration): Promise<CatalogModel[]> {
    return this.#parts.runtime.models(workspaceId, id);
  }

  health({ workspaceId, id }: Integration): Promise<HealthReport> {
    return this.#parts.runtime.health(workspaceId, id);
  }

  /** Null where the provider does not tell what was spent. @throws ProviderFailedError where it was asked in vain */
  async spend(
    caller: Caller,
    integration: Integration,
    ledgerUsd: () => Promise<string>,
  ): Promise<ProviderSpend | null> {
    authorize(caller, 'ANALYTICS_VIEW');
    const reported = await this.#parts.runtime
      .spend(integration.workspaceId, integration.id)
      .catch((error: unknown) => {
        throw error instanceof ProviderError ? new ProviderFailedError([], error) : error;
      });
    if (reported === null) return null;
    const { reportedUsd } = reported;
    const known = await ledgerUsd();
    return { reportedUsd, ledgerUsd: known, driftUsd: addDecimals(reportedUsd, `-${known}`), asOf: new Date() };
  }

  /** What the ledger says that integrations of these names have cost, in their order. */
  async ledgerCosts(caller: Caller, names: readonly string[]): Promise<string[]> {
    const { workspace } = authorize(caller, 'ANALYTICS_VIEW');
    await this.#parts.flushUsage();
    const costs = await this.#parts.database.withWorkspace(workspace.id, (scope) => readProviderCosts(scope, names));
    return names.map((name) => costs.get(name) ?? '0');
  }

  async #write(
    workspaceId: string,
    name: string,
    work: (scope: WorkspaceScope) => Promise<StoredIntegration>,
  ): Promise<Integration> {
    try {
      const written = await this.#parts.database.withWorkspace(workspaceId, async (scope) => {
        await lockProviders(scope);
        return work(scope);
      });
      this.#parts.onChange(workspaceId);
      return withoutCredentials(written);
    } catch (error) {
      if (!isUniqueViolation(error, 'integrations_name')) throw error;
      throw new ConflictError(`there is an integration with the name "${name}" already`);
    }
  }
}

function withoutCredentials({ credentials: _, ...integration }: StoredIntegration): Integration {
  return integration;
}

/** @throws InvalidInputError where it is not there, or the fallbacks would go in a circle */
function checkFallback(
  next: Pick<Integration, 'id' | 'name' | 'fallbackId'>,
  all: readonly Pick<Integration, 'id' | 'name' | 'fallbackId'>[],
): void {
  const { id, fallbackId } = next;
  if (fallbackId === null) return;
  if (fallbackId !== id && !all.some((each) => each.id === fallbackId)) {
    throw InvalidInputError.at('fallbackId', 'there is no such integration in this workspace');
  }
  const circle = fallbackCircle([...all.filter((each) => each.id !== id), next], id);
  if (circle !== null)
    throw InvalidInputError.at('fallbackId', `fallbacks would go in a circle: ${circle.join(' → ')}`);
}

function referencesTo(integration: Integration, all: readonly Integration[], { models }: WorkspaceSettings): string[] {
  const others = all.filter(({ fallbackId }) => fallbackId === integration.id);
  const chosen = choicesOf(models).filter(({ modelId }) => modelId.startsWith(`${integration.name}/`));
  return [
    ...others.map(({ name }) => `"${name}" falls back to it`),
    ...chosen.map(({ work, modelId }) => `the settings choose ${modelId} to ${work}`),
  ];
}

async function renameInSettings(scope: WorkspaceScope, from: string, to: string): Promise<void> {
  const settings = await readSettings(scope);
  const isChosen = choicesOf(settings.models).some(({ modelId }) => modelId.startsWith(`${from}/`));
  if (!isChosen) return;
  const rename = (id: string) => (id.startsWith(`${from}/`) ? `${to}${id.slice(from.length)}` : id);
  await writeSettings(scope, { ...settings, models: mapModelIds(settings.models, rename) });
}
