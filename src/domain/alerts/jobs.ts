import { z } from 'zod';
import type { Database } from '../../db/client.ts';
import { defineJob, type JobContext, type JobDefinition, type JobIdentity, RetryLater } from '../../jobs/define-job.ts';
import type { PluginNetwork } from '../../plugins/network.ts';
import { findWorkspace } from '../access/workspace-lookup.ts';
import type { CredentialVault } from '../integrations/credential-vault.ts';
import type { Alert } from './alert.ts';
import { findAlerts } from './alert-store.ts';
import { openWebhook, signedHeaders, webhookBody } from './alert-webhook.ts';
import { readWebhook } from './alert-webhook-store.ts';

/** A receiver that takes longer has not taken the alert. */
const ANSWER_TIMEOUT_MS = 10_000;
/** How long after it was raised an alert is tried to be sent. */
const TRIED_FOR_MS = 24 * 3_600_000;
const SHORTEST_DELAY_MS = 5_000;
const LONGEST_DELAY_MS = 4 * 3_600_000;
/** The next try is later by this share of the time that has passed. */
const DELAY_BY_AGE = 0.7;
/** Share of a delay that is added at random, so that what failed together does not come back together. */
const JITTER = 0.2;

const PAYLOAD = z.object({ task: z.literal('DELIVER_ALERT'), alertId: z.string() });
type Payload = z.infer<typeof PAYLOAD>;

export interface AlertDeliveryParts {
  database: Database;
  vault: CredentialVault;
  network: PluginNetwork;
  /** Milliseconds since 1970. */
  now?: () => number;
  answerTimeoutMs?: number;
  retryDelayMs?: (ageMs: number) => number;
}

/**
 * Sends an alert to the webhook that its workspace has then: at least once, by one worker at a time, again and again for
 * a day. It is in `jobs`, with why the last try failed.
 */
export function alertDelivery(parts: AlertDeliveryParts): JobDefinition<Payload> {
  return defineJob({
    kind: 'MAINTENANCE',
    queue: 'high',
    schema: PAYLOAD,
    run: (payload, context) => deliver(parts, payload, context),
  });
}

/**
 * How long to wait until the next try: a few seconds at first, later hours; some twenty tries in a day.
 * @param ageMs since the alert was raised
 */
export function deliveryDelayMs(ageMs: number, random: () => number = Math.random): number {
  const delayMs = Math.min(LONGEST_DELAY_MS, Math.max(SHORTEST_DELAY_MS, ageMs * DELAY_BY_AGE));
  return Math.round(delayMs * (1 + JITTER * random()));
}

async function deliver(
  parts: AlertDeliveryParts,
  { workspaceId, alertId }: Payload & JobIdentity,
  { signal, logger }: JobContext,
): Promise<{ delivered: boolean; status?: number }> {
  const { database, now = Date.now, retryDelayMs = deliveryDelayMs } = parts;
  const [sealed, [alert]] = await database.withWorkspace(workspaceId, (scope) =>
    Promise.all([readWebhook(scope), findAlerts(scope, [alertId])]),
  );
  // Taken away, or too old to be kept: there is nobody to send it to, or nothing to send.
  if (sealed === null || alert === undefined) return { delivered: false };
  const answer = await send(parts, alert, sealed, signal);
  if ('status' in answer) return { delivered: true, status: answer.status };
  const ageMs = now() - alert.raisedAt.getTime();
  if (ageMs >= TRIED_FOR_MS) {
    logger.error({ alertId, reason: answer.problem }, 'an alert could not be sent to its webhook within a day');
    throw new Error(answer.problem);
  }
  const delayMs = retryDelayMs(ageMs);
  logger.warn({ alertId, reason: answer.problem, delayMs }, 'an alert could not be sent to its webhook yet');
  throw new RetryLater(delayMs, answer.problem);
}

/** One try. Neither the address nor the secret is in the problem: an address may hold a secret of the receiver. */
async function send(
  { database, vault, network, now = Date.now, answerTimeoutMs = ANSWER_TIMEOUT_MS }: AlertDeliveryParts,
  alert: Alert,
  sealed: Uint8Array,
  signal: AbortSignal,
): Promise<{ status: number } | { problem: string }> {
  const { workspaceId } = alert;
  const workspace = await database.withSystem((scope) => findWorkspace(scope, workspaceId));
  if (workspace === null) return { problem: 'the workspace is gone' };
  const { url, secret } = openWebhook(vault, workspaceId, sealed);
  const body = webhookBody(alert, workspace);
  const tooLate = AbortSignal.timeout(answerTimeoutMs);
  try {
    const response = await network.access(answerTimeoutMs).fetch(url, {
      method: 'POST',
      redirect: 'manual',
      headers: {
        ...signedHeaders(secret, { id: alert.id, atMs: now(), body }),
        ...{ 'content-type': 'application/json', 'user-agent': 'signalbox' },
      },
      body,
      signal: AbortSignal.any([signal, tooLate]),
    });
    // What it says is of no interest.
    await response.body?.cancel();
    return response.ok ? { status: response.status } : { problem: problemOf(response.status) };
  } catch (error) {
    signal.throwIfAborted();
    if (tooLate.aborted) return { problem: `the webhook has not answered within ${answerTimeoutMs / 1_000} seconds` };
    return { problem: `the webhook could not be reached: ${causeOf(error)}` };
  }
}

function problemOf(status: number): string {
  const redirects = status >= 300 && status < 400;
  return `the webhook answered with the status ${status}${redirects ? ', and redirects are not followed' : ''}`;
}

/** `fetch` says "fetch failed", and its cause why. */
function causeOf(error: unknown): string {
  const { message, cause } = error as Error;
  return cause instanceof Error ? causeOf(cause) : message;
}
