import { pino } from 'pino';
import type { Database } from '../../../src/db/client.ts';
import { AnswerCache } from '../../../src/domain/caching/answer-cache.ts';
import { EmbeddingCache } from '../../../src/domain/caching/embedding-cache.ts';
import { ModelCatalog } from '../../../src/domain/gateway/model-catalog.ts';
import { ModelGateway } from '../../../src/domain/gateway/model-gateway.ts';
import {
  IntegrationDirectory,
  type LiveIntegration,
  NOTHING_CHOSEN,
} from '../../../src/domain/integrations/integration-directory.ts';
import { listBudgets } from '../../../src/domain/usage/budget-store.ts';
import { MeterService } from '../../../src/domain/usage/meter-service.ts';
import { RateLimitService } from '../../../src/domain/usage/rate-limit-service.ts';
import type { Provider } from '../../../src/plugins/contract.ts';
import { liveIntegration } from '../../support/model-catalog.ts';
import { insertWorkspace } from '../../support/rows.ts';
import { openLedger, periodsOf } from '../usage/budget-fixtures.ts';
import { callOf } from './gateway-fixtures.ts';

/** What one answer of `scriptedProvider` costs by these prices, in millionths of a dollar: 5 tokens. */
export const ANSWER_COST = 10;
const MODELS: LiveIntegration['models'] = [{ name: 'm', inputUsdPerMillion: '0', outputUsdPerMillion: '2' }];

/** A server whose integrations `first`, `second`, … fall back to one another, in a workspace that is there or new. */
export async function openBudgetGateway(
  database: Database,
  providers: readonly Provider[],
  options: Partial<LiveIntegration> = {},
  workspaceId = `ws_${crypto.randomUUID()}`,
  policies: Record<string, unknown> = {},
) {
  await insertWorkspace(database, workspaceId).catch(() => undefined);
  const integrations = providers.map((provider, i) =>
    liveIntegration(['first', 'second', 'third'][i] as string, provider, {
      ...{ id: String(i), fallbackId: i + 1 < providers.length ? String(i + 1) : null, models: MODELS },
      ...options,
    }),
  );
  const directory = new IntegrationDirectory({
    builtIn: integrations,
    load: (id) =>
      database.withWorkspace(id, async (scope) => ({
        integrations: [],
        settings: { ...NOTHING_CHOSEN, policies },
        budgets: await listBudgets(scope),
      })),
    open: () => {
      throw new Error('nothing is stored');
    },
    currentRegistration: () => null,
    onCloseFailed: (error) => {
      throw error;
    },
  });
  const ledger = openLedger(database, { now: Date.now() });
  const gateway = new ModelGateway({
    ...{
      catalog: new ModelCatalog(directory, 'first/none'),
      recorder: ledger.recorder,
      reservations: ledger.reservations,
    },
    ...{ embeddingCache: new EmbeddingCache(database, pino({ level: 'silent' })), answerCache: new AnswerCache() },
    ...{ meters: new MeterService(database), limits: new RateLimitService(database) },
  });
  /** Sets a budget for so many answers. */
  const allow = async (answers: number, subject = '') => {
    const limitUsd = ((answers * ANSWER_COST) / 1e6).toFixed(6);
    await ledger.budgets.write(workspaceId, { subject, window: 'DAY', limitUsd });
    directory.forget(workspaceId);
  };
  /** The one period of a subject, and the outcomes of the attempts in their order. */
  const books = async (subject = '') => {
    const period = (await periodsOf(database, workspaceId)).find((one) => one.subject === subject);
    if (period === undefined) throw new Error('there is no such budget');
    const rows = await database.withWorkspace(
      workspaceId,
      ({ sql }) => sql<{ outcome: string }[]>`select outcome from usage_attempts order by id`,
    );
    return { ...period, outcomes: rows.map(({ outcome }) => outcome) };
  };
  return { ...ledger, gateway, workspaceId, allow, books, call: callOf(workspaceId) };
}
