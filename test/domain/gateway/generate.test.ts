import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ProviderFailedError } from '../../../src/domain/gateway/errors.ts';
import type { Provider } from '../../../src/plugins/contract.ts';
import { retryAfterOf } from '../../../src/server/retry-after.ts';
import { type TestDatabase, testDatabase } from '../../support/database.ts';
import { scriptedProvider } from '../../support/scripted-provider.ts';
import { callOf, collect, openGateway, question } from './gateway-fixtures.ts';

let testing: TestDatabase;
beforeAll(async () => {
  testing = await testDatabase();
});
afterAll(() => testing?.close());

const answers = (text: string) => scriptedProvider({ pieces: [text] });

describe('an answer', () => {
  test('comes from the model that was asked for, with its tokens and what they cost', async () => {
    const { gateway, call, outcomes } = await openGateway(testing.database, [answers('hello')]);
    const answer = await gateway.generate(call, question());
    expect(answer).toMatchObject({ text: 'hello', model: 'first/m', finishReason: 'stop', cached: false });
    // 10 tokens at 1 USD and 5 at 2 USD a million.
    expect(answer).toMatchObject({ usage: { inputTokens: 10, outputTokens: 5 }, costUsd: '0.00002' });
    expect(await outcomes()).toEqual(['first SUCCEEDED']);
  });

  test('whose tokens the provider does not tell is counted, and costs what they cost', async () => {
    const untold = scriptedProvider({ pieces: ['hello', ' world'], tellsNoUsage: true });
    const { gateway, call } = await openGateway(testing.database, [untold]);
    const messages = [{ role: 'user' as const, parts: [{ kind: 'text' as const, text: 'hello world' }] }];
    // Two tokens, and seven of the chat format around them, at 1 USD a million; two of the answer at 2 USD.
    expect(await gateway.generate(call, question({ messages }))).toMatchObject({
      usage: { inputTokens: 9, outputTokens: 2 },
      costUsd: '0.000013',
    });
  });

  test.each([
    ['nothing of what was written', { inputTokens: 100, outputTokens: 0 }, [100, 2]],
    ['nothing of what was read', { inputTokens: 0, outputTokens: 50 }, [9, 50]],
  ])('of which the provider tells %s is counted there, whole and streamed', async (_what, told, [read, written]) => {
    const provider = answers('hello world');
    const partly: Provider = {
      ...provider,
      generate: async () => ({ text: 'hello world', toolCalls: [], finishReason: 'stop', usage: told, model: 'm' }),
      async *stream() {
        yield { kind: 'text', text: 'hello world' };
        yield { kind: 'finish', finishReason: 'stop', usage: told, model: 'm' };
      },
    };
    const { gateway, call } = await openGateway(testing.database, [partly]);
    const messages = [{ role: 'user' as const, parts: [{ kind: 'text' as const, text: 'hello world' }] }];
    const usage = { inputTokens: read, outputTokens: written };
    expect(await gateway.generate(call, question({ messages, cache: 'off' }))).toMatchObject({ usage });
    const { answer } = await collect(gateway.stream(call, question({ messages, cache: 'off' })));
    expect(answer).toMatchObject({ usage });
  });

  test('that is empty, as the provider says, is not counted anew', async () => {
    const told = { inputTokens: 100, outputTokens: 0 };
    const silent: Provider = {
      ...answers(''),
      generate: async () => ({ text: '', toolCalls: [], finishReason: 'stop', usage: told, model: 'm' }),
    };
    const { gateway, call } = await openGateway(testing.database, [silent]);
    expect(await gateway.generate(call, question())).toMatchObject({ usage: told });
  });

  test('of a model without a known price has no known cost, rather than none', async () => {
    const unpriced = {
      ...answers('hello'),
      listModels: async () => [{ name: 'm', capabilities: ['GENERATE' as const] }],
    };
    const { gateway, call } = await openGateway(testing.database, [unpriced]);
    expect(await gateway.generate(call, question())).toMatchObject({ text: 'hello', costUsd: null });
  });

  test.each(['rate_limited', 'overloaded', 'server', 'network', 'unavailable', 'conflict', 'malformed'] as const)(
    'is asked for again after %s',
    async (kind) => {
      const { gateway, call, outcomes } = await openGateway(testing.database, [
        scriptedProvider({ ending: kind }, { pieces: ['at last'] }),
      ]);
      expect((await gateway.generate(call, question())).text).toBe('at last');
      expect(await outcomes()).toEqual([`first RETRIED ${kind}`, 'first SUCCEEDED']);
    },
  );

  test.each(['bad_request', 'context_length', 'authentication', 'permission', 'not_found', 'too_large'] as const)(
    'is never asked for again with the same request after %s, but of another provider',
    async (kind) => {
      const { gateway, call, outcomes } = await openGateway(testing.database, [
        scriptedProvider({ ending: kind }),
        answers('from the other'),
      ]);
      expect(await gateway.generate(call, question())).toMatchObject({ text: 'from the other', model: 'second/m' });
      expect(await outcomes()).toEqual([`first FAILED ${kind}`, 'second SUCCEEDED']);
    },
  );

  test('that a content filter holds back is not asked for elsewhere: the verdict is the answer', async () => {
    const other = answers('never');
    const { gateway, call } = await openGateway(testing.database, [
      scriptedProvider({ ending: 'content_filter' }),
      other,
    ]);
    await expect(gateway.generate(call, question())).rejects.toMatchObject({ kind: 'content_filter' });
    expect(other.requests).toEqual([]);
  });

  test('that nobody gives fails with every try that was made', async () => {
    const { gateway, call, outcomes } = await openGateway(
      testing.database,
      [scriptedProvider({ ending: 'server' }), scriptedProvider({ ending: 'authentication' })],
      { retries: 1 },
    );
    const error = await gateway.generate(call, question()).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(ProviderFailedError);
    expect(error).toMatchObject({
      code: 'PROVIDER_FAILED',
      kind: 'authentication',
      retryable: false,
      attempts: [
        { seq: 1, provider: 'first', outcome: 'RETRIED', errorCode: 'server' },
        { seq: 2, provider: 'first', outcome: 'FAILED', errorCode: 'server' },
        { seq: 3, provider: 'second', outcome: 'FAILED', errorCode: 'authentication' },
      ],
    });
    expect(await outcomes()).toHaveLength(3);
  });

  test('that does not come in time is taken from another provider', async () => {
    const silent = scriptedProvider({ ending: 'silence' });
    const { gateway, call, outcomes } = await openGateway(testing.database, [silent, answers('in time')], {
      timeouts: { connectMs: 100, firstTokenMs: 100, idleMs: 100, totalMs: 100 },
    });
    expect((await gateway.generate(call, question())).text).toBe('in time');
    expect(await outcomes()).toEqual(['first FAILED timeout', 'second SUCCEEDED']);
    expect(silent.aborted).toBe(1);
  });

  test('of a provider that asks for a long pause is taken from another one, which then goes first', async () => {
    const busy = scriptedProvider({ ending: 'rate_limited', retryAfterMs: 20_000 });
    const { gateway, call } = await openGateway(testing.database, [busy, answers('meanwhile')]);
    expect((await gateway.generate(call, question())).model).toBe('second/m');
    expect((await gateway.generate(call, question())).model).toBe('second/m');
    expect(busy.requests).toHaveLength(1);
  });

  test('is not waited for where the only provider asks for a pause of minutes: the caller is told how long', async () => {
    const { gateway, call } = await openGateway(testing.database, [
      scriptedProvider({ ending: 'rate_limited', retryAfterMs: 120_000 }),
    ]);
    await expect(gateway.generate(call, question())).rejects.toMatchObject({ retryAfterMs: 120_000 });
  });

  test('ends with the reason of the caller who leaves; the provider is told and the try is counted', async () => {
    const silent = scriptedProvider({ ending: 'silence' });
    const { gateway, workspaceId, outcomes, llmCalls } = await openGateway(testing.database, [
      silent,
      answers('unwanted'),
    ]);
    const leaving = new AbortController();
    const answer = gateway.generate(callOf(workspaceId, leaving.signal), question());
    await expect.poll(() => silent.requests.length).toBe(1);
    leaving.abort(new Error('the client has left'));
    await expect(answer).rejects.toThrow('the client has left');
    expect(silent.aborted).toBe(1);
    expect(await outcomes()).toEqual(['first CANCELLED cancelled']);
    expect(await llmCalls()).toBe(1);
  });

  test('needs a model that is there: otherwise nothing is spent, and the error says what there is', async () => {
    const { gateway, call, outcomes } = await openGateway(testing.database, [answers('hello')]);
    const error = gateway.generate(call, question({ model: 'first/gpt-9' }));
    await expect(error).rejects.toMatchObject({ code: 'NO_PROVIDER', message: expect.stringContaining('first/m') });
    expect(await outcomes()).toEqual([]);
  });

  test('with tools needs a model that has them', async () => {
    const { gateway, call } = await openGateway(testing.database, [answers('hello')]);
    const tools = [{ name: 'look', parameters: { type: 'object' } }];
    await expect(gateway.generate(call, question({ tools }))).rejects.toMatchObject({ code: 'NO_PROVIDER' });
  });
});

describe('what a workspace has chosen for the work', () => {
  const chosen = { primary: 'first/m', fallbacks: [], parameters: { temperature: 0.2, maxOutputTokens: 100 } };

  test('is asked with, where the call names no model', async () => {
    const provider = answers('hello');
    const { gateway, call } = await openGateway(testing.database, [provider], {}, { chat: chosen });
    await gateway.generate(call, question({ model: undefined, temperature: undefined, maxOutputTokens: undefined }));
    expect(provider.requests[0]).toMatchObject({ temperature: 0.2, maxOutputTokens: 100 });
  });

  test('gives way to what the call asks', async () => {
    const provider = answers('hello');
    const { gateway, call } = await openGateway(testing.database, [provider], {}, { chat: chosen });
    await gateway.generate(call, question({ model: undefined, temperature: 0.9 }));
    expect(provider.requests[0]).toMatchObject({ temperature: 0.9, maxOutputTokens: 100 });
  });
});

describe('a provider that keeps failing', () => {
  test('and that nobody stands in for tells for how long it is left alone, and when to come again', async () => {
    const ill = scriptedProvider(...Array.from({ length: 5 }, () => ({ ending: 'server' as const })));
    const { gateway, call } = await openGateway(testing.database, [ill], { retries: 0 });
    for (let i = 0; i < 5; i++)
      await expect(gateway.generate(call, question())).rejects.toMatchObject({ kind: 'server' });
    const error = await gateway.generate(call, question()).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({
      ...{ code: 'PROVIDER_FAILED', kind: 'unavailable', retryable: true },
      message: expect.stringMatching(/^left alone for another [1-6] s after repeated failures; the last one: ./),
      details: { attempts: [{ errorCode: 'unavailable' }], retryAfterMs: expect.any(Number) },
    });
    expect(retryAfterOf(error)).toMatch(/^[1-6]$/);
    const parts = gateway.stream(call, question())[Symbol.asyncIterator]();
    await expect(parts.next()).rejects.toMatchObject({ kind: 'unavailable', retryAfterMs: expect.any(Number) });
    expect(ill.requests).toHaveLength(5);
  });

  test('is left alone after five failures in a row, until one call finds it well again', async () => {
    const ill = scriptedProvider(...Array.from({ length: 5 }, () => ({ ending: 'server' as const })), {
      pieces: ['well again'],
    });
    const { gateway, call, integrations, outcomes } = await openGateway(testing.database, [ill, answers('stand-in')], {
      retries: 0,
    });
    for (let i = 0; i < 7; i++) expect((await gateway.generate(call, question())).text).toBe('stand-in');
    expect(ill.requests).toHaveLength(5);
    expect(integrations[0]?.health.report()).toMatchObject({ circuit: 'OPEN', successRate: 0 });
    expect((await outcomes()).filter((row) => row.startsWith('first'))).toHaveLength(5);
  });
});

describe('the cache of answers', () => {
  test('gives the same question the same answer, at no cost, and counts it', async () => {
    const provider = answers('once');
    const { gateway, call, outcomes } = await openGateway(testing.database, [provider]);
    const asked = question();
    await gateway.generate(call, asked);
    expect(await gateway.generate(call, asked)).toMatchObject({ text: 'once', cached: true, costUsd: '0' });
    expect(provider.requests).toHaveLength(1);
    expect(await outcomes()).toEqual(['first SUCCEEDED', 'first CACHED']);
  });

  test('knows nothing of other workspaces', async () => {
    const provider = answers('mine');
    const mine = await openGateway(testing.database, [provider]);
    const theirs = await openGateway(testing.database, [provider]);
    const asked = question();
    await mine.gateway.generate(mine.call, asked);
    expect(await mine.gateway.generate(theirs.call, asked)).toMatchObject({ cached: false });
  });

  test.each([
    ['temperature', { temperature: 0.7 }],
    ['seed', { seed: 7 }],
    ['limit', { maxOutputTokens: 9 }],
    ['vendor option', { vendorOptions: { user: 'x' } }],
  ])('does not take a question with another %s for the same', async (_field, change) => {
    const { gateway, call } = await openGateway(testing.database, [answers('one')]);
    const asked = question();
    await gateway.generate(call, asked);
    expect(await gateway.generate(call, { ...asked, ...change })).toMatchObject({ cached: false });
  });

  test('keeps no answer of a fallback, and none where it is switched off', async () => {
    const { gateway, call } = await openGateway(testing.database, [
      scriptedProvider({ ending: 'bad_request' }),
      answers('stand-in'),
    ]);
    const asked = question();
    await gateway.generate(call, asked);
    expect(await gateway.generate(call, asked)).toMatchObject({ text: 'stand-in', cached: false });
    const off = question({ cache: 'off', model: 'second/m' });
    await gateway.generate(call, off);
    expect(await gateway.generate(call, off)).toMatchObject({ cached: false });
  });

  test('lets a hundred who ask the same at once share one call', async () => {
    const provider = scriptedProvider({ pieces: ['shared'], delayMs: 50 });
    const { gateway, call, outcomes } = await openGateway(testing.database, [provider]);
    const asked = question();
    const given = await Promise.all(Array.from({ length: 100 }, () => gateway.generate(call, asked)));
    expect(new Set(given.map(({ text }) => text))).toEqual(new Set(['shared']));
    expect(provider.requests).toHaveLength(1);
    const rows = await outcomes();
    expect(rows.filter((row) => row === 'first CACHED')).toHaveLength(99);
  });

  test('shares no failure with one who has another provider to go to', async () => {
    const { gateway, call } = await openGateway(
      testing.database,
      [scriptedProvider({ ending: 'bad_request', delayMs: 50 }), answers('from the other')],
      { fallbackId: null },
    );
    const asked = question();
    const alone = gateway.generate(call, asked);
    const helped = gateway.generate(call, { ...asked, fallbacks: ['second/m'] });
    await expect(alone).rejects.toMatchObject({ kind: 'bad_request' });
    expect(await helped).toMatchObject({ text: 'from the other', model: 'second/m' });
  });

  test('does not let one who leaves take the answer from the others', async () => {
    const provider = scriptedProvider({ pieces: ['for the one who stayed'], delayMs: 100 });
    const { gateway, call, workspaceId } = await openGateway(testing.database, [provider]);
    const leaving = new AbortController();
    const asked = question();
    const left = gateway.generate(callOf(workspaceId, leaving.signal), asked);
    await expect.poll(() => provider.requests.length).toBe(1);
    const stayed = gateway.generate(call, asked);
    leaving.abort(new Error('left'));
    await expect(left).rejects.toThrow('left');
    expect((await stayed).text).toBe('for the one who stayed');
  });
});
