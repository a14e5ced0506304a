import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type TestDatabase, testDatabase } from '../../support/database.ts';
import { type Step, scriptedProvider } from '../../support/scripted-provider.ts';
import { callOf, collect, openGateway, question } from './gateway-fixtures.ts';

let testing: TestDatabase;
beforeAll(async () => {
  testing = await testDatabase();
});
afterAll(() => testing?.close());

const TIMEOUTS = { connectMs: 500, firstTokenMs: 150, idleMs: 150, totalMs: 5_000 };
const WHOLE = ['The ', 'whole ', 'answer.'];
const whole = () => scriptedProvider({ pieces: WHOLE });

const FAULTS: [string, Step][] = [
  ['breaks before its first part', { ending: 'network' }],
  ['is silent', { ending: 'silence' }],
  ['is slow to begin', { pieces: WHOLE, delayMs: 2_000 }],
  ['is cut without a word', { pieces: ['The ', 'wh'], ending: 'cut' }],
  ['breaks in the middle', { pieces: ['The '], ending: 'network' }],
  ['stalls in the middle', { pieces: ['The '], ending: 'silence' }],
  ['sends something malformed', { pieces: ['The '], ending: 'malformed' }],
  ['ends before it has begun', { ending: 'cut' }],
  ['is overloaded in the middle', { pieces: ['The '], ending: 'overloaded' }],
  ['is out of context', { ending: 'context_length' }],
];

describe('a streamed answer', () => {
  test('comes piece by piece and ends with the whole of it', async () => {
    const { gateway, call, outcomes } = await openGateway(testing.database, [whole()]);
    const { kinds, text, answer } = await collect(gateway.stream(call, question()));
    expect(kinds).toEqual(['started', 'text', 'text', 'text', 'completed']);
    expect(answer).toMatchObject({ text, model: 'first/m', usage: { inputTokens: 10, outputTokens: 5 } });
    expect(answer?.attempts).toMatchObject([{ outcome: 'SUCCEEDED', firstTokenMs: expect.any(Number) }]);
    expect(await outcomes()).toEqual(['first SUCCEEDED']);
  });

  test.each(FAULTS)('of a provider that %s is whole in the end, from another one', async (_fault, step) => {
    const { gateway, call, outcomes } = await openGateway(testing.database, [scriptedProvider(step), whole()], {
      timeouts: TIMEOUTS,
      retries: 0,
    });
    const { kinds, text, answer } = await collect(gateway.stream(call, question()));
    expect(text).toBe(WHOLE.join(''));
    expect(answer).toMatchObject({ text, model: 'second/m' });
    const hadBegun = (step.pieces?.length ?? 0) > 0 && (step.delayMs ?? 0) === 0;
    expect(kinds.filter((kind) => kind === 'restarted')).toHaveLength(hadBegun ? 1 : 0);
    expect((await outcomes())[0]).toMatch(hadBegun ? /^first RESTARTED/ : /^first FAILED/);
  });

  test.each(FAULTS)('of the only provider, which %s, is an error and never a short answer', async (_fault, step) => {
    const { gateway, call } = await openGateway(testing.database, [scriptedProvider(step)], {
      timeouts: TIMEOUTS,
      retries: 0,
    });
    await expect(collect(gateway.stream(call, question()))).rejects.toMatchObject({ code: 'PROVIDER_FAILED' });
  });

  test('begins again at the same provider where there is no other, and says so', async () => {
    const provider = scriptedProvider({ pieces: ['The '], ending: 'cut' }, { pieces: WHOLE });
    const { gateway, call, outcomes } = await openGateway(testing.database, [provider]);
    const { kinds, text } = await collect(gateway.stream(call, question()));
    expect(kinds).toEqual(['started', 'text', 'restarted', 'text', 'text', 'text', 'completed']);
    expect(text).toBe(WHOLE.join(''));
    expect(await outcomes()).toEqual(['first RESTARTED network', 'first SUCCEEDED']);
  });

  test('names the models of a restart, and why', async () => {
    const { gateway, call } = await openGateway(testing.database, [
      scriptedProvider({ pieces: ['The '], ending: 'malformed' }),
      whole(),
    ]);
    const parts = [];
    for await (const part of gateway.stream(call, question())) parts.push(part);
    expect(parts.find((part) => part.kind === 'restarted')).toEqual({
      kind: 'restarted',
      reason: 'failed: malformed',
      fromModel: 'first/m',
      toModel: 'second/m',
    });
  });

  test('that the reader gives up is cancelled at the provider, and counted', async () => {
    const endless = scriptedProvider({ pieces: ['one', 'two'], ending: 'silence' });
    const { gateway, call, outcomes } = await openGateway(testing.database, [endless, whole()]);
    for await (const part of gateway.stream(call, question())) if (part.kind === 'text') break;
    await expect.poll(() => endless.aborted).toBe(1);
    expect(await outcomes()).toEqual(['first CANCELLED']);
  });

  test('ends with the reason of the caller who leaves', async () => {
    const endless = scriptedProvider({ pieces: ['one'], ending: 'silence' });
    const { gateway, workspaceId, outcomes } = await openGateway(testing.database, [endless, whole()]);
    const leaving = new AbortController();
    const reading = collect(gateway.stream(callOf(workspaceId, leaving.signal), question()));
    await expect.poll(() => endless.requests.length).toBe(1);
    leaving.abort(new Error('the client has left'));
    await expect(reading).rejects.toThrow('the client has left');
    expect(await outcomes()).toEqual(['first CANCELLED cancelled']);
  });

  test('does not blame a provider for a reader that takes its time', async () => {
    const { gateway, call } = await openGateway(testing.database, [whole()], {
      timeouts: { ...TIMEOUTS, totalMs: 300 },
    });
    let text = '';
    for await (const part of gateway.stream(call, question())) {
      if (part.kind === 'text') text += part.text;
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    expect(text).toBe(WHOLE.join(''));
  });

  test('is given again from the cache, whole', async () => {
    const provider = whole();
    const { gateway, call } = await openGateway(testing.database, [provider]);
    const asked = question();
    await collect(gateway.stream(call, asked));
    const { text, answer } = await collect(gateway.stream(call, asked));
    expect([text, answer?.cached, provider.requests.length]).toEqual([WHOLE.join(''), true, 1]);
  });
});
