import type { ZodError } from 'zod';
import type { Database } from '../../db/client.ts';
import type { WorkspaceScope } from '../../db/workspace-scope.ts';
import { DomainError, type InputIssue, InvalidInputError } from '../../shared/errors.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../../shared/json.ts';
import { storableJson } from '../../shared/text.ts';
import { authorize, type Caller } from '../access/caller.ts';
import { checkSuggestedActions } from '../conversations/answering/actions-policy.ts';
import { NoProviderError } from '../gateway/errors.ts';
import type { CatalogModel } from '../gateway/model-catalog.ts';
import { checkRateLimits } from '../usage/rate-limit.ts';
import { MODEL_WORKS, type ModelChoice, type ModelWork, type WorkspaceSettings } from './integration.ts';
import { CAPABILITY_OF_WORK, type IntegrationRuntime } from './integration-runtime.ts';
import { listIntegrations, lockProviders, readSettings, writeSettings } from './integration-store.ts';
import { choiceSchema, choicesOf, embeddingFallbackIssues, mapModelIds } from './model-choices.ts';

const SETTINGS_MAX_BYTES = 65_536;
const BUILT_IN = 'local';

type Choices = WorkspaceSettings['models'];

/** Merged into what is there (RFC 7386): null takes away, what is left out stays. */
export interface SettingsPatch {
  preferences?: JsonObject | null;
  policies?: JsonObject | null;
  models?: JsonObject | null;
}

export interface SettingsView extends WorkspaceSettings {
  workspaceId: string;
}

/** A choice with the models that its ids name. */
export interface ResolvedChoice extends ModelChoice {
  workspaceId: string;
}

/** What a workspace has chosen. */
export class SettingsService {
  readonly #database: Database;
  readonly #runtime: IntegrationRuntime;
  readonly #onChange: (workspaceId: string) => void;

  constructor(parts: {
    database: Database;
    runtime: IntegrationRuntime;
    /** Something of the workspace was changed: what is remembered of it is out of date. */
    onChange: (workspaceId: string) => void;
  }) {
    this.#database = parts.database;
    this.#runtime = parts.runtime;
    this.#onChange = parts.onChange;
  }

  async read(caller: Caller): Promise<SettingsView> {
    const { workspace } = authorize(caller, 'DOCUMENTS_READ');
    return { ...(await this.#database.withWorkspace(workspace.id, readSettings)), workspaceId: workspace.id };
  }

  /** @throws InvalidInputError that names everything wrong with it; nothing is changed then */
  async update(caller: Caller, patch: SettingsPatch): Promise<SettingsView> {
    const { workspace } = authorize(caller, 'SETTINGS_MANAGE');
    const before = await this.#database.withWorkspace(workspace.id, readSettings);
    const ids = await this.#resolveNew(workspace.id, before.models, patched(before, patch).models);
    const settings = await this.#database.withWorkspace(workspace.id, async (scope) => {
      await lockProviders(scope);
      const next = withIds(patched(await readSettings(scope), patch), ids);
      if (patch.models !== undefined) {
        refuse(embeddingFallbackIssues(next.models));
        await checkIntegrations(scope, next.models);
      }
      await writeSettings(scope, next);
      return next;
    });
    this.#onChange(workspace.id);
    return { ...settings, workspaceId: workspace.id };
  }

  /** What does a kind of work: what is chosen, or else what is taken; null where nothing can. */
  async choice(settings: SettingsView, work: ModelWork): Promise<ResolvedChoice | null> {
    const { workspaceId, models } = settings;
    const choice = models[work] ?? (await this.#runtime.defaultChoice(workspaceId, work));
    return choice === null ? null : { ...choice, workspaceId };
  }

  /** @throws NoProviderError where nothing can */
  async requiredChoice(settings: SettingsView, work: ModelWork): Promise<ResolvedChoice> {
    const choice = await this.choice(settings, work);
    if (choice !== null) return choice;
    throw new NoProviderError(
      `the workspace has no model that can ${work} (${CAPABILITY_OF_WORK[work]}): make an integration with createIntegration`,
    );
  }

  /** @throws NoProviderError where it is not there any more */
  model(workspaceId: string, id: string): Promise<CatalogModel> {
    return this.#runtime.model(workspaceId, id);
  }

  /**
   * Asks vendors, so it is done before a transaction. What was chosen before is not asked for again.
   * @returns the ids of models that were named by an alias: stored and compared is the id alone
   */
  async #resolveNew(workspaceId: string, before: Choices, after: Choices): Promise<Map<string, string>> {
    const known = new Set(choicesOf(before).map(({ work, modelId }) => `${work} ${modelId}`));
    const chosen = choicesOf(after).filter(({ work, modelId }) => !known.has(`${work} ${modelId}`));
    const ids = new Map<string, string>();
    const issues: InputIssue[] = [];
    const resolve = async ({ work, modelId, path }: (typeof chosen)[number]) => {
      try {
        const { id } = await this.#runtime.resolveModel(workspaceId, modelId, work);
        ids.set(modelId, id);
      } catch (error) {
        if (!(error instanceof DomainError)) throw error;
        issues.push({ path: ['models', ...path], message: error.message });
      }
    };
    await Promise.all(chosen.map(resolve));
    refuse(issues);
    return ids;
  }
}

function withIds(settings: WorkspaceSettings, ids: ReadonlyMap<string, string>): WorkspaceSettings {
  return { ...settings, models: mapModelIds(settings.models, (id) => ids.get(id) ?? id) };
}

/** @throws InvalidInputError */
function patched(settings: WorkspaceSettings, patch: SettingsPatch): WorkspaceSettings {
  const part = (key: keyof SettingsPatch): JsonObject => {
    const given = patch[key];
    if (given === undefined) return settings[key] as JsonObject;
    return given === null ? {} : (merge(settings[key] as JsonObject, storableJson(given)) as JsonObject);
  };
  const next = { preferences: part('preferences'), policies: part('policies'), models: part('models') };
  const { answerCache } = next.policies;
  if (answerCache !== undefined && typeof answerCache !== 'boolean') {
    throw InvalidInputError.at('policies.answerCache', 'must be true or false');
  }
  checkBudgetPolicy(next.policies.budgets);
  checkRateLimits(next.policies);
  checkSuggestedActions(next.policies);
  if (Buffer.byteLength(JSON.stringify(next)) > SETTINGS_MAX_BYTES) {
    throw new InvalidInputError([{ path: [], message: `settings may have ${SETTINGS_MAX_BYTES / 1_024} KB as JSON` }]);
  }
  return { ...settings, ...next, models: patch.models === undefined ? settings.models : readChoices(next.models) };
}

/** @throws InvalidInputError */
function checkBudgetPolicy(budgets: JsonValue | undefined): void {
  if (budgets === undefined) return;
  const { unknownPrices = 'allow' } = isJsonObject(budgets) ? budgets : { unknownPrices: null };
  if (unknownPrices === 'allow' || unknownPrices === 'refuse') return;
  throw InvalidInputError.at('policies.budgets.unknownPrices', 'must be "allow" or "refuse"');
}

/** RFC 7386, section 2. */
function merge(target: JsonValue | undefined, patch: JsonValue): JsonValue {
  if (!isJsonObject(patch)) return patch;
  const merged = new Map(isJsonObject(target) ? Object.entries(target) : []);
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) merged.delete(key);
    else merged.set(key, merge(merged.get(key), value));
  }
  return Object.fromEntries(merged);
}

/** @throws InvalidInputError */
function readChoices(models: JsonObject): Choices {
  const issues: InputIssue[] = [];
  const choices: Choices = {};
  for (const [work, given] of Object.entries(models)) {
    if (!isWork(work)) {
      issues.push({ path: ['models', work.slice(0, 40)], message: `must be one of ${MODEL_WORKS.join(', ')}` });
      continue;
    }
    const parsed = choiceSchema(work).safeParse(given);
    if (parsed.success) choices[work] = parsed.data;
    else issues.push(...issuesOf(work, parsed.error));
  }
  refuse(issues);
  return choices;
}

function issuesOf(work: ModelWork, { issues }: ZodError): InputIssue[] {
  return issues.map(({ path, message }) => ({ path: ['models', work, ...path.map(String)], message }));
}

function isWork(name: string): name is ModelWork {
  return (MODEL_WORKS as readonly string[]).includes(name);
}

/** An integration may have been deleted since its models were looked up. */
async function checkIntegrations(scope: WorkspaceScope, models: Choices): Promise<void> {
  const names = new Set([BUILT_IN, ...(await listIntegrations(scope)).map(({ name }) => name)]);
  const missing = choicesOf(models).filter(({ modelId }) => !names.has(modelId.slice(0, modelId.indexOf('/'))));
  refuse(missing.map(({ path, modelId }) => ({ path: ['models', ...path], message: `there is no model ${modelId}` })));
}

function refuse(issues: InputIssue[]): void {
  if (issues.length > 0) throw new InvalidInputError(issues.slice(0, 100));
}
