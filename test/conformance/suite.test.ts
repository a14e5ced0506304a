import { describe, expect, test } from 'vitest';
import { checkPlugin } from '../../src/plugins/conformance/plugin-check.ts';
import type { ConformanceSubject } from '../../src/plugins/conformance/subject.ts';
import { conformanceRules } from '../../src/plugins/conformance.ts';
import type {
  CallContext,
  PluginHost,
  PluginManifest,
  Provider,
  ProviderPlugin,
  StreamPart,
} from '../../src/plugins/contract.ts';
import { ProviderError } from '../../src/plugins/errors.ts';
import plugin from '../../src/providers/openai/plugin.ts';
import { OPENAI_WIRE } from '../providers/openai/wire.ts';

const SECRET = 'sk-suite-secret';
const sound = plugin as unknown as ProviderPlugin;

/** The same plugin, whose providers do one thing wrong. */
function faulty(fault: (provider: Required<Provider>) => Partial<Provider>): ProviderPlugin {
  return {
    manifest: sound.manifest,
    create(config, host) {
      const provider = sound.create(config, host) as Required<Provider>;
      const faults: object = fault(provider);
      return new Proxy(provider, {
        get: (target, name) => {
          if (name in faults) return Reflect.get(faults, name);
          const member: unknown = Reflect.get(target, name, target);
          return typeof member === 'function' ? member.bind(target) : member;
        },
      });
    },
  };
}

function rulesOf(subject: ProviderPlugin): ReturnType<typeof conformanceRules> {
  return conformanceRules(subjectOf(subject));
}

function subjectOf(plugin: ProviderPlugin): ConformanceSubject {
  return {
    plugin,
    config: (upstreamUrl) => ({ apiKey: SECRET, baseUrl: upstreamUrl }),
    secrets: [SECRET],
    models: {
      chat: 'gpt-4.1-mini',
      embed: 'text-embedding-3-small',
      moderate: 'omni-moderation-latest',
      transcribe: 'whisper-1',
      speak: 'tts-1',
    },
    wire: OPENAI_WIRE,
  };
}

async function* without(stream: AsyncIterable<StreamPart>, kind: StreamPart['kind']): AsyncIterable<StreamPart> {
  for await (const part of stream) if (part.kind !== kind) yield part;
}

async function* quiet(stream: AsyncIterable<StreamPart>): AsyncIterable<StreamPart> {
  const end = { finishReason: 'stop', usage: { inputTokens: 0, outputTokens: 0 }, model: '' } as const;
  try {
    yield* stream;
  } catch {
    yield { kind: 'finish', ...end };
  }
}

async function* whole(stream: AsyncIterable<StreamPart>): AsyncIterable<StreamPart> {
  const parts: StreamPart[] = [];
  for await (const part of stream) parts.push(part);
  yield* parts;
}

async function rethrown<Result>(work: Promise<Result>, change: (error: ProviderError) => Error): Promise<Result> {
  return work.catch((error: ProviderError) => {
    throw change(error);
  });
}

const LEAKING = (error: ProviderError) => new ProviderError(error.kind, `${error.message} (Bearer ${SECRET})`);
const ALWAYS_SERVER = (error: ProviderError) => new ProviderError('server', error.message);

const FAULTS: [fault: string, rule: string, make: (provider: Required<Provider>) => Partial<Provider>][] = [
  [
    'ends a cut stream quietly',
    'a stream whose connection breaks is an error',
    (provider) => ({
      stream: (...given) => quiet(provider.stream(...given)),
    }),
  ],
  [
    'reads a stream as a whole',
    'a stream hands on each piece when it comes, not at the end',
    (provider) => ({
      stream: (...given) => whole(provider.stream(...given)),
    }),
  ],
  [
    'forgets to finish',
    "a streamed answer has the vendor's text, finish reason and model",
    (provider) => ({
      stream: (...given) => without(provider.stream(...given), 'finish'),
    }),
  ],
  [
    'loses tool calls',
    'a streamed answer may call tools, whose definitions go out',
    (provider) => ({
      stream: (...given) => without(provider.stream(...given), 'toolCall'),
    }),
  ],
  [
    'drops a field',
    'a whole answer is asked for with the temperature, or the wish is refused',
    (provider) => ({
      generate: (request, call) => provider.generate({ ...request, temperature: undefined }, call),
    }),
  ],
  [
    'retries',
    'a whole answer that is answered with 500 fails as server, after one request',
    (provider) => ({
      generate: (...given) => provider.generate(...given).catch(() => provider.generate(...given)),
    }),
  ],
  [
    'calls every error the same',
    'a whole answer that is answered with 401 fails as authentication, after one request',
    (provider) => ({
      generate: (...given) => rethrown(provider.generate(...given), ALWAYS_SERVER),
    }),
  ],
  [
    'tells its credential',
    'a whole answer that is answered with 403 fails as permission, after one request',
    (provider) => ({
      generate: (...given) => rethrown(provider.generate(...given), LEAKING),
    }),
  ],
  [
    'does not hear its caller leave',
    'a whole answer for a caller that has left already sends no request',
    (provider) => ({
      generate: (request, call) => provider.generate(request, { ...call, signal: new AbortController().signal }),
    }),
  ],
  [
    'mixes up vectors',
    'vectors come in the order of the texts, with length 1, and with their model',
    (provider) => ({
      embed: async (...given) => {
        const result = await provider.embed(...given);
        return { ...result, vectors: result.vectors.toReversed() };
      },
    }),
  ],
  [
    'passes every check',
    'check fails as authentication with wrong credentials',
    () => ({ check: async () => undefined }),
  ],
  ['lacks a method', 'a provider has the methods of its capabilities, and no others', () => ({ embed: undefined })],
  [
    'has a method too many',
    'a provider has the methods of its capabilities, and no others',
    (provider) => ({
      rerank: async () => ({ scores: [], model: '', usage: { inputTokens: 0, outputTokens: 0 } }),
      close: () => provider.close(),
    }),
  ],
];

describe('the conformance suite', () => {
  test.each(FAULTS)('notices a provider that %s: %s', async (_fault, title, make) => {
    const ruleOf = (subject: ProviderPlugin) => {
      const rule = rulesOf(subject).find((each) => each.title === title);
      if (rule === undefined) throw new Error(`there is no rule ${title}`);
      return rule;
    };
    await ruleOf(sound).run();
    await expect(ruleOf(faulty(make)).run()).rejects.toThrow();
  });

  test('knows a failure by its name and kind, whatever class it is of', async () => {
    const named = ({ kind, message, status, retryAfterMs }: ProviderError) =>
      Object.assign(new Error(message), { name: 'ProviderError', kind, status, retryAfterMs });
    const byName = faulty((provider) => ({ generate: (...given) => rethrown(provider.generate(...given), named) }));
    const title = 'a whole answer that is told to wait says for how long, by seconds and by date';
    await rulesOf(byName)
      .find((rule) => rule.title === title)
      ?.run();
    const unnamed = faulty((provider) => ({
      generate: (...given) =>
        rethrown(provider.generate(...given), (error) => Object.assign(named(error), { name: 'Error' })),
    }));
    await expect(
      rulesOf(unnamed)
        .find((rule) => rule.title === title)
        ?.run(),
    ).rejects.toThrow('the name ProviderError');
  });

  test('closes a provider as the server does: `host.signal` is aborted first', async () => {
    const title = 'a whole answer ends when the provider is closed, and later ones send no request';
    /** Its close does nothing: what ends its calls is a signal. */
    const closedBy = (signalOf: (host: PluginHost) => AbortSignal): ProviderPlugin => ({
      manifest: sound.manifest,
      create(config, host) {
        const provider = sound.create(config, { ...host, signal: new AbortController().signal }) as Required<Provider>;
        const until = (call: CallContext) => ({ ...call, signal: AbortSignal.any([call.signal, signalOf(host)]) });
        return {
          generate: (request, call) => provider.generate(request, until(call)),
          listModels: (call) => provider.listModels(call),
          check: (call) => provider.check(call),
          close: async () => undefined,
        };
      },
    });
    const run = (subject: ProviderPlugin) =>
      rulesOf(subject)
        .find((rule) => rule.title === title)
        ?.run();
    await run(closedBy((host) => host.signal));
    await expect(run(closedBy(() => new AbortController().signal))).rejects.toThrow(
      'the call was still running 3 s after close()',
    );
  });

  test('leaves out what the vendor does not have, and says why', async () => {
    const subject = subjectOf(sound);
    const wire = {
      ...OPENAI_WIRE,
      failure: () => undefined,
      chat: { ...OPENAI_WIRE.chat, countsTokens: false, endsByLength: false, isPlainText: true, streamFailures: [] },
    } as ConformanceSubject['wire'];
    const skipped = new Map<string, string>();
    for (const rule of conformanceRules({ ...subject, wire })) {
      if (
        !/429|tokens that the vendor|met its limit|whole answer that (is no JSON|says nothing)|reports a failure/.test(
          rule.title,
        )
      )
        continue;
      await rule.run({ skip: (why) => skipped.set(rule.title, String(why)) });
    }
    expect(Object.fromEntries(skipped)).toMatchObject({
      'a whole answer that is answered with 429 fails as rate_limited, after one request':
        expect.stringContaining('never fails by 429'),
      'a whole answer has the tokens that the vendor counted': 'the vendor tells no tokens',
      'a streamed answer that met its limit says so': expect.stringContaining('limit'),
      'a whole answer that is no JSON is malformed': expect.stringContaining('plain text'),
      'a stream that reports a failure is that failure': expect.stringContaining('streamFailures'),
    });
  });

  test('has what a vendor cannot do refused', async () => {
    const chat = { ...OPENAI_WIRE.chat, takesTemperature: false };
    const subject = { ...subjectOf(sound), wire: { ...OPENAI_WIRE, chat } } as ConformanceSubject;
    const rule = conformanceRules(subject).find(({ title }) =>
      title.startsWith('a whole answer is asked for with the temp'),
    );
    await expect(rule?.run()).rejects.toThrow('the call should have failed');
  });

  test('names what a subject lacks', () => {
    const given = { plugin: sound } as ConformanceSubject;
    expect(() => conformanceRules(given)).toThrow(
      /lacks config \(.*\), secrets .*wire\.embed\.vectors .*models\.chat /,
    );
    expect(() => conformanceRules({} as ConformanceSubject)).toThrow('needs `plugin`');
  });

  test('says so where the wire of the subject fails over a request', async () => {
    const chat = {
      ...OPENAI_WIRE.chat,
      asked: () => {
        throw new Error('no such field');
      },
    };
    const subject = { ...subjectOf(sound), wire: { ...OPENAI_WIRE, chat } } as ConformanceSubject;
    const rule = conformanceRules(subject).find(({ title }) =>
      title.startsWith("a whole answer has the vendor's text"),
    );
    await expect(rule?.run()).rejects.toThrow("the subject's wire failed over a request: no such field");
  });

  test('has each rule once', () => {
    const titles = rulesOf(sound).map(({ title }) => title);
    expect(new Set(titles).size).toBe(titles.length);
  });

  test('asks for no more than the manifest promises', () => {
    const capabilities: PluginManifest['capabilities'] = ['EMBED'];
    const titles = rulesOf({ ...sound, manifest: { ...sound.manifest, capabilities } }).map(({ title }) => title);
    expect(
      titles.filter((title) => /answer|stream|moderate|transcribe|speak/.test(title.replace(/answer(s|ed)\b/, ''))),
    ).toEqual([]);
  });
});

describe('the check at registration', () => {
  const withManifest = (different: object): ProviderPlugin => ({
    ...sound,
    manifest: { ...sound.manifest, ...different },
  });

  test.each([
    ['an id with capitals', { id: 'OpenAI' }, /manifest\.id/],
    ['no semantic version', { version: '1.0' }, /manifest\.version/],
    ['another contract', { specVersion: 2 }, /manifest\.specVersion/],
    ['an unknown capability', { capabilities: ['FLY'] }, /manifest\.capabilities/],
    ['a schema of no object', { configSchema: { type: 'string' } }, /manifest\.configSchema/],
    ['a schema that is none', { configSchema: { type: 'object', required: 'all' } }, /manifest\.configSchema/],
    ['a price that is a number', { models: [{ name: 'a', capabilities: ['EMBED'], inputUsdPerMillion: 1 }] }, /models/],
    ['a model twice', { models: [1, 2].map(() => ({ name: 'a', capabilities: ['EMBED'] })) }, /a is there twice/],
    ['a model that can do more', { models: [{ name: 'a', capabilities: ['RERANK'] }] }, /RERANK/],
    ['a capability too few', { capabilities: ['EMBED'], models: [] }, /method `generate`/],
  ])('refuses a plugin with %s', async (_name, different, problem) => {
    expect(await checkPlugin(withManifest(different))).toContainEqual(expect.stringMatching(problem));
  });

  test('refuses what is no plugin, and one whose provider cannot be made or closed', async () => {
    expect(await checkPlugin({} as ProviderPlugin)).not.toEqual([]);
    expect(await checkPlugin({ manifest: sound.manifest } as ProviderPlugin)).toEqual([
      expect.stringContaining('`create`'),
    ]);
    const broken = faulty(() => ({ close: () => Promise.reject(new Error('stuck')) }));
    expect(await checkPlugin(broken)).toEqual([expect.stringContaining('stuck')]);
  });

  test('finds nothing wrong with a sound plugin, and sends nothing', async () => {
    expect(await checkPlugin(sound)).toEqual([]);
  });
});
