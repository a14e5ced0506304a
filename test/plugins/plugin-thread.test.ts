import { describe, expect, test } from 'vitest';
import type { Provider, StreamPart } from '../../src/plugins/contract.ts';
import { waitFor } from '../support/wait-for.ts';
import { call, openPlugin, type TestPlugin } from './plugin-harness.ts';

const UNRULY = { kind: 'path', value: 'unruly.ts' } as const;
const KEY = 'sk-a-secret-of-the-test';

const open = (config: object = {}): Promise<TestPlugin> => openPlugin(UNRULY, config);

async function ask(provider: Provider, model: string, signal?: AbortSignal): Promise<string | undefined> {
  return (await provider.generate?.({ model, messages: [] }, call(signal)))?.text;
}

function stream(provider: Provider, model: string, signal?: AbortSignal): AsyncIterator<StreamPart> {
  const parts = provider.stream?.({ model, messages: [] }, call(signal)) as AsyncIterable<StreamPart>;
  return parts[Symbol.asyncIterator]();
}

async function readAll(parts: AsyncIterator<StreamPart>): Promise<StreamPart[]> {
  const read: StreamPart[] = [];
  for (let next = await parts.next(); !next.done; next = await parts.next()) read.push(next.value);
  return read;
}

/** Whether the plugin has logged it. */
const heard = (plugin: TestPlugin, message: string) => plugin.lines.some((line) => line.message === message);

describe('a provider in a thread of its own', () => {
  test('has the methods of the capabilities that its manifest names, and no others', async () => {
    const { provider } = await open();
    for (const method of ['embed', 'generate', 'stream', 'transcribe', 'speak'] as const) {
      expect(provider[method], method).toBeTypeOf('function');
    }
    expect(provider.rerank).toBeUndefined();
    expect(provider.moderate).toBeUndefined();
    expect(await provider.listModels(call())).toEqual([{ name: 'answers', capabilities: ['GENERATE'] }]);
  });

  test('gives vectors in their order, and keeps its own copies of them', async () => {
    const { provider } = await open();
    const embed = () => provider.embed?.({ model: 'any', texts: ['a', 'bb', 'ccc'], purpose: 'document' }, call());
    const expected = {
      vectors: [
        [1, 0, 0],
        [0, 1, 0],
        [1, 0, 0],
      ].map((v) => Float32Array.from(v)),
      model: 'any',
    };
    expect(await embed()).toEqual({ ...expected, tokenCounts: [1, 2, 3] });
    expect(await embed()).toEqual({ ...expected, tokenCounts: [1, 2, 3] });
  });

  test('takes and gives sound, and what it is sent can be sent again', async () => {
    const { provider } = await open();
    const audio = new TextEncoder().encode('hello');
    for (const _time of [1, 2]) {
      const written = await provider.transcribe?.({ model: 'any', audio, mimeType: 'audio/wav' }, call());
      expect(written?.text).toBe('hello');
    }
    const spoken = await provider.speak?.({ model: 'any', text: 'good day' }, call());
    expect(Buffer.from(spoken?.audio ?? []).toString()).toBe('good day');
  });

  test('sees nothing of the environment of the server', async () => {
    process.env.SIGNALBOX_TEST_MARK = 'visible';
    const { provider } = await open();
    expect(await ask(provider, 'environment')).toBe('{}');
  });

  test('may not connect to a private address where the server forbids it', async () => {
    const { provider } = await openPlugin(UNRULY, { apiKey: 'http://127.0.0.1:2/' }, false);
    await expect(ask(provider, 'network')).rejects.toMatchObject({
      ...{ kind: 'bad_request', message: expect.stringMatching(/is private/) },
    });
    const { provider: other } = await openPlugin(UNRULY, { apiKey: 'http://127.0.0.1:2/' }, true);
    await expect(ask(other, 'network')).rejects.toMatchObject({ kind: 'server', message: 'fetch failed' });
  });
});

describe('a failure in a plugin’s thread', () => {
  test('keeps its kind, status and Retry-After', async () => {
    const { provider } = await open();
    await expect(ask(provider, 'rate-limited')).rejects.toMatchObject({
      ...{ name: 'ProviderError', kind: 'rate_limited', message: 'slow down', status: 429, retryAfterMs: 1_500 },
    });
    await expect(provider.check(call())).rejects.toMatchObject({ kind: 'authentication', status: undefined });
  });

  test('that is no ProviderError has the kind server', async () => {
    const { provider } = await open();
    await expect(ask(provider, 'plain-error')).rejects.toMatchObject({ kind: 'server', message: 'boom' });
  });

  test('of what the contract asks is malformed: an answer of another shape, one that cannot cross', async () => {
    const { provider } = await open();
    await expect(ask(provider, 'unclonable')).rejects.toMatchObject({ kind: 'malformed' });
    await expect(readAll(stream(provider, 'ends-early'))).rejects.toMatchObject({ kind: 'malformed' });
    await expect(readAll(stream(provider, 'wrong-part'))).rejects.toMatchObject({ kind: 'malformed' });
  });

  test('never shows the credential that it names, nor does the log', async () => {
    const plugin = await open({ apiKey: KEY });
    await expect(ask(plugin.provider, 'echoes-key')).rejects.toMatchObject({
      message: 'the key [redacted] is not good',
    });
    await ask(plugin.provider, 'logs-key');
    const printed = await waitFor('three lines of the log', () => {
      const lines = JSON.stringify(plugin.lines);
      return ['Bearer [redacted]', 'printed [redacted]', 'printed as an error [redacted]'].every((each) =>
        lines.includes(each),
      )
        ? lines
        : null;
    });
    expect(printed).not.toContain(KEY);
  });
});

describe('a plugin that misbehaves', () => {
  test.each([
    ['ends its process', 'exit'],
    ['throws where nobody catches', 'crash'],
  ])('and %s fails its own calls as unavailable, and is there again', async (_what, model) => {
    const { provider } = await open();
    const beside = expect(ask(provider, 'wait')).rejects.toMatchObject({ kind: 'unavailable' });
    await expect(ask(provider, model)).rejects.toMatchObject({ kind: 'unavailable' });
    await beside;
    expect(await waitFor('the thread to be there again', () => ask(provider, 'answers'))).toBe('here');
  });

  test('and dies again and again is started once a second at the most', async () => {
    const { provider } = await open();
    await expect(ask(provider, 'exit')).rejects.toMatchObject({ kind: 'unavailable' });
    // On a slow machine a start may take longer than the pause; that doubles with each end.
    await waitFor('a start that comes too soon to be refused', () =>
      ask(provider, 'exit').catch(({ retryAfterMs }: { retryAfterMs?: number }) => retryAfterMs !== undefined),
    );
    expect(await waitFor('the thread to be started after its pause', () => ask(provider, 'answers'))).toBe('here');
  });

  test('and forgets a promise that fails goes on', async () => {
    const { provider } = await open();
    expect(await ask(provider, 'forgotten')).toBe('still here');
  });

  test('and loops for ever is ended when its caller has left, and is there again', async () => {
    const plugin = await open();
    const { provider } = plugin;
    const leaving = new AbortController();
    const looping = expect(ask(provider, 'loop', leaving.signal)).rejects.toThrow('left');
    await waitFor('the plugin to loop', () => heard(plugin, 'waiting'));
    const beside = expect(ask(provider, 'answers')).rejects.toMatchObject({ kind: 'unavailable' });
    leaving.abort(new Error('left'));
    await looping;
    await beside;
    expect(await waitFor('the thread to be there again', () => ask(provider, 'answers'))).toBe('here');
  });

  test('and eats all memory harms its own thread alone', async () => {
    const { provider } = await open();
    await expect(ask(provider, 'memory')).rejects.toMatchObject({
      ...{ kind: 'unavailable', message: expect.stringMatching(/memory/) },
    });
    expect(await waitFor('the thread to be there again', () => ask(provider, 'answers'))).toBe('here');
  });
});

describe('a stream from a plugin’s thread', () => {
  test('comes whole and in order', async () => {
    const { provider } = await open();
    const parts = await readAll(stream(provider, 'any'));
    const text = parts.map((part) => (part.kind === 'text' ? part.text : '')).join('');
    expect(text).toBe(Array.from({ length: 100 }, (_, place) => `${place} `).join(''));
    expect(parts.at(-1)).toMatchObject({ kind: 'finish', finishReason: 'stop' });
  });

  test('does not run ahead of a slow reader', async () => {
    const { provider } = await open();
    const parts = stream(provider, 'any');
    await parts.next();
    const counts: number[] = [];
    for (let round = 0; round < 20; round++) counts.push(Number(await ask(provider, 'produced')));
    expect(Math.max(...counts)).toBe(15);
    expect(await readAll(parts)).toHaveLength(100);
  });

  test('that breaks gives what came before, and then its own error', async () => {
    const { provider } = await open();
    const parts = stream(provider, 'breaks');
    for (let read = 0; read < 100; read++) expect((await parts.next()).value).toMatchObject({ kind: 'text' });
    await expect(parts.next()).rejects.toMatchObject({ kind: 'overloaded', status: 529 });
  });

  test('or a call that was aborted before it began never reaches the plugin', async () => {
    const plugin = await open();
    for (const start of [ask, (...args: Parameters<typeof ask>) => stream(...args).next()]) {
      const leaving = new AbortController();
      const failed = expect(start(plugin.provider, 'wait', leaving.signal)).rejects.toThrow('left');
      leaving.abort(new Error('left'));
      await failed;
    }
    expect(await ask(plugin.provider, 'answers')).toBe('here');
    expect(heard(plugin, 'waiting')).toBe(false);
  });

  test('and a call are aborted in the plugin when the caller leaves', async () => {
    for (const start of [ask, (...args: Parameters<typeof ask>) => stream(...args).next()]) {
      const plugin = await open();
      const leaving = new AbortController();
      const failed = expect(start(plugin.provider, 'wait', leaving.signal)).rejects.toThrow('left');
      await waitFor('the plugin to wait', () => heard(plugin, 'waiting'));
      leaving.abort(new Error('left'));
      await failed;
      await waitFor('the plugin to hear of the abort', () => heard(plugin, 'aborted'));
    }
  });

  test('that nobody reads on is ended in the plugin', async () => {
    const { provider } = await open();
    const parts = stream(provider, 'any');
    await parts.next();
    await parts.return?.();
    const counts = [await ask(provider, 'produced'), await ask(provider, 'produced')];
    expect(Number(counts[1])).toBeLessThan(100);
  });
});

describe('closing', () => {
  test('a provider aborts its calls and closes the plugin’s own, once', async () => {
    const plugin = await open();
    const waiting = expect(ask(plugin.provider, 'wait')).rejects.toMatchObject({ kind: 'unavailable' });
    await waitFor('the plugin to wait', () => heard(plugin, 'waiting'));
    await Promise.all([plugin.provider.close(), plugin.provider.close()]);
    await waiting;
    expect(plugin.lines.filter(({ message }) => message === 'closed')).toHaveLength(1);
    await expect(ask(plugin.provider, 'answers')).rejects.toMatchObject({ kind: 'unavailable' });
  });

  test('a plugin ends its thread: no worker of it is left in the process', async () => {
    const workers = () => process.getActiveResourcesInfo().filter((name) => name === 'MessagePort').length;
    const before = workers();
    const { loaded, provider } = await open();
    await ask(provider, 'answers');
    expect(workers()).toBeGreaterThan(before);
    await loaded.close();
    expect(workers()).toBeLessThanOrEqual(before);
    await expect(ask(provider, 'answers')).rejects.toMatchObject({ kind: 'unavailable' });
  });

  test('a plugin that is replaced lets its calls finish first', async () => {
    const plugin = await open();
    const leaving = new AbortController();
    const waiting = expect(ask(plugin.provider, 'wait', leaving.signal)).rejects.toThrow('left');
    await waitFor('the plugin to wait', () => heard(plugin, 'waiting'));
    const closing = plugin.loaded.close(60_000);
    expect(await ask(plugin.provider, 'answers')).toBe('here');
    leaving.abort(new Error('left'));
    await Promise.all([waiting, closing]);
    await expect(ask(plugin.provider, 'answers')).rejects.toMatchObject({ kind: 'unavailable' });
  });
});
