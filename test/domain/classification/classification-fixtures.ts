import { createHash } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import pino from 'pino';
import type { Database } from '../../../src/db/client.ts';
import type { Role } from '../../../src/domain/access/actions.ts';
import type { Tier, WorkspaceCaller } from '../../../src/domain/access/caller.ts';
import { AnswerCache } from '../../../src/domain/caching/answer-cache.ts';
import { EmbeddingCache } from '../../../src/domain/caching/embedding-cache.ts';
import type { ClassifiableDocument } from '../../../src/domain/classification/classification.ts';
import { ClassificationService } from '../../../src/domain/classification/classification-service.ts';
import type { ModelCall } from '../../../src/domain/gateway/model-call.ts';
import { ModelGateway } from '../../../src/domain/gateway/model-gateway.ts';
import { MeterService } from '../../../src/domain/usage/meter-service.ts';
import { RateLimitService } from '../../../src/domain/usage/rate-limit-service.ts';
import { UsageRecorder } from '../../../src/domain/usage/usage-recorder.ts';
import { UsageTally } from '../../../src/domain/usage/usage-tally.ts';
import type { EmbedRequest, Provider } from '../../../src/plugins/contract.ts';
import localPlugin from '../../../src/providers/local/plugin.ts';
import { catalogOf } from '../../support/model-catalog.ts';
import { testHost } from '../../support/plugin-host.ts';
import { insertDocument } from '../../support/rows.ts';

export const MODEL = 'local/use-lite-768';

/** The local provider, with what it was asked for. */
export interface WatchedProvider extends Provider {
  readonly requests: EmbedRequest[];
  /** Runs once, while the next request is under way. */
  during: (() => Promise<unknown>) | null;
}

export function openWatchedProvider(dataDir: string): WatchedProvider {
  const cacheDir = join(dataDir, 'weights');
  const local = localPlugin.create({}, testHost(cacheDir));
  const watched: WatchedProvider = {
    requests: [],
    during: null,
    async embed(request, call) {
      watched.requests.push(request);
      const { during } = watched;
      watched.during = null;
      await during?.();
      if (local.embed === undefined) throw new Error('the local provider does not embed');
      return local.embed(request, call);
    },
    listModels: (call) => local.listModels(call),
    check: (call) => local.check(call),
    async close() {
      await local.close();
      await rm(cacheDir, { recursive: true, force: true });
    },
  };
  return watched;
}

/** A server's classification, composed as the server does it. */
export function openService(database: Database, provider: Provider) {
  const logger = pino({ level: 'silent' });
  const cache = new EmbeddingCache(database, logger);
  const recorder = new UsageRecorder({ database, logger });
  const catalog = catalogOf('local', provider, MODEL);
  const gateway = new ModelGateway({
    catalog,
    embeddingCache: cache,
    answerCache: new AnswerCache(),
    meters: new MeterService(database),
    limits: new RateLimitService(database),
    recorder,
  });
  const service = new ClassificationService({ database, gateway, catalog });
  const close = async () => {
    await cache.drain();
    await recorder.drain();
  };
  return { service, close };
}

export function callerOf(workspaceId: string, role: Role = 'OWNER', tier: Tier = 'ENTERPRISE'): WorkspaceCaller {
  const workspace = { id: workspaceId, name: workspaceId, slug: workspaceId, tier, createdAt: new Date() };
  return { kind: 'apiKey', workspace, role, apiKeyId: `key_${workspaceId}`, userId: null };
}

export function callOf(caller: WorkspaceCaller): ModelCall & { tally: UsageTally } {
  const signal = new AbortController().signal;
  return { caller, operation: 'classify', requestId: 'req_test', signal, tally: new UsageTally() };
}

/** A stored document, as a classifier wants it. */
export async function addNote(
  database: Database,
  workspaceId: string,
  id: string,
  text: string,
  metadata: Record<string, string> = {},
): Promise<ClassifiableDocument> {
  await database.withWorkspace(workspaceId, (scope) => insertDocument(scope, { id, text, metadata }));
  return note(id, text, metadata);
}

export function note(id: string, text: string, metadata: Record<string, string> = {}): ClassifiableDocument {
  return { id, title: null, text, contentHash: createHash('sha256').update(text).digest(), metadata, source: {} };
}
