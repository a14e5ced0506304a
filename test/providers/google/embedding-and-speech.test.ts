import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { checkPluginConfig } from '../../../src/plugins/config-check.ts';
import type { GoogleConfig } from '../../../src/providers/google/google-provider.ts';
import plugin from '../../../src/providers/google/plugin.ts';
import { call, VendorBench } from '../vendor-bench.ts';
import { answerOf } from './wire.ts';

const API_KEY = 'AIzaSyProviderTest';
let bench: VendorBench<GoogleConfig>;

beforeAll(async () => {
  bench = await VendorBench.start(plugin, (baseUrl) => ({ apiKey: API_KEY, baseUrl }));
});

afterAll(() => bench.close());

describe('an embedding', () => {
  async function embedded(fields: object, embeddings: readonly object[], more: object = {}) {
    bench.answers({ body: { embeddings, ...more } });
    const embed = { model: 'gemini-embedding-001', texts: ['one', 'three'], purpose: 'document', ...fields } as const;
    const result = await bench.provider.embed?.(embed, call);
    const [sent] = bench.vendor.requests;
    expect(sent?.headers['x-goog-api-key']).toBe(API_KEY);
    return { result, path: sent?.path, body: sent?.json };
  }
  const two = [{ values: [3, 4] }, { values: [0, 5] }];

  test('says what it is for and how long it shall be, and has norm 1 whatever the vendor sends', async () => {
    const { result, path, body } = await embedded({ dimensions: 768 }, two);
    expect(path).toBe('/v1beta/models/gemini-embedding-001:batchEmbedContents');
    const model = 'models/gemini-embedding-001';
    expect(body).toEqual({
      requests: ['one', 'three'].map((text) => ({
        model,
        content: { parts: [{ text }] },
        taskType: 'RETRIEVAL_DOCUMENT',
        outputDimensionality: 768,
      })),
    });
    expect(result?.vectors.map((vector) => [...vector])).toEqual([
      [Math.fround(0.6), Math.fround(0.8)],
      [0, 1],
    ]);
    expect(await embedded({ purpose: 'query', texts: [''] }, two.slice(1))).toMatchObject({
      body: { requests: [{ model, content: { parts: [{ text: ' ' }] }, taskType: 'RETRIEVAL_QUERY' }] },
    });
  });

  test('of the second generation says in its text what it is for', async () => {
    const { body } = await embedded({ model: 'gemini-embedding-2', purpose: 'query' }, two);
    expect(body).toEqual({
      requests: ['one', 'three'].map((text) => ({
        model: 'models/gemini-embedding-2',
        content: { parts: [{ text: `task: search result | query: ${text}` }] },
      })),
    });
  });

  test('takes the vendor’s count of tokens where it has one', async () => {
    expect((await embedded({}, two, { usageMetadata: { promptTokenCount: 8 } })).result?.tokenCounts).toEqual([3, 5]);
    expect((await embedded({}, two)).result?.tokenCounts).toEqual([1, 2]);
  });

  test('that lacks a vector is malformed', async () => {
    await expect(embedded({}, two.slice(1))).rejects.toMatchObject({ kind: 'malformed' });
    await expect(embedded({}, [{}, {}])).rejects.toMatchObject({ kind: 'malformed' });
  });
});

describe('speech', () => {
  const sound = (mimeType: string, data: Buffer) =>
    answerOf([{ inlineData: { mimeType, data: data.toString('base64') } }]);
  const speech = { model: 'gemini-3.1-flash-tts-preview', text: 'Hello', voice: 'Puck' };

  test('that comes as bare samples becomes a wave file of the right length', async () => {
    const samples = Buffer.alloc(48_000, 1);
    bench.answers({ body: sound('audio/L16;codec=pcm;rate=24000', samples) });
    const result = await bench.provider.speak?.(speech, call);
    expect(bench.vendor.requests[0]?.headers['x-goog-api-key']).toBe(API_KEY);
    expect(bench.vendor.requests[0]?.json).toEqual({
      contents: [{ role: 'user', parts: [{ text: 'Hello' }] }],
      generationConfig: {
        responseModalities: ['AUDIO'],
        speechConfig: { voiceConfig: { prebuiltVoiceConfig: { voiceName: 'Puck' } } },
      },
    });
    expect(result).toMatchObject({
      mimeType: 'audio/wav',
      durationSeconds: 1,
      usage: { inputTokens: 8, outputTokens: 5 },
    });
    const file = Buffer.from(result?.audio ?? []);
    expect(file.toString('latin1', 0, 16)).toBe('RIFF\xa4\xbb\0\0WAVEfmt ');
    expect([file.readUInt32LE(4), file.readUInt32LE(24), file.readUInt32LE(40)]).toEqual([48_036, 24_000, 48_000]);
    expect(file.subarray(44)).toEqual(samples);
  });

  test('that is not there is an error', async () => {
    bench.answers({ body: answerOf([], { finishReason: 'SAFETY' }) });
    await expect(bench.provider.speak?.(speech, call)).rejects.toMatchObject({ kind: 'content_filter' });
    bench.answers({ body: answerOf([{ text: 'Hello' }]) });
    await expect(bench.provider.speak?.(speech, call)).rejects.toMatchObject({ kind: 'malformed' });
  });
});

describe('the list of models', () => {
  test('is read to its last page', async () => {
    const page = (name: string, nextPageToken?: string) => ({
      body: { models: [{ name: `models/${name}`, supportedGenerationMethods: ['generateContent'] }], nextPageToken },
    });
    bench.vendor.play((_, index) => ({
      do: 'answer',
      ...(index === 0 ? page('gemini-9-a', 'next page') : page('gemini-9-b')),
    }));
    expect((await bench.provider.listModels(call)).map(({ name }) => name)).toEqual(['gemini-9-a', 'gemini-9-b']);
    expect(bench.vendor.requests.map(({ path }) => path)).toEqual([
      '/v1beta/models?pageSize=1000',
      '/v1beta/models?pageSize=1000&pageToken=next+page',
    ]);
  });
});

describe('the configuration', () => {
  test('wants a key, and nothing that it does not know', () => {
    expect(checkPluginConfig(plugin.manifest, { apiKey: 'k', baseUrl: 'https://a.example' })).toEqual([]);
    expect(checkPluginConfig(plugin.manifest, {})).toHaveLength(1);
    expect(checkPluginConfig(plugin.manifest, { apiKey: 'k', project: 'p' })).toHaveLength(1);
  });
});
