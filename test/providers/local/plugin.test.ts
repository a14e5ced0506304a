import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ReadableStream } from 'node:stream/web';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import type { CallContext, PluginHost, Provider } from '../../../src/plugins/contract.ts';
import type { LocalConfig } from '../../../src/providers/local/models.ts';
import plugin from '../../../src/providers/local/plugin.ts';
import { testHost } from '../../support/plugin-host.ts';
import { TINY_DIMENSIONS, writeTinySentenceTransformer } from './tiny-sentence-transformer.ts';

const folder = mkdtempSync(join(tmpdir(), 'signalbox-local-'));
const call: CallContext = { signal: new AbortController().signal, requestId: 'test' };
const opened: Provider[] = [];

function open(config: LocalConfig = {}, host: Partial<PluginHost> = {}): Provider {
  const provider = plugin.create(config, {
    ...testHost(join(folder, 'cache')),
    fetch: () => Promise.reject(new Error('no network')),
    ...host,
  });
  opened.push(provider);
  return provider;
}

async function embed(
  provider: Provider,
  texts: readonly string[],
  model = 'use-lite-768',
  purpose: 'document' | 'query' = 'document',
) {
  const result = await provider.embed?.({ model, texts, purpose }, call);
  if (!result) throw new Error('the provider does not embed');
  return result;
}

function cosine(left: Float32Array | undefined, right: Float32Array | undefined): number {
  return Array.from(left ?? []).reduce((sum, value, index) => sum + value * (right?.[index] ?? Number.NaN), 0);
}

const transformersInstalled = (() => {
  try {
    createRequire(import.meta.url).resolve('@huggingface/transformers');
    return true;
  } catch {
    return false;
  }
})();

afterEach(async () => {
  await Promise.all(opened.splice(0).map((provider) => provider.close()));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('use-lite-768', () => {
  it('finds the sentence that means the same without sharing its words', async () => {
    const { vectors } = await embed(open(), [
      'How do I reset my password?',
      'I forgot my login credentials',
      'A dark colour theme would be lovely',
      'The delivery arrived three days late',
    ]);
    const [same, theme, delivery] = vectors.slice(1).map((vector) => cosine(vectors[0], vector));
    expect(same).toBeGreaterThan((theme ?? 1) + 0.1);
    expect(same).toBeGreaterThan((delivery ?? 1) + 0.1);
  });

  it('gives every text 768 numbers of length 1 and a token count, whatever it holds', async () => {
    const texts = ['', 'hello', '你好，世界', '\ud800 half \udc00', '\u0000', '🙂', 'word '.repeat(20_000)];
    const { vectors, tokenCounts, model } = await embed(open(), texts);
    for (const vector of vectors) {
      expect(vector).toHaveLength(768);
      expect(cosine(vector, vector)).toBeCloseTo(1, 5);
    }
    expect(tokenCounts[0]).toBe(1);
    expect(tokenCounts.at(-1)).toBe(128);
    expect(model).toBe('use-lite-768');
  });

  it('gives a text the same vector alone and in a batch with longer ones', async () => {
    const provider = open({ workers: 2 });
    const text = 'Weekly report arrives on the wrong day';
    const alone = await embed(provider, [text]);
    const many = await embed(provider, [...Array(99).fill(`${text} and again and again`), text]);
    expect(cosine(alone.vectors[0], many.vectors[99])).toBeCloseTo(1, 5);
    expect(many.tokenCounts[99]).toBe(alone.tokenCounts[0]);
  });

  it('works again after its cached file was damaged', async () => {
    const cacheDir = join(folder, 'damaged');
    mkdirSync(cacheDir);
    writeFileSync(join(cacheDir, 'use-lite-768.v1.onnx'), 'not a model');
    const { vectors } = await embed(open({}, { cacheDir }), ['hello']);
    expect(vectors[0]).toHaveLength(768);
  });

  it('gives up work that is under way when the caller leaves', async () => {
    const provider = open({ workers: 1 });
    await embed(provider, ['warm']);
    const controller = new AbortController();
    const texts = Array.from({ length: 256 }, (_, index) => `text ${index} `.repeat(60));
    const work = provider.embed?.(
      { model: 'use-lite-768', texts, purpose: 'document' },
      { ...call, signal: controller.signal },
    );
    controller.abort();
    await expect(work).rejects.toMatchObject({ kind: 'cancelled' });
  });
});

describe('the local provider', () => {
  it('lists its own model first and the known sentence-transformers after it, free of charge', async () => {
    const models = await open().listModels(call);
    expect(models.map(({ name, dimensions }) => [name, dimensions])).toEqual([
      ['use-lite-768', 768],
      ['bge-base-en-v1.5', 768],
      ['all-mpnet-base-v2', 768],
      ['all-MiniLM-L6-v2', 384],
    ]);
    expect(models.every((model) => model.inputUsdPerMillion === '0')).toBe(true);
  });

  it('passes its check with no key and no network', async () => {
    await expect(open().check(call)).resolves.toBeUndefined();
  });

  it('refuses an unknown model with the names there are, and a batch that is too large', async () => {
    const provider = open();
    await expect(embed(provider, ['a'], 'gpt-9')).rejects.toMatchObject({
      kind: 'not_found',
      message: expect.stringContaining('use-lite-768'),
    });
    await expect(embed(provider, Array(257).fill('a'))).rejects.toMatchObject({ kind: 'bad_request' });
    await expect(embed(provider, [])).rejects.toMatchObject({ kind: 'bad_request' });
  });

  it('lets no call through once it is closed, by itself or with its server', async () => {
    const provider = open();
    await embed(provider, ['a']);
    await provider.close();
    await provider.close();
    await expect(embed(provider, ['a'])).rejects.toMatchObject({ kind: 'unavailable' });

    const server = new AbortController();
    const dependent = open({}, { signal: server.signal });
    server.abort();
    await expect(embed(dependent, ['a'])).rejects.toMatchObject({ kind: 'unavailable' });
  });

  it('does not keep an otherwise finished process alive', () => {
    const script = `
      import plugin from ${JSON.stringify(new URL('../../../src/providers/local/plugin.ts', import.meta.url).href)};
      const signal = new AbortController().signal;
      const silent = { debug() {}, info() {}, warn() {}, error() {} };
      const provider = plugin.create({}, { fetch, logger: silent, now: Date.now, signal, cacheDir: ${JSON.stringify(join(folder, 'cache'))} });
      const { vectors } = await provider.embed({ model: 'use-lite-768', texts: ['a'], purpose: 'document' }, { signal, requestId: '' });
      console.log(vectors[0].length);
      if (process.env.CLOSE) await provider.close();`;
    for (const env of [{ CLOSE: '1' }, {}]) {
      const ended = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
        env: { ...process.env, ...env },
        timeout: 50_000,
        encoding: 'utf8',
      });
      expect(ended).toMatchObject({ status: 0, stdout: '768\n', stderr: '' });
    }
  }, 110_000);
});

describe('sentence-transformers', () => {
  it.skipIf(transformersInstalled)('say which package to install where it is missing', async () => {
    await expect(embed(open(), ['a'], 'bge-base-en-v1.5')).rejects.toMatchObject({
      kind: 'unavailable',
      message: expect.stringContaining('npm install @huggingface/transformers'),
    });
  });

  describe.runIf(transformersInstalled)('through the real package', () => {
    const source = join(folder, 'tiny');
    const tiny = { source, dimensions: TINY_DIMENSIONS };

    it('pool token vectors as configured and leave padding out', async () => {
      writeTinySentenceTransformer(source);
      const provider = open({
        models: [
          { ...tiny, name: 'mean' },
          { ...tiny, name: 'cls', pooling: 'cls' },
        ],
      });
      const mean = await embed(provider, ['cat', 'cat dog cat dog', ''], 'mean');
      expect(mean.tokenCounts).toEqual([3, 6, 2]);
      const third = 2 / Math.sqrt(4 * 3 + 9);
      expect(Array.from(mean.vectors[0]?.slice(2, 5) ?? [])).toEqual(Array(3).fill(expect.closeTo(third, 5)));
      const cls = await embed(provider, ['cat', 'dog cat'], 'cls');
      expect(cosine(cls.vectors[0], cls.vectors[1])).toBeCloseTo(1, 5);
      expect(cls.vectors[0]?.[2]).toBeCloseTo(2 / Math.sqrt(5), 5);
    });

    it('put the prefix before queries only', async () => {
      writeTinySentenceTransformer(source);
      const provider = open({ models: [{ ...tiny, name: 'tiny', queryPrefix: 'find: ' }] });
      expect((await embed(provider, ['cat'], 'tiny')).tokenCounts).toEqual([3]);
      expect((await embed(provider, ['cat'], 'tiny', 'query')).tokenCounts).toEqual([5]);
    });

    it('say that a model gives vectors of another length than configured', async () => {
      writeTinySentenceTransformer(source);
      const provider = open({ models: [{ ...tiny, name: 'tiny', dimensions: 5 }] });
      await expect(embed(provider, ['cat'], 'tiny')).rejects.toMatchObject({ kind: 'malformed' });
    });

    it('name the missing files of a folder', async () => {
      const provider = open({ models: [{ name: 'none', source: join(folder, 'none'), dimensions: 5 }] });
      await expect(embed(provider, ['a'], 'none')).rejects.toMatchObject({
        kind: 'unavailable',
        message: expect.stringContaining('tokenizer.json'),
      });
    });

    it('are downloaded from the hub once, and a download that broke off is not kept', async () => {
      writeTinySentenceTransformer(source);
      const asked: string[] = [];
      let broken = true;
      const hub: typeof fetch = async (address) => {
        const file = String(address).replace('https://huggingface.co/team/tiny/resolve/main/', '');
        asked.push(file);
        const bytes = readFileSync(join(source, file));
        if (!broken || !file.endsWith('.onnx')) return new Response(bytes);
        const half = bytes.subarray(0, bytes.length / 2);
        const cut = async function* () {
          yield half;
          throw new Error('connection lost');
        };
        return new Response(ReadableStream.from(cut()) as never);
      };
      const models = [{ name: 'tiny', source: 'team/tiny', dimensions: TINY_DIMENSIONS }];
      const provider = open({ models }, { fetch: hub });
      await expect(embed(provider, ['cat'], 'tiny')).rejects.toMatchObject({
        kind: 'unavailable',
        message: expect.stringContaining('connection lost'),
      });
      broken = false;
      expect((await embed(provider, ['cat'], 'tiny')).tokenCounts).toEqual([3]);
      expect((await embed(open({ models }), ['cat'], 'tiny')).tokenCounts).toEqual([3]);
      const files = ['config.json', 'tokenizer.json', 'tokenizer_config.json', 'onnx/model.onnx'];
      expect(asked).toEqual([...files, 'onnx/model.onnx']);
    });

    it('say what to do where the hub cannot be reached', async () => {
      await expect(embed(open(), ['a'], 'Xenova/all-MiniLM-L6-v2')).rejects.toMatchObject({
        kind: 'unavailable',
        message: expect.stringMatching(/no network.*put the model's files into a folder/s),
      });
    });
  });
});
