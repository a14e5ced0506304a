import type { GenerateResult, PluginHost, ProviderPlugin } from '../../../src/plugins/contract.ts';

/** A plugin that behaves as the model's name says, for the tests of what its thread may do to the server. */
const plugin: ProviderPlugin<{ apiKey?: string }> = {
  manifest: {
    id: 'unruly',
    label: 'Unruly',
    version: '1.2.3',
    specVersion: 1,
    capabilities: ['EMBED', 'GENERATE', 'STREAM', 'TRANSCRIBE', 'SPEAK'],
    configSchema: {
      type: 'object',
      properties: { apiKey: { type: 'string', secret: true }, dimensions: { type: 'integer' } },
    },
    docsUrl: 'https://example.com/docs',
  },
  create: ({ apiKey }, host) => ({
    embed: async ({ texts, model }) => ({
      vectors: texts.map((_, place) => VECTORS[place % VECTORS.length] as Float32Array),
      tokenCounts: texts.map((text) => text.length),
      model,
    }),
    generate: async ({ model }, call) => {
      const text = await BEHAVIOURS[model]?.({ host, apiKey: apiKey ?? '', signal: call.signal });
      return answer(model, text ?? '');
    },
    async *stream({ model }, call) {
      produced = 0;
      if (model === 'wait') await untilAborted(host, call.signal);
      for (; produced < 100; produced++) yield { kind: 'text', text: `${produced} ` };
      if (model === 'breaks') throw failure({ kind: 'overloaded', message: 'full', status: 529 });
      if (model === 'ends-early') return;
      if (model === 'wrong-part') yield { kind: 'text', text: 7 as unknown as string };
      const { text: _text, toolCalls: _calls, ...end } = answer(model, '');
      yield { kind: 'finish', ...end };
    },
    transcribe: async ({ audio }) => ({ text: Buffer.from(audio).toString('utf8'), durationSeconds: 1 }),
    speak: async ({ text }) => ({ audio: Buffer.from(text), mimeType: 'audio/wav' }),
    listModels: async () => [{ name: 'answers', capabilities: ['GENERATE'] }],
    check: async () => {
      if (apiKey === undefined) throw failure({ kind: 'authentication', message: 'there is no key' });
    },
    close: async () => host.logger.info({}, 'closed'),
  }),
};
export default plugin;

interface Situation {
  host: PluginHost;
  apiKey: string;
  signal: AbortSignal;
}

/** Kept, and handed out again and again. */
const VECTORS = [Float32Array.of(1, 0, 0), Float32Array.of(0, 1, 0)];
let produced = 0;

const BEHAVIOURS: Record<string, (situation: Situation) => unknown> = {
  answers: () => 'here',
  environment: () => JSON.stringify(process.env),
  produced: () => String(produced),
  'plain-error': () => {
    throw new TypeError('boom');
  },
  'rate-limited': () => {
    throw failure({ kind: 'rate_limited', message: 'slow down', status: 429, retryAfterMs: 1_500 });
  },
  'echoes-key': ({ apiKey }) => {
    throw failure({ kind: 'authentication', message: `the key ${apiKey} is not good`, status: 401 });
  },
  'logs-key': ({ host, apiKey }) => {
    host.logger.warn({ nested: { header: `Bearer ${apiKey}` } }, `trying ${apiKey}`);
    console.log(`printed ${apiKey}`);
    console.error(`printed as an error ${apiKey}`);
  },
  exit: () => process.exit(3),
  crash: () => {
    setImmediate(() => {
      throw new Error('thrown where nobody catches');
    });
    return new Promise(() => undefined);
  },
  forgotten: async () => {
    void Promise.reject(new Error('nobody waits for this'));
    await new Promise(setImmediate);
    return 'still here';
  },
  loop: ({ host }) => {
    host.logger.info({}, 'waiting');
    for (;;);
  },
  memory: () => {
    const kept: object[] = [];
    for (;;) kept.push(new Array(1_000_000).fill(0));
  },
  wait: ({ host, signal }) => untilAborted(host, signal),
  unclonable: () => () => undefined,
  network: async ({ host, apiKey }) => (await host.fetch(apiKey)).text(),
};

function untilAborted(host: PluginHost, signal: AbortSignal): Promise<never> {
  host.logger.info({}, 'waiting');
  return new Promise((_, reject) => {
    signal.addEventListener('abort', () => {
      host.logger.info({}, 'aborted');
      reject(signal.reason);
    });
  });
}

function failure(fields: object): Error {
  return Object.assign(new Error(), { name: 'ProviderError' }, fields);
}

function answer(model: string, text: unknown): GenerateResult {
  const usage = { inputTokens: 1, outputTokens: 1 };
  return { text: text as string, toolCalls: [], finishReason: 'stop', usage, model };
}
