import { countTokens } from 'gpt-tokenizer/encoding/o200k_base';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { GenerationInput } from '../../../src/domain/gateway/generation.ts';
import { closeTokenCounting } from '../../../src/domain/usage/token-count.ts';
import type { ModelInfo, Provider, StreamPart, TokenUsage } from '../../../src/plugins/contract.ts';
import { ProviderError, type ProviderErrorKind } from '../../../src/plugins/errors.ts';
import { type TestDatabase, testDatabase } from '../../support/database.ts';
import { scriptedProvider } from '../../support/scripted-provider.ts';
import { callOf, collect, openGateway, question } from './gateway-fixtures.ts';

let testing: TestDatabase;
beforeAll(async () => {
  testing = await testDatabase();
});
afterAll(async () => {
  await closeTokenCounting();
  await testing?.close();
});

const ASKED = 'Why does the export break at ten thousand rows?';
const SOFAR = ['Because the ', 'buffer is ', 'too small'];
/** The text, four tokens of a message and three that every answer begins with. */
const INPUT_TOKENS = countTokens(ASKED) + 7;
const OUTPUT_TOKENS = countTokens(SOFAR.join(''));
const TIMEOUTS = { connectMs: 500, firstTokenMs: 100, idleMs: 100, totalMs: 2_000 };

function ask(fields: Partial<GenerationInput> = {}): GenerationInput {
  return question({ messages: [{ role: 'user', parts: [{ kind: 'text', text: ASKED }] }], cache: 'off', ...fields });
}

/** A gateway and the rows of its ledger. */
async function open(providers: readonly Provider[], options: Parameters<typeof openGateway>[2] = {}) {
  const opened = await openGateway(testing.database, providers, { retries: 0, timeouts: TIMEOUTS, ...options });
  const rows = async () => {
    await opened.recorder.flush();
    return testing.database.withWorkspace(
      opened.workspaceId,
      ({ sql }) => sql<{ outcome: string; inputTokens: number; outputTokens: number; costUsd: string | null }[]>`
        select outcome, input_tokens, output_tokens, trim_scale(cost_usd)::text as cost_usd
        from usage_attempts order by id`,
    );
  };
  return { ...opened, rows };
}

/** At 1 USD a million read and 2 USD a million written. */
function costOf(inputTokens: number, outputTokens: number): string {
  return ((inputTokens + 2 * outputTokens) / 1_000_000).toFixed(6).replace(/\.?0+$/, '');
}

const NOTHING = { inputTokens: 0, outputTokens: 0, costUsd: '0' };
const INPUT = { inputTokens: INPUT_TOKENS, outputTokens: 0, costUsd: costOf(INPUT_TOKENS, 0) };
const SO_FAR = {
  ...{ inputTokens: INPUT_TOKENS, outputTokens: OUTPUT_TOKENS },
  costUsd: costOf(INPUT_TOKENS, OUTPUT_TOKENS),
};

describe('a stream that does not come to its end', () => {
  test('because its reader has left costs what went in and what had come', async () => {
    const { gateway, call, rows } = await open([scriptedProvider({ pieces: SOFAR, ending: 'silence' })]);
    let seen = '';
    for await (const part of gateway.stream(call, ask())) {
      if (part.kind === 'text') seen += part.text;
      if (seen === SOFAR.join('')) break;
    }
    expect(await rows()).toEqual([{ outcome: 'CANCELLED', ...SO_FAR }]);
  });

  test('because the caller has gone costs the same, also in the sum of the request', async () => {
    const { gateway, workspaceId, rows } = await open([scriptedProvider({ pieces: SOFAR, ending: 'silence' })], {
      timeouts: { ...TIMEOUTS, idleMs: 60_000, totalMs: 60_000 },
    });
    const leaving = new AbortController();
    const call = callOf(workspaceId, leaving.signal);
    const reading = (async () => {
      let seen = '';
      for await (const part of gateway.stream(call, ask())) {
        if (part.kind === 'text') seen += part.text;
        if (seen === SOFAR.join('')) leaving.abort(new Error('gone'));
      }
    })();
    await expect(reading).rejects.toThrow('gone');
    expect(await rows()).toEqual([{ outcome: 'CANCELLED', ...SO_FAR }]);
    expect(call.tally?.total()).toMatchObject({ costUsd: SO_FAR.costUsd, tokens: INPUT_TOKENS + OUTPUT_TOKENS });
  });

  test.each(['network', 'server', 'rate_limited', 'malformed', 'unavailable', 'silence', 'cut'] as const)(
    'and is started again elsewhere after %s costs what had come, beside the answer that was whole',
    async (ending) => {
      const { gateway, call, rows } = await open([
        scriptedProvider({ pieces: SOFAR, ending }),
        scriptedProvider({ pieces: ['whole'] }),
      ]);
      const { answer } = await collect(gateway.stream(call, ask()));
      expect(await rows()).toEqual([
        { outcome: 'RESTARTED', ...SO_FAR },
        { outcome: 'SUCCEEDED', inputTokens: 10, outputTokens: 5, costUsd: '0.00002' },
      ]);
      expect(answer?.usage).toMatchObject({ inputTokens: INPUT_TOKENS + 10, outputTokens: OUTPUT_TOKENS + 5 });
    },
  );

  test('counts its tool calls and its thinking as what was written', async () => {
    const provider = scriptedProvider();
    const thinking: Provider = {
      ...provider,
      async *stream() {
        yield { kind: 'reasoning', text: 'They want a chart.' };
        yield { kind: 'toolCall', index: 0, id: 'call_1', name: 'draw', arguments: '{"kind":' };
        yield { kind: 'toolCall', index: 0, arguments: '"bars"}' };
        throw new ProviderError('network', 'broken');
      },
    };
    const { gateway, call, rows } = await open([thinking]);
    await expect(collect(gateway.stream(call, ask()))).rejects.toThrow();
    const written = ['They want a chart.', 'draw', '{"kind":"bars"}'];
    const outputTokens = written.reduce((sum, text) => sum + countTokens(text), 0);
    expect(await rows()).toMatchObject([{ inputTokens: INPUT_TOKENS, outputTokens }]);
  });

  const cached: TokenUsage = { inputTokens: 900, outputTokens: 0, cachedInputTokens: 800 };
  const told = (usage: TokenUsage): StreamPart => ({ kind: 'usage', usage });
  const text = (piece: string): StreamPart => ({ kind: 'text', text: piece });
  test.each<[string, StreamPart[], { inputTokens: number; outputTokens: number; costUsd: string }]>([
    [
      'what was read, and how much of it was cached, as its vendor told at the beginning',
      [told(cached), ...SOFAR.map(text)],
      // 100 at the price of input, 800 at a tenth of it.
      { inputTokens: 900, outputTokens: OUTPUT_TOKENS, costUsd: costOf(180, OUTPUT_TOKENS) },
    ],
    [
      'what its vendor told with each piece, and the pieces since',
      [
        text('Because '),
        told({ inputTokens: 50, outputTokens: 3 }),
        told({ inputTokens: 50, outputTokens: 7 }),
        text('too small'),
      ],
      {
        inputTokens: 50,
        outputTokens: 7 + countTokens('too small'),
        costUsd: costOf(50, 7 + countTokens('too small')),
      },
    ],
    [
      'what had come where its vendor tells the same count again and again',
      [
        told({ inputTokens: 50, outputTokens: 1 }),
        ...SOFAR.flatMap((piece) => [text(piece), told({ inputTokens: 50, outputTokens: 1 })]),
      ],
      { inputTokens: 50, outputTokens: 1 + OUTPUT_TOKENS, costUsd: costOf(50, 1 + OUTPUT_TOKENS) },
    ],
    [
      'what went in and had come where its vendor tells zeros',
      SOFAR.flatMap((piece) => [text(piece), told({ inputTokens: 0, outputTokens: 0 })]),
      SO_FAR,
    ],
    [
      'what was read, though nothing had come of the answer',
      [told(cached)],
      { inputTokens: 900, outputTokens: 0, costUsd: costOf(180, 0) },
    ],
  ])('costs %s', async (_rule, parts, used) => {
    const telling: Provider = {
      ...scriptedProvider(),
      async *stream() {
        yield* parts;
        throw new ProviderError('network', 'broken');
      },
      listModels: async () => [
        {
          ...{ name: 'm', capabilities: ['GENERATE', 'STREAM'], inputUsdPerMillion: '1', outputUsdPerMillion: '2' },
          cachedInputUsdPerMillion: '0.1',
        },
      ],
    };
    const { gateway, call, rows } = await open([telling]);
    const shown: string[] = [];
    const reading = (async () => {
      for await (const part of gateway.stream(call, ask())) shown.push(part.kind);
    })();
    await expect(reading).rejects.toThrow();
    expect(shown).not.toContain('usage');
    expect(await rows()).toMatchObject([{ outcome: expect.stringMatching(/FAILED|RESTARTED/), ...used }]);
  });

  test('of which nothing came, and whose time is over, costs what went in: the vendor had it', async () => {
    const { gateway, call, rows } = await open([scriptedProvider({ ending: 'silence' })]);
    await expect(collect(gateway.stream(call, ask()))).rejects.toThrow();
    expect(await rows()).toEqual([{ outcome: 'FAILED', ...INPUT }]);
  });
});

test('what a stopping server still counts is in the ledger when it has drained it', async () => {
  const silent = scriptedProvider({ ending: 'silence' });
  const { gateway, workspaceId, recorder, rows } = await open([silent], { timeouts: { ...TIMEOUTS, totalMs: 60_000 } });
  const leaving = new AbortController();
  const answers = Promise.allSettled(
    Array.from({ length: 20 }, () => gateway.generate(callOf(workspaceId, leaving.signal), ask())),
  );
  await expect.poll(() => silent.requests.length).toBe(20);
  leaving.abort(new Error('the server stops'));
  // In the order of a clean stop; nobody waits for the calls.
  await closeTokenCounting();
  await recorder.drain();
  expect(await rows()).toEqual(Array.from({ length: 20 }, () => ({ outcome: 'CANCELLED', ...INPUT })));
  await answers;
});

describe('an answer in one piece', () => {
  const REFUSALS: ProviderErrorKind[] = [
    ...(['authentication', 'permission', 'not_found', 'bad_request', 'context_length', 'content_filter'] as const),
    ...([
      'conflict',
      'too_large',
      'rate_limited',
      'overloaded',
      'server',
      'network',
      'timeout',
      'unavailable',
    ] as const),
  ];
  test.each(REFUSALS)('that the provider ends with %s costs nothing', async (ending) => {
    const { gateway, call, rows } = await open([scriptedProvider({ ending })]);
    await expect(gateway.generate(call, ask())).rejects.toThrow();
    expect(await rows()).toEqual([{ outcome: 'FAILED', ...NOTHING }]);
  });

  test('that cannot be read costs what went in', async () => {
    const { gateway, call, rows } = await open([scriptedProvider({ ending: 'malformed' })]);
    await expect(gateway.generate(call, ask())).rejects.toThrow();
    expect(await rows()).toEqual([{ outcome: 'FAILED', ...INPUT }]);
  });

  test('that does not come in time costs what went in', async () => {
    const timeouts = { ...TIMEOUTS, totalMs: 100 };
    const { gateway, call, rows } = await open([scriptedProvider({ ending: 'silence' })], { timeouts });
    await expect(gateway.generate(call, ask())).rejects.toThrow();
    expect(await rows()).toEqual([{ outcome: 'FAILED', ...INPUT }]);
  });

  test('that the caller does not wait for costs what went in', async () => {
    const silent = scriptedProvider({ ending: 'silence' });
    const { gateway, workspaceId, rows } = await open([silent], { timeouts: { ...TIMEOUTS, totalMs: 60_000 } });
    const leaving = new AbortController();
    const answer = gateway.generate(callOf(workspaceId, leaving.signal), ask());
    await expect.poll(() => silent.requests.length).toBe(1);
    leaving.abort(new Error('gone'));
    await expect(answer).rejects.toThrow('gone');
    expect(await rows()).toEqual([{ outcome: 'CANCELLED', ...INPUT }]);
  });

  test('of a caller who had left before it was asked for costs nothing', async () => {
    const { gateway, workspaceId, rows } = await open([scriptedProvider({ ending: 'silence' })]);
    const gone = AbortSignal.abort(new Error('gone'));
    await expect(gateway.generate(callOf(workspaceId, gone), ask())).rejects.toThrow('gone');
    expect((await rows()).every(({ costUsd }) => costUsd === '0')).toBe(true);
  });

  test('counts its tools and the shape that it is to have as what went in', async () => {
    const tools = [{ name: 'draw', parameters: { type: 'object', properties: { kind: { type: 'string' } } } }];
    const provider = scriptedProvider({ ending: 'malformed' });
    const withTools: Provider = {
      ...provider,
      listModels: async () => [{ name: 'm', capabilities: ['GENERATE', 'TOOLS'], inputUsdPerMillion: '1' }],
    };
    const { gateway, call, rows } = await open([withTools]);
    await expect(gateway.generate(call, ask({ tools }))).rejects.toThrow();
    expect(await rows()).toMatchObject([{ inputTokens: INPUT_TOKENS + countTokens(JSON.stringify(tools)) }]);
  });
});

describe('sound', () => {
  const speaker = (info: Partial<ModelInfo>, durationSeconds: number): Provider => ({
    transcribe: async () => ({ text: 'said', durationSeconds }),
    listModels: async () => [{ name: 'm', capabilities: ['TRANSCRIBE'], ...info }],
    check: async () => undefined,
    close: async () => undefined,
  });
  const audio = { model: 'first/m', audio: new Uint8Array(8), mimeType: 'audio/wav' };

  test.each([
    ['costs its seconds', { usdPerAudioSecond: '0.0001' }, 90.5, '0.00905'],
    ['of unknown length has no known cost', { usdPerAudioSecond: '0.0001' }, 0, null],
    ['without a price has no known cost', {}, 90.5, null],
    ['of a free model costs nothing', { inputUsdPerMillion: '0', outputUsdPerMillion: '0' }, 0, '0'],
  ])('%s', async (_rule, info, seconds, costUsd) => {
    const { gateway, call, rows } = await open([speaker(info, seconds)]);
    expect(await gateway.transcribe(call, audio)).toMatchObject({ costUsd });
    expect(await rows()).toEqual([{ outcome: 'SUCCEEDED', inputTokens: 0, outputTokens: 0, costUsd }]);
  });

  test('that was not written down in time has no known cost', async () => {
    const never: Provider = {
      ...speaker({ usdPerAudioSecond: '0.0001' }, 1),
      transcribe: () => new Promise(() => undefined),
    };
    const { gateway, call, rows } = await open([never], { timeouts: { ...TIMEOUTS, totalMs: 100 } });
    await expect(gateway.transcribe(call, audio)).rejects.toThrow();
    expect(await rows()).toMatchObject([{ outcome: 'FAILED', costUsd: null }]);
  });
});
