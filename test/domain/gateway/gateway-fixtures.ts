import { pino } from 'pino';
import type { Database } from '../../../src/db/client.ts';
import { AnswerCache } from '../../../src/domain/caching/answer-cache.ts';
import { EmbeddingCache } from '../../../src/domain/caching/embedding-cache.ts';
import type { GenerationInput, GenerationPart } from '../../../src/domain/gateway/generation.ts';
import type { ModelCall } from '../../../src/domain/gateway/model-call.ts';
import { ModelCatalog } from '../../../src/domain/gateway/model-catalog.ts';
import { ModelGateway } from '../../../src/domain/gateway/model-gateway.ts';
import type { WorkspaceSettings } from '../../../src/domain/integrations/integration.ts';
import { type LiveIntegration, NOTHING_CHOSEN } from '../../../src/domain/integrations/integration-directory.ts';
import { MeterService } from '../../../src/domain/usage/meter-service.ts';
import { RateLimitService } from '../../../src/domain/usage/rate-limit-service.ts';
import { UsageRecorder } from '../../../src/domain/usage/usage-recorder.ts';
import { UsageTally } from '../../../src/domain/usage/usage-tally.ts';
import type { Provider } from '../../../src/plugins/contract.ts';
import { directoryOf, liveIntegration } from '../../support/model-catalog.ts';
import { insertWorkspace } from '../../support/rows.ts';

/** A workspace whose integrations `first`, `second`, … fall back to one another in their order. */
export async function openGateway(
  database: Database,
  providers: readonly Provider[],
  options: Partial<LiveIntegration> = {},
  models: WorkspaceSettings['models'] = {},
) {
  const workspaceId = `ws_${crypto.randomUUID()}`;
  await insertWorkspace(database, workspaceId);
  const names = ['first', 'second', 'third'];
  const integrations = providers.map((provider, i) =>
    liveIntegration(names[i] as string, provider, {
      id: String(i),
      fallbackId: i + 1 < providers.length ? String(i + 1) : null,
      ...options,
    }),
  );
  const logger = pino({ level: 'silent' });
  const recorder = new UsageRecorder({ database, logger });
  const gateway = new ModelGateway({
    catalog: new ModelCatalog(
      directoryOf(integrations, () => ({ ...NOTHING_CHOSEN, models })),
      'first/none',
    ),
    embeddingCache: new EmbeddingCache(database, logger),
    answerCache: new AnswerCache(),
    meters: new MeterService(database),
    limits: new RateLimitService(database),
    recorder,
  });
  /** Outcomes of the ledger's rows, in the order they were written. */
  const outcomes = async () => {
    await recorder.flush();
    return database.withWorkspace(workspaceId, async ({ sql }) => {
      const rows = await sql<{ provider: string; outcome: string; errorCode: string | null; llmCalls: number }[]>`
        select provider, outcome, error_code, llm_calls from usage_attempts order by id`;
      return rows.map((row) => `${row.provider} ${row.outcome}${row.errorCode === null ? '' : ` ${row.errorCode}`}`);
    });
  };
  /** What the ledger counts as calls of a language model. */
  const llmCalls = async () => {
    await recorder.flush();
    return database.withWorkspace(workspaceId, async ({ sql }) => {
      const [row] = await sql<{ count: number }[]>`select sum(llm_calls)::int as count from usage_attempts`;
      return row?.count;
    });
  };
  return { llmCalls, gateway, integrations, recorder, workspaceId, outcomes, call: callOf(workspaceId) };
}

export function callOf(workspaceId: string, signal = new AbortController().signal): ModelCall {
  const workspace = {
    id: workspaceId,
    name: workspaceId,
    slug: workspaceId,
    tier: 'ENTERPRISE' as const,
    createdAt: new Date(),
  };
  const caller = { kind: 'apiKey' as const, workspace, role: 'OWNER' as const, apiKeyId: 'key_test', userId: null };
  return { caller, operation: 'chat', requestId: 'req_test', signal, tally: new UsageTally() };
}

/** A question; each one is another, so that no cache knows its answer. */
export function question(fields: Partial<GenerationInput> = {}): GenerationInput {
  const text = crypto.randomUUID();
  return { model: 'first/m', work: 'chat', messages: [{ role: 'user', parts: [{ kind: 'text', text }] }], ...fields };
}

/** What a client that drops the text before a restart has in the end, with the kinds of parts in their order. */
export async function collect(parts: AsyncIterable<GenerationPart>) {
  const kinds: string[] = [];
  let text = '';
  let answer: Extract<GenerationPart, { kind: 'completed' }>['answer'] | null = null;
  for await (const part of parts) {
    kinds.push(part.kind);
    if (part.kind === 'text') text += part.text;
    if (part.kind === 'restarted') text = '';
    if (part.kind === 'completed') answer = part.answer;
  }
  return { kinds, text, answer };
}
