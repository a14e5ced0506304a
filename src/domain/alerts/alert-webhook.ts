import { createHmac, randomBytes } from 'node:crypto';
import { UnavailableError } from '../../shared/errors.ts';
import type { CallerWorkspace } from '../access/caller.ts';
import type { CredentialOwner, CredentialVault } from '../integrations/credential-vault.ts';
import { type Alert, messageOf, subjectOf } from './alert.ts';
import { WEBHOOK_ID } from './alert-webhook-store.ts';

const SECRET_BYTES = 32;
const SECRET_PREFIX = 'whsec_';

/** Where alerts are sent, and what they are signed with. */
export interface AlertWebhook {
  url: string;
  secret: string;
}

/** Whose a sealed webhook is. */
function webhookOwner(workspaceId: string): CredentialOwner {
  return { workspaceId, id: WEBHOOK_ID };
}

export function sealWebhook(vault: CredentialVault, workspaceId: string, { url, secret }: AlertWebhook): Uint8Array {
  return vault.seal(webhookOwner(workspaceId), { url, secret });
}

/** @throws UnavailableError that says what to do, where it does not open with the server's keys */
export function openWebhook(vault: CredentialVault, workspaceId: string, sealed: Uint8Array): AlertWebhook {
  try {
    return vault.open(webhookOwner(workspaceId), sealed) as unknown as AlertWebhook;
  } catch (cause) {
    if (!(cause instanceof UnavailableError)) throw cause;
    throw new UnavailableError(
      "the alert webhook does not open with this server's SIGNALBOX_SECRET_KEY: bring that key back, or set the webhook again with setAlertWebhook",
    );
  }
}

export function newWebhookSecret(): string {
  return SECRET_PREFIX + randomBytes(SECRET_BYTES).toString('base64');
}

/**
 * The headers that prove where a body comes from and when it was sent, as the Standard Webhooks specification has it
 * (https://www.standardwebhooks.com): HMAC-SHA256 of `<id>.<timestamp>.<body>`, under the secret behind its prefix.
 * @param id the same for every try, so that a receiver can tell what it has already
 * @param atMs when it is sent
 */
export function signedHeaders(
  secret: string,
  { id, atMs, body }: { id: string; atMs: number; body: string },
): Record<string, string> {
  const timestamp = String(Math.floor(atMs / 1_000));
  const key = Buffer.from(secret.slice(SECRET_PREFIX.length), 'base64');
  const signature = createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64');
  return { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': `v1,${signature}` };
}

/** What is sent of an alert. Fields may be added, none is taken away. */
export function webhookBody(alert: Alert, workspace: Pick<CallerWorkspace, 'id' | 'slug'>): string {
  const at = alert.raisedAt.toISOString();
  return JSON.stringify({
    type: 'alert.raised',
    timestamp: at,
    data: {
      id: alert.id,
      level: alert.level,
      subject: subjectOf(alert),
      message: messageOf(alert),
      percent: alert.percent,
      at,
      workspace: { id: workspace.id, slug: workspace.slug },
    },
  });
}
