import type { PluginManifest } from '../../plugins/contract.ts';
import { PluginNotFoundError } from '../../plugins/plugin-errors.ts';
import type { PluginRegistry, RegisteredPlugin } from '../../plugins/registry.ts';
import { InvalidInputError } from '../../shared/errors.ts';
import type { JsonObject } from '../../shared/json.ts';
import { storableJson } from '../../shared/text.ts';
import type { ConfigProblem } from './call-config.ts';
import type { CredentialOwner, Credentials, CredentialVault } from './credential-vault.ts';
import type { Integration, StoredIntegration } from './integration.ts';
import { checkConfig } from './integration-config.ts';
import { checkUrls, movedAddresses } from './provider-address.ts';

const NAME_SHAPE = /^[a-z0-9][a-z0-9-]{0,39}$/;
/** Names of what is built in, in model ids and in the ledger. */
const RESERVED_NAMES = ['local', 'signalbox'];
const MAX_ISSUES = 100;

/** A configuration as a client gives it. Left out: what is stored stays. Null: nothing any more. */
export interface ProviderInput {
  config?: JsonObject | null;
  credentials?: JsonObject | null;
}

/** @throws InvalidInputError */
export function checkName(name: string): string {
  if (!NAME_SHAPE.test(name)) {
    throw InvalidInputError.at('name', 'must have 1 to 40 lower-case letters, digits and dashes, no dash at the start');
  }
  if (RESERVED_NAMES.includes(name)) throw InvalidInputError.at('name', `"${name}" is the name of something built in`);
  return name;
}

/** What may be stored of a provider's configuration. */
export class IntegrationChecks {
  readonly #registry: PluginRegistry;
  readonly #vault: CredentialVault;
  readonly #allowPrivateUrls: boolean;

  constructor(parts: { registry: PluginRegistry; vault: CredentialVault; allowPrivateUrls: boolean }) {
    this.#registry = parts.registry;
    this.#vault = parts.vault;
    this.#allowPrivateUrls = parts.allowPrivateUrls;
  }

  /**
   * Looks up the names of urls, so it is done before a transaction.
   * @param stored what is changed, or null
   * @throws InvalidInputError, also where there is no such plugin and it matters
   */
  async checkUrls(
    pluginId: string,
    input: ProviderInput,
    stored: Pick<Integration, 'config' | 'hasCredentials'> | null = null,
  ): Promise<void> {
    if (input.config == null && input.credentials == null) return;
    const config = input.config === undefined ? (stored?.config as JsonObject | undefined) : input.config;
    if (config == null) return;
    const { credentials } = input;
    const withCredentials =
      credentials === undefined ? stored?.hasCredentials === true : Object.keys(credentials ?? {}).length > 0;
    const rules = { allowPrivate: this.#allowPrivateUrls, withCredentials };
    refuse(await checkUrls(this.#manifest(pluginId), storableJson(config), rules));
  }

  /** @throws InvalidInputError */
  newParts(
    owner: CredentialOwner & { pluginId: string },
    input: ProviderInput,
  ): { config: Integration['config']; credentials: Uint8Array | null } {
    const { config, credentials } = this.#checked(owner.pluginId, input.config ?? {}, input.credentials ?? {});
    return { config, credentials: this.#sealed(owner, credentials) };
  }

  /**
   * @returns the configuration as it is to be stored, and the credentials where they change
   * @throws InvalidInputError; UnavailableError where stored credentials are needed and do not open
   */
  changedParts(
    stored: StoredIntegration,
    input: ProviderInput,
  ): { config: Integration['config']; credentials?: Uint8Array | null } {
    if (input.config === undefined && input.credentials === undefined) return { config: stored.config };
    const { config, credentials } = this.combined(stored, input);
    return input.credentials === undefined ? { config } : { config, credentials: this.#sealed(stored, credentials) };
  }

  /**
   * A stored configuration with what is given in its place, opened.
   * @throws InvalidInputError, also where stored credentials would go to a place that they were not given for
   */
  combined(
    stored: StoredIntegration,
    input: ProviderInput,
  ): { config: Integration['config']; credentials: Credentials } {
    const given = input.config === undefined ? (stored.config as JsonObject) : (input.config ?? {});
    if (input.credentials !== undefined) return this.#checked(stored.pluginId, given, input.credentials ?? {});
    if (stored.credentials === null) return this.#checked(stored.pluginId, given, {});
    const moved = movedAddresses(this.#manifest(stored.pluginId), stored.config, storableJson(given));
    refuse(
      moved.map((path) => ({
        path: ['config', ...path],
        message: 'sends the stored credentials to another place: give the credentials again with it',
      })),
    );
    return this.#checked(stored.pluginId, given, this.#vault.open(stored, stored.credentials) as JsonObject);
  }

  /** Before it is stored. @throws InvalidInputError */
  unstored(pluginId: string, input: ProviderInput): { config: Integration['config']; credentials: Credentials } {
    return this.#checked(pluginId, input.config ?? {}, input.credentials ?? {});
  }

  #checked(pluginId: string, given: JsonObject, credentials: JsonObject) {
    const storable = storableJson(credentials);
    const { config, problems } = checkConfig(this.#manifest(pluginId), storableJson(given), storable);
    refuse(problems);
    return { config, credentials: storable as Credentials };
  }

  #sealed(owner: CredentialOwner, credentials: Credentials): Uint8Array | null {
    return Object.keys(credentials).length === 0 ? null : this.#vault.seal(owner, credentials);
  }

  /** Without the plugin nobody knows what is a secret, so nothing of its configuration may change. */
  #manifest(pluginId: string): PluginManifest {
    const { plugin, error } = this.#plugin(pluginId);
    if (error === null) return plugin.manifest;
    throw InvalidInputError.at('pluginId', `the plugin ${pluginId} could not be loaded`);
  }

  #plugin(pluginId: string): RegisteredPlugin {
    try {
      return this.#registry.get(pluginId);
    } catch (error) {
      if (error instanceof PluginNotFoundError) throw InvalidInputError.at('pluginId', error.message);
      throw error;
    }
  }
}

function refuse(problems: readonly ConfigProblem[]): void {
  if (problems.length > 0) throw new InvalidInputError(problems.slice(0, MAX_ISSUES));
}
