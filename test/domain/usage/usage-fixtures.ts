import { Writable } from 'node:stream';
import pino from 'pino';
import type { Database } from '../../../src/db/client.ts';
import type { CallerWorkspace, Tier } from '../../../src/domain/access/caller.ts';
import type { UsageEvent } from '../../../src/domain/usage/usage-event.ts';
import { insertWorkspace } from '../../../src/domain/workspaces/workspace-store.ts';
import type { Logger } from '../../../src/observability/logger.ts';
import { newId } from '../../../src/shared/ids.ts';

export const NOON = Date.parse('2026-03-10T12:00:00Z');

export async function addWorkspace(database: Database, tier: Tier): Promise<CallerWorkspace> {
  const id = newId('Workspace');
  const workspace = { id, name: tier, slug: id.replace('_', '-'), tier, createdAt: new Date() };
  await database.withSystem((scope) => insertWorkspace(scope, workspace));
  return workspace;
}

export function usageEvent(workspaceId: string, changes: Partial<UsageEvent> = {}): UsageEvent {
  return {
    workspaceId,
    apiKeyId: null,
    userId: null,
    requestId: 'req_1',
    at: NOON,
    provider: 'local',
    model: 'local/small',
    operation: 'embed',
    outcome: 'SUCCEEDED',
    errorCode: null,
    embeddings: 0,
    llmCalls: 0,
    vectorQueries: 0,
    cacheHits: 0,
    cacheKind: null,
    cacheMisses: 0,
    savedUsd: '0',
    inputTokens: 0,
    outputTokens: 0,
    cachedTokens: 0,
    costUsd: '0',
    latencyMs: 10,
    metered: false,
    ...changes,
  };
}

/** A logger whose lines can be read back. */
export function readableLogger(): { logger: Logger; lines: { level: number; msg: string; events?: number }[] } {
  const lines: { level: number; msg: string; events?: number }[] = [];
  const stream = new Writable({
    write(chunk: Buffer, _encoding, done) {
      lines.push(JSON.parse(chunk.toString()));
      done();
    },
  });
  return { logger: pino(stream), lines };
}
