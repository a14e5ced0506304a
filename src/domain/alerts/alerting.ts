import type { Database } from '../../db/client.ts';
import type { JobDefinition } from '../../jobs/define-job.ts';
import type { JobQueue } from '../../jobs/queue.ts';
import type { Logger } from '../../observability/logger.ts';
import type { PluginNetwork } from '../../plugins/network.ts';
import type { CredentialVault } from '../integrations/credential-vault.ts';
import type { MaintenanceStep } from '../queues/maintenance.ts';
import type { UsageRecorder } from '../usage/usage-recorder.ts';
import { AlertService } from './alert-service.ts';
import { AlertWatch } from './alert-watch.ts';
import { readWebhook } from './alert-webhook-store.ts';
import { alertDelivery } from './jobs.ts';

export interface AlertingParts {
  database: Database;
  logger: Logger;
  queue: JobQueue;
  /** Tells whose usage was written. */
  recorder: UsageRecorder;
  vault: CredentialVault;
  network: PluginNetwork;
  allowPrivateUrls: boolean;
}

/** Everything that alerts are made of. */
export interface Alerting {
  service: AlertService;
  watch: AlertWatch;
  /** To be worked by the workers. */
  delivery: JobDefinition;
  upkeep: MaintenanceStep;
}

export function openAlerting(parts: AlertingParts): Alerting {
  const { database, logger, queue } = parts;
  const delivery = alertDelivery(parts);
  const watch = new AlertWatch({
    ...{ database, logger },
    send: async (scope, alertIds) => {
      if ((await readWebhook(scope)) === null) return;
      const payloads = alertIds.map((alertId) => ({ task: 'DELIVER_ALERT' as const, alertId }));
      await queue.enqueueAll(scope, delivery, payloads);
    },
  });
  parts.recorder.onWritten((workspaceIds) => watch.checkSoon(workspaceIds));
  const upkeep: MaintenanceStep = { name: 'alerts', run: (signal) => watch.sweep(signal) };
  return { service: new AlertService(parts), watch, delivery: delivery as unknown as JobDefinition, upkeep };
}
