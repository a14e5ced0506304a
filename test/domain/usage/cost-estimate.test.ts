import fc from 'fast-check';
import { countTokens } from 'gpt-tokenizer/encoding/o200k_base';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { EmbeddingCache } from '../../../src/domain/caching/embedding-cache.ts';
import { storeCachedEmbeddings } from '../../../src/domain/caching/embedding-cache-store.ts';
import { BUILT_IN_TAXONOMIES } from '../../../src/domain/classification/built-in-taxonomies.ts';
import { classifyMessages } from '../../../src/domain/classification/llm-prompt.ts';
import { answerSchema } from '../../../src/domain/classification/llm-verdict.ts';
import { documentKey } from '../../../src/domain/gateway/batched-questions.ts';
import { embeddedText } from '../../../src/domain/gateway/embed-calls.ts';
import { ModelCatalog } from '../../../src/domain/gateway/model-catalog.ts';
import { Router } from '../../../src/domain/gateway/router.ts';
import { NOTHING_CHOSEN } from '../../../src/domain/integrations/integration-directory.ts';
import { summariseMessages } from '../../../src/domain/summaries/llm-summariser.ts';
import { recordUsage } from '../../../src/domain/usage/attempt-store.ts';
import { askingTokens, WORK_OF_TASK } from '../../../src/domain/usage/cost-estimate.ts';
import { CostEstimateService } from '../../../src/domain/usage/cost-estimate-service.ts';
import { closeTokenCounting } from '../../../src/domain/usage/token-count.ts';
import type { ModelInfo, Provider } from '../../../src/plugins/contract.ts';
import { compareDecimals } from '../../../src/shared/decimal.ts';
import { type TestDatabase, testDatabase } from '../../support/database.ts';
import { directoryOf, liveIntegration } from '../../support/model-catalog.ts';
import { insertDocument, insertWorkspace } from '../../support/rows.ts';
import { callOf } from '../gateway/gateway-fixtures.ts';
import { usageEvent } from './usage-fixtures.ts';

let testing: TestDatabase;
beforeAll(async () => {
  testing = await testDatabase();
});
afterAll(async () => {
  await closeTokenCounting();
  await testing?.close();
});

const WRITES: ModelInfo[] = [
  { name: 'm', capabilities: ['GENERATE'], inputUsdPerMillion: '1', outputUsdPerMillion: '10' },
  { name: 'unpriced', capabilities: ['GENERATE'] },
];
const EMBEDS: ModelInfo[] = [{ name: 'e', capabilities: ['EMBED'], dimensions: 3, inputUsdPerMillion: '0.1' }];
const FREE: ModelInfo[] = [{ name: 'f', capabilities: ['EMBED'], dimensions: 3, inputUsdPerMillion: '0' }];
const TEXT = 'The export to CSV breaks at ten thousand rows. ';

function providerOf(models: ModelInfo[]): Provider {
  return {
    generate: () => Promise.reject(new Error('an estimate asks no model')),
    embed: () => Promise.reject(new Error('an estimate asks no model')),
    listModels: async () => models,
    check: async () => undefined,
    close: async () => undefined,
  };
}

let workspaceId: string;
let asks: boolean;
let catalog: ModelCatalog;
let service: CostEstimateService;
beforeEach(async () => {
  workspaceId = `ws_${crypto.randomUUID()}`;
  await insertWorkspace(testing.database, workspaceId);
  asks = false;
  const integrations = [
    liveIntegration('vendor', providerOf([...WRITES, ...EMBEDS])),
    liveIntegration('here', providerOf(FREE)),
  ];
  const classify = { primary: 'vendor/m', fallbacks: [], parameters: {} };
  const directory = directoryOf(integrations, () =>
    asks ? { ...NOTHING_CHOSEN, models: { classify } } : NOTHING_CHOSEN,
  );
  catalog = new ModelCatalog(directory, 'vendor/e');
  service = new CostEstimateService({ database: testing.database, catalog, router: new Router(catalog) });
});

const estimate = (request: Parameters<CostEstimateService['estimate']>[1]) =>
  service.estimate(callOf(workspaceId).caller, request);

async function documents(...texts: string[]): Promise<void> {
  await testing.database.withWorkspace(workspaceId, async (scope) => {
    for (const [i, text] of texts.entries()) await insertDocument(scope, { id: `doc_${i}`, text });
  });
}

describe('what texts will cost', () => {
  test('is what their tokens cost at the price of the workspace’s model', async () => {
    const tokens = countTokens(TEXT) + countTokens('Dark mode, please');
    const made = await estimate({ operation: 'EMBED', texts: [TEXT, 'Dark mode, please'] });
    expect(made).toMatchObject({ model: 'vendor/e', fitsBudget: true });
    expect(Number(made.lowUsd) * 1e7).toBeCloseTo(tokens, 3);
    expect(compareDecimals(made.highUsd, made.lowUsd)).toBe(1);
    expect(made.tokens).toBeGreaterThanOrEqual(tokens);
  });

  test('is nothing at the low end for those whose vectors are kept', async () => {
    const model = await catalog.embeddingModel(workspaceId, 'vendor/e');
    const space = { workspaceId, model: model.id, origin: model.live.origin, purpose: 'document' as const };
    const hash = EmbeddingCache.hash(space, embeddedText(model, TEXT));
    const entries = new Map([[hash, { vector: new Float32Array(3), tokenCount: 9 }]]);
    await testing.database.withWorkspace(workspaceId, (scope) =>
      storeCachedEmbeddings(scope, { model: model.id, epoch: 0 }, entries, new Date(Date.now() + 60_000)),
    );
    const made = await estimate({ operation: 'EMBED', texts: [TEXT] });
    expect(made.lowUsd).toBe('0');
    expect(Number(made.highUsd)).toBeGreaterThan(0);
  });

  test('is nothing at all with a model that is free', async () => {
    const made = await estimate({ operation: 'EMBED', texts: [TEXT], model: 'here/f' });
    expect(made).toMatchObject({ lowUsd: '0', highUsd: '0', model: 'here/f' });
  });

  test('is refused where the model’s price is not known: no number would be true', async () => {
    const asked = estimate({ operation: 'CLASSIFY', texts: [TEXT], model: 'vendor/unpriced' });
    await expect(asked).rejects.toMatchObject({
      code: 'BAD_INPUT',
      message: expect.stringMatching(/no price is known/),
    });
  });

  test('is asked for with texts or documents', async () => {
    await expect(estimate({ operation: 'EMBED' })).rejects.toMatchObject({ code: 'BAD_INPUT' });
    const many = Array.from({ length: 1_001 }, () => 'text');
    await expect(estimate({ operation: 'EMBED', texts: many })).rejects.toMatchObject({ code: 'BAD_INPUT' });
  });
});

describe('what documents will cost', () => {
  test('is that of those which have no vectors yet, up to that of all', async () => {
    await documents(TEXT.repeat(20), TEXT.repeat(20));
    await testing.database.withWorkspace(
      workspaceId,
      ({ sql }) =>
        sql`update documents set embedding_status = 'READY', embedding_model = 'vendor/e' where id = 'doc_0'`,
    );
    const made = await estimate({ operation: 'EMBED', filter: {} });
    const one = (countTokens(TEXT.repeat(20)) / 1e6) * 0.1;
    expect(Number(made.lowUsd)).toBeCloseTo(one, 6);
    expect(Number(made.highUsd)).toBeGreaterThan(2 * one);
  });

  test('is that of the documents of the filter alone', async () => {
    await documents(TEXT);
    const none = { kinds: ['COMPANY' as const] };
    expect(await estimate({ operation: 'EMBED', filter: none })).toMatchObject({ highUsd: '0', tokens: 0 });
  });

  test('where a model is asked has its instructions and its answers in it', async () => {
    asks = true;
    await documents(TEXT, TEXT, TEXT);
    const { asking } = WORK_OF_TASK.CLASSIFY;
    const made = await estimate({ operation: 'CLASSIFY', filter: {} });
    const low = 3 * countTokens(TEXT) + (asking?.promptTokens.low ?? 0) + 10 * 3 * (asking?.answerTokens.low ?? 0);
    expect(made.model).toBe('vendor/m');
    expect(Number(made.lowUsd) * 1e6).toBeCloseTo(low, 0);
  });

  test('follows the answers of the last 30 days, of the same model and work, once there are ten', async () => {
    asks = true;
    await documents(TEXT);
    const answer = (outputTokens: number, fields = {}) => ({
      ...usageEvent(workspaceId, { at: Date.now(), operation: 'classify', model: 'vendor/m', outputTokens, ...fields }),
      id: crypto.randomUUID(),
    });
    const write = (events: ReturnType<typeof answer>[]) => recordUsage(testing.database, events);
    const before = await estimate({ operation: 'CLASSIFY', filter: {} });
    await write(Array.from({ length: 9 }, () => answer(5_000)));
    await write([answer(9_000, { operation: 'chat' }), answer(9_000, { model: 'vendor/other' })]);
    await write([answer(9_000, { at: Date.now() - 31 * 86_400_000 }), answer(9_000, { outcome: 'FAILED' })]);
    expect(await estimate({ operation: 'CLASSIFY', filter: {} })).toEqual(before);
    await write([answer(5_000)]);
    const made = await estimate({ operation: 'CLASSIFY', filter: {} });
    // 5,000 tokens at 10 USD a million.
    expect(Number(made.lowUsd)).toBeGreaterThan(0.05);
    expect(Number(made.highUsd)).toBeLessThan(0.06);
  });
});

describe('whether it fits the budgets', () => {
  const setBudget = (subject: string, limitUsd: string) =>
    testing.database.withSystem(
      ({ sql }) => sql`
        insert into budgets (workspace_id, subject, "window", limit_usd)
        values (${workspaceId}, ${subject}, 'DAY', ${limitUsd}::numeric)`,
    );

  test.each([
    ['the workspace’s', ''],
    ['the key’s', 'key_test'],
  ])('%s decides, and the high end counts', async (_whose, subject) => {
    const request = { operation: 'EMBED' as const, texts: [TEXT.repeat(100)] };
    const { highUsd, lowUsd } = await estimate(request);
    await setBudget(subject, highUsd);
    expect((await estimate(request)).fitsBudget).toBe(true);
    await testing.database.withSystem(
      ({ sql }) => sql`update budgets set limit_usd = ${lowUsd}::numeric where workspace_id = ${workspaceId}`,
    );
    expect((await estimate(request)).fitsBudget).toBe(false);
  });

  test('another key’s does not count', async () => {
    await setBudget('key_other', '0');
    expect((await estimate({ operation: 'EMBED', texts: [TEXT] })).fitsBudget).toBe(true);
  });
});

describe('the instructions of a task', () => {
  const tasks = Object.entries(WORK_OF_TASK).flatMap(([task, { stored, asking }]) =>
    asking === null || stored === null || stored === 'summary' ? [] : [[task, { ...stored, asking }] as const],
  );
  test.each(tasks)('of %s have the tokens that are estimated, to a fifth', (_task, { taxonomy: name, asking }) => {
    const taxonomy = BUILT_IN_TAXONOMIES.find((builtIn) => builtIn.name === name);
    if (taxonomy === undefined) throw new Error(`no taxonomy ${name}`);
    const texts = Array.from({ length: asking.textsPerCall }, () => ({ text: '', hints: {} }));
    const messages = classifyMessages({ taxonomy, corrections: [] }, texts);
    const prompt = countTokens(JSON.stringify(messages));
    const shape = countTokens(
      JSON.stringify(
        answerSchema(
          taxonomy,
          texts.map((_, i) => documentKey(i)),
        ),
      ),
    );
    // The marker around the texts is another one in every process, and with it the count.
    expect(Math.abs(asking.promptTokens.low / prompt - 1)).toBeLessThan(0.2);
    expect(Math.abs(asking.promptTokens.high / (prompt + shape) - 1)).toBeLessThan(0.2);
  });

  test('of SUMMARISE have the tokens that are estimated, to a fifth', () => {
    const { asking } = WORK_OF_TASK.SUMMARISE;
    if (asking === null) throw new Error('summarising asks');
    const messages = summariseMessages(Array.from({ length: asking.textsPerCall }, () => ({ title: null, text: '' })));
    const prompt = countTokens(JSON.stringify(messages));
    expect(Math.abs(asking.promptTokens.low / prompt - 1)).toBeLessThan(0.2);
    expect(asking.promptTokens.high).toBeGreaterThan(asking.promptTokens.low);
  });

  test('the low end of an estimate is never above its high end', () => {
    const { asking } = WORK_OF_TASK.CLASSIFY;
    if (asking === null) throw new Error('classifying asks');
    const range = fc.tuple(fc.nat(100_000), fc.nat(100_000)).map(([low, more]) => ({ low, high: low + more }));
    fc.assert(
      fc.property(range, range, fc.option(range), (texts, tokens, history) => {
        const { input, output } = askingTokens({ texts, tokens }, asking, history);
        expect(input.low).toBeLessThanOrEqual(input.high);
        expect(output.low).toBeLessThanOrEqual(output.high);
        expect([input.low, input.high, output.low, output.high].every(Number.isSafeInteger)).toBe(true);
      }),
    );
  });
});
