import type { Database } from '../../db/client.ts';
import { followLog } from '../../db/follow-log.ts';
import { InvalidInputError, NotFoundError } from '../../shared/errors.ts';
import { authorize, type Caller } from '../access/caller.ts';
import type { CredentialVault } from '../integrations/credential-vault.ts';
import { urlProblem } from '../integrations/provider-address.ts';
import { type Alert, alertTopic } from './alert.ts';
import { acknowledgeAlert, alertsAfter, findAlerts, listAlerts, newestAlert } from './alert-store.ts';
import { newWebhookSecret, sealWebhook } from './alert-webhook.ts';
import { deleteWebhook, writeWebhook } from './alert-webhook-store.ts';

/** Alerts that one look of a subscriber takes. */
const ALERTS_PER_LOOK = 50;

export interface AlertServiceParts {
  database: Database;
  vault: CredentialVault;
  /** Whether webhooks may be at addresses that are not of the public internet. */
  allowPrivateUrls: boolean;
}

/** A webhook as it is shown: once, when it was set. */
export interface SetWebhook {
  /** '' where it was taken away. */
  url: string;
  secret: string | null;
}

/** Shows alerts, and says where else they are told. */
export class AlertService {
  readonly #parts: AlertServiceParts;

  constructor(parts: AlertServiceParts) {
    this.#parts = parts;
  }

  /** Newest first. @param acknowledged only those that are, or only those that are not; null: all */
  async list(
    caller: Caller,
    acknowledged: boolean | null,
    page: { limit: number; after: string | null },
  ): Promise<Alert[]> {
    const { workspace } = authorize(caller, 'ANALYTICS_VIEW');
    return this.#parts.database.withWorkspace(workspace.id, (scope) => listAlerts(scope, acknowledged, page));
  }

  /** Alerts by id, in no order; those that are not there are left out. */
  async find(caller: Caller, ids: readonly string[]): Promise<Alert[]> {
    const { workspace } = authorize(caller, 'ANALYTICS_VIEW');
    return this.#parts.database.withWorkspace(workspace.id, (scope) => findAlerts(scope, ids));
  }

  /** Alerts as they are raised, by whichever server, from now until the signal is aborted. */
  async raised(caller: Caller, signal: AbortSignal): Promise<AsyncGenerator<Alert, void>> {
    const { workspace } = authorize(caller, 'ANALYTICS_VIEW');
    const { database } = this.#parts;
    const position = await database.withWorkspace(workspace.id, newestAlert);
    return followLog<Alert, number>({
      ...{ bus: database.bus, topic: alertTopic(workspace.id), position, signal },
      read: async (after) => {
        const entries = await database.withWorkspace(workspace.id, (scope) =>
          alertsAfter(scope, after, ALERTS_PER_LOOK),
        );
        const hasMore = entries.length === ALERTS_PER_LOOK;
        return { entries, position: entries.at(-1)?.seq ?? after, hasMore, isOver: false };
      },
    });
  }

  /** Notes that somebody has seen an alert; who was first stays. @throws NotFoundError */
  async acknowledge(caller: Caller, id: string): Promise<Alert> {
    const { workspace, apiKeyId, userId } = authorize(caller, 'BUDGETS_MANAGE');
    const who = apiKeyId ?? userId ?? 'root';
    const [alert] = await this.#parts.database.withWorkspace(workspace.id, async (scope) =>
      (await acknowledgeAlert(scope, id, who)) ? findAlerts(scope, [id]) : [],
    );
    if (alert === undefined) throw new NotFoundError('alert', id);
    return alert;
  }

  /**
   * Says where alerts are sent from now on, under a new secret; also where the address is the one before.
   * @param url '' takes the webhook away
   * @throws InvalidInputError
   */
  async setWebhook(caller: Caller, url: string): Promise<SetWebhook> {
    const { workspace } = authorize(caller, 'BUDGETS_MANAGE');
    const { database, vault, allowPrivateUrls } = this.#parts;
    if (url === '') {
      await database.withWorkspace(workspace.id, deleteWebhook);
      return { url, secret: null };
    }
    const problem = await urlProblem(url, { allowPrivate: allowPrivateUrls, withCredentials: false });
    if (problem !== null) throw InvalidInputError.at('url', problem);
    const webhook = { url, secret: newWebhookSecret() };
    const sealed = sealWebhook(vault, workspace.id, webhook);
    await database.withWorkspace(workspace.id, (scope) => writeWebhook(scope, sealed));
    return webhook;
  }
}
