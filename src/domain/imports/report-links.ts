import { createHmac, hkdfSync, timingSafeEqual } from 'node:crypto';
import type { Readable } from 'node:stream';
import type { Caller } from '../access/caller.ts';
import type { SecretKey, SecretKeys } from '../integrations/secret-key.ts';

export type ReportFormat = 'json' | 'csv';

/** What gives the report of an import: see `server/import-reports.ts`, which serves it. */
export interface ImportReports {
  /**
   * Needs DOCUMENTS_READ.
   * @returns what it is to be called, and the report as it is made
   * @throws NotFoundError also where the import is another workspace's
   */
  report(caller: Caller, importId: string, format: ReportFormat): Promise<{ fileName: string; content: Readable }>;
}

/** How long a link works: long enough to be clicked on, too short to be found in a history. */
const LINK_LIFETIME_S = 60 * 60;
const TOKEN = /^([a-z0-9_]{1,64})\.(\d{1,12})\.([\w-]{43})$/;

/** Links to reports that work in a browser, which sends no key: signed for one import of one workspace, for an hour. */
export class ReportLinks {
  /** Links of a key that is being replaced go on working. */
  readonly #keys: Buffer[];
  readonly #publicUrl: string;

  /** @param publicUrl what the links begin with; left out, they are paths */
  constructor({ current, previous }: SecretKeys, publicUrl: string | undefined) {
    this.#keys = [current, previous].filter((key) => key !== null).map(signingKeyOf);
    this.#publicUrl = publicUrl ?? '';
  }

  /** The other format is at the same address with the other ending; the token is good for both. */
  linkTo(workspaceId: string, importId: string, format: ReportFormat = 'csv'): string {
    const expiresAt = Math.floor(Date.now() / 1_000) + LINK_LIFETIME_S;
    const signature = sign(this.#keys[0] as Buffer, workspaceId, importId, expiresAt).toString('base64url');
    return `${this.#publicUrl}/imports/${importId}/report.${format}?token=${workspaceId}.${expiresAt}.${signature}`;
  }

  /** The workspace that the token of a link was signed for; null where it is not good for this import, or not any more. */
  workspaceOf(importId: string, token: string): string | null {
    const [, workspaceId = '', expiry = '', signature = ''] = TOKEN.exec(token) ?? [];
    const expiresAt = Number(expiry);
    if (expiresAt <= Date.now() / 1_000) return null;
    const given = Buffer.from(signature, 'base64url');
    const isGood = this.#keys.some((key) => timingSafeEqual(sign(key, workspaceId, importId, expiresAt), given));
    return isGood ? workspaceId : null;
  }
}

function sign(key: Buffer, workspaceId: string, importId: string, expiresAt: number): Buffer {
  return createHmac('sha256', key)
    .update(JSON.stringify([workspaceId, importId, expiresAt]))
    .digest();
}

/** Nothing is sealed and signed with the same key. */
function signingKeyOf({ bytes }: SecretKey): Buffer {
  return Buffer.from(hkdfSync('sha256', bytes, '', 'signalbox report links', 32));
}
