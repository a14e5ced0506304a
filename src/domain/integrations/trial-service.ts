import type { Database } from '../../db/client.ts';
import type { Logger } from '../../observability/logger.ts';
import type { ModelInfo } from '../../plugins/contract.ts';
import type { PluginRegistry } from '../../plugins/registry.ts';
import { InvalidInputError, NotFoundError, UnavailableError } from '../../shared/errors.ts';
import { authorize } from '../access/caller.ts';
import { isUntold } from '../gateway/counted-usage.ts';
import { type ModelCall, usageEventOf } from '../gateway/model-call.ts';
import { isFree, usageCostUsd } from '../gateway/price.ts';
import type { MeterService } from '../usage/meter-service.ts';
import type { UsageRecorder } from '../usage/usage-recorder.ts';
import type { Credentials, CredentialVault } from './credential-vault.ts';
import type { Integration, StoredIntegration } from './integration.ts';
import { IntegrationChecks, type ProviderInput } from './integration-checks.ts';
import { pluginConfig } from './integration-config.ts';
import type { OpenedProvider } from './integration-directory.ts';
import { findIntegrations } from './integration-store.ts';
import { TRIAL_TIMEOUT_MS, type Trial, type TrialCall, tryProvider } from './integration-trial.ts';

const PROMPT_MAX_CHARACTERS = 10_000;

/** A stored integration, a configuration, or the one with parts of the other. */
export interface TrialInput extends ProviderInput {
  id: string | null;
  pluginId: string | null;
  prompt: string | null;
}

/** A model of a provider that may not be stored. */
export interface TriedModel {
  id: string;
  integration: string;
  info: ModelInfo;
}

export interface IntegrationTest extends Pick<Trial, 'ok' | 'latencyMs' | 'sample' | 'error'> {
  models: TriedModel[];
}

/** What is tried. `name` begins the ids of its models. */
interface Candidate {
  name: string;
  pluginId: string;
  config: Integration['config'];
  credentials: Credentials;
}

export interface TrialParts {
  database: Database;
  registry: PluginRegistry;
  vault: CredentialVault;
  allowPrivateUrls: boolean;
  /** @throws UnavailableError */
  open: (pluginId: string, config: Record<string, unknown>, credentials: Credentials) => OpenedProvider;
  recorder: UsageRecorder;
  meters: MeterService;
  logger: Logger;
}

/** Tries configurations of providers, before or after they are stored. */
export class TrialService {
  readonly #database: Database;
  readonly #registry: PluginRegistry;
  readonly #checks: IntegrationChecks;
  readonly #open: TrialParts['open'];
  readonly #recorder: UsageRecorder;
  readonly #meters: MeterService;
  readonly #logger: Logger;

  constructor(parts: TrialParts) {
    this.#database = parts.database;
    this.#registry = parts.registry;
    this.#checks = new IntegrationChecks(parts);
    this.#open = parts.open;
    this.#recorder = parts.recorder;
    this.#meters = parts.meters;
    this.#logger = parts.logger;
  }

  /**
   * A provider that does not work is an answer, no error.
   * @throws InvalidInputError, NotFoundError
   */
  async test(call: ModelCall, input: TrialInput): Promise<IntegrationTest> {
    const { workspace } = authorize(call.caller, 'INTEGRATIONS_MANAGE');
    if (input.prompt !== null && (input.prompt.trim() === '' || input.prompt.length > PROMPT_MAX_CHARACTERS)) {
      throw InvalidInputError.at('prompt', `must have 1 to ${PROMPT_MAX_CHARACTERS} characters`);
    }
    const stored = input.id === null ? null : await this.#stored(workspace.id, input.id);
    const pluginId = this.#pluginOf(stored, input);
    const there = stored === null ? null : { ...stored, hasCredentials: stored.credentials !== null };
    await this.#checks.checkUrls(pluginId, input, there);
    try {
      const parts = stored === null ? this.#checks.unstored(pluginId, input) : this.#checks.combined(stored, input);
      return await this.#try(call, { name: stored?.name ?? pluginId, pluginId, ...parts }, input.prompt);
    } catch (error) {
      if (!(error instanceof UnavailableError)) throw error;
      return { ok: false, latencyMs: 0, sample: null, error: error.message, models: [] };
    }
  }

  async #try(call: ModelCall, candidate: Candidate, prompt: string | null): Promise<IntegrationTest> {
    const { name, pluginId, config, credentials } = candidate;
    const { manifest } = this.#registry.get(pluginId).plugin;
    const opened = this.#open(pluginId, config, credentials);
    const signal = AbortSignal.any([call.signal, AbortSignal.timeout(TRIAL_TIMEOUT_MS)]);
    try {
      const {
        models,
        call: made,
        ...result
      } = await tryProvider(opened, {
        manifest,
        config,
        secrets: pluginConfig(manifest, config, credentials),
        prompt,
        call: { signal, requestId: call.requestId },
        takeCall: () => this.#meters.take(call.caller.workspace, 'LLM_CALLS', 1),
        logger: this.#logger,
      });
      if (made !== null) this.#tryRecord(call, name, made);
      return { ...result, models: models.map((info) => ({ id: `${name}/${info.name}`, integration: name, info })) };
    } finally {
      opened.close().catch(() => this.#logger.warn({ plugin: pluginId }, 'a provider did not close after a trial'));
    }
  }

  /** The call was paid for: what cannot be counted of it takes its answer from nobody. */
  #tryRecord(call: ModelCall, name: string, made: TrialCall): void {
    try {
      this.#record(call, name, made);
    } catch (error) {
      this.#logger.error({ err: error, model: made.model.name }, 'what a trial has spent could not be recorded');
    }
  }

  /** What a trial costs is spent like everything else. */
  #record(call: ModelCall, name: string, { operation, model, usage, latencyMs, metered }: TrialCall): void {
    const target = { provider: name, model: `${name}/${model.name}`, operation, outcome: 'SUCCEEDED' as const };
    const event = usageEventOf(call, target, {
      llmCalls: operation === 'generate' ? 1 : 0,
      embeddings: operation === 'embed' ? 1 : 0,
      inputTokens: usage.inputTokens,
      outputTokens: usage.outputTokens,
      cachedTokens: usage.cachedInputTokens ?? 0,
      costUsd: isUntold(usage) && !isFree(model) ? null : usageCostUsd(usage, model),
      latencyMs,
      metered,
    });
    this.#recorder.record(event);
    call.tally?.add(event);
  }

  async #stored(workspaceId: string, id: string): Promise<StoredIntegration> {
    const [stored] = await this.#database.withWorkspace(workspaceId, (scope) => findIntegrations(scope, [id]));
    if (stored === undefined) throw new NotFoundError('integration', id);
    return stored;
  }

  /** Stored credentials are for the plugin that they were given for. */
  #pluginOf(stored: StoredIntegration | null, { pluginId }: TrialInput): string {
    if (stored === null && pluginId === null) {
      throw InvalidInputError.at('pluginId', 'name a plugin, or the id of an integration');
    }
    if (stored !== null && pluginId !== null && pluginId !== stored.pluginId) {
      throw InvalidInputError.at(
        'pluginId',
        `the integration is of the plugin ${stored.pluginId}: leave out one of them`,
      );
    }
    return stored?.pluginId ?? (pluginId as string);
  }
}
