import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { Provider, StreamPart } from '../../src/plugins/contract.ts';
import { waitFor } from '../support/wait-for.ts';
import { call, openPlugin } from './plugin-harness.ts';

const KEY = 'sk-a-secret-of-the-test';
const MANIFEST = {
  ...{ id: 'remote', label: 'Remote', version: '1.0.0', specVersion: 1 },
  capabilities: ['EMBED', 'GENERATE', 'STREAM', 'RERANK', 'MODERATE', 'TRANSCRIBE', 'SPEAK'],
  configSchema: { type: 'object', properties: { apiKey: { type: 'string', secret: true } } },
};
const END = { finishReason: 'stop', usage: { inputTokens: 1, outputTokens: 2 }, model: 'm' };
const CHAT = { model: 'm', messages: [] };

interface Received {
  path: string;
  headers: IncomingMessage['headers'];
  body: { config?: object; request?: Record<string, unknown>; requestId?: string };
}

type Answers = (received: Received, response: ServerResponse) => void;

/** A provider of a plugin process that answers as `answers` says, and what it was asked. */
async function openProcess(answers: Answers): Promise<{ provider: Provider; asked: Received[] }> {
  const asked: Received[] = [];
  const server = createServer(async (message, response) => {
    if (message.url === '/base/manifest') return response.end(JSON.stringify(MANIFEST));
    const text = Buffer.concat(await message.toArray()).toString();
    const received = { path: message.url ?? '', headers: message.headers, body: JSON.parse(text) };
    asked.push(received);
    answers(received, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/base`;
  const { provider } = await openPlugin({ kind: 'url', value: url }, { apiKey: KEY });
  return { provider, asked };
}

const json =
  (answer: unknown, status = 200, headers = {}): Answers =>
  (_received, response) =>
    response.writeHead(status, headers).end(JSON.stringify(answer));

const events =
  (...chunks: string[]): Answers =>
  (_received, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    for (const chunk of chunks) response.write(chunk);
    response.end();
  };

const event = (part: object, name = '') => `${name === '' ? '' : `event: ${name}\n`}data: ${JSON.stringify(part)}\n\n`;

async function readAll(provider: Provider): Promise<StreamPart[]> {
  const read: StreamPart[] = [];
  for await (const part of provider.stream?.(CHAT, call()) ?? []) read.push(part);
  return read;
}

describe('a plugin process', () => {
  test('is sent configuration, request and request id, below the address it was registered with', async () => {
    const { provider, asked } = await openProcess(json({ ...END, text: 'hi', toolCalls: [] }));
    expect(await provider.generate?.(CHAT, call())).toEqual({ ...END, text: 'hi', toolCalls: [] });
    expect(asked).toMatchObject([
      {
        path: '/base/generate',
        body: { config: { apiKey: KEY }, request: CHAT, requestId: 'req_test' },
        headers: { 'content-type': 'application/json', 'x-request-id': 'req_test' },
      },
    ]);
  });

  test('may give vectors as numbers or as base64 of little-endian floats', async () => {
    const floats = Buffer.alloc(8);
    floats.writeFloatLE(0.6, 0);
    floats.writeFloatLE(0.8, 4);
    const answer = { vectors: [[0.6, 0.8], floats.toString('base64')], tokenCounts: [1, 1], model: 'm' };
    const { provider } = await openProcess(json(answer));
    const embedded = await provider.embed?.({ model: 'm', texts: ['a', 'b'], purpose: 'query' }, call());
    expect(embedded?.vectors).toEqual([Float32Array.of(0.6, 0.8), Float32Array.of(0.6, 0.8)]);
  });

  test('gets and gives sound as base64', async () => {
    const { provider, asked } = await openProcess(({ path }, response) =>
      response.end(
        JSON.stringify(
          path.endsWith('speak')
            ? { audio: Buffer.from('sound').toString('base64'), mimeType: 'audio/wav' }
            : { text: 'written', durationSeconds: 1 },
        ),
      ),
    );
    const spoken = await provider.speak?.({ model: 'm', text: 'x' }, call());
    expect(Buffer.from(spoken?.audio ?? []).toString()).toBe('sound');
    await provider.transcribe?.({ model: 'm', audio: Buffer.from('noise'), mimeType: 'audio/wav' }, call());
    expect(asked[1]?.body.request).toEqual({ model: 'm', audio: 'bm9pc2U=', mimeType: 'audio/wav' });
  });

  test('is asked for the rest by name: rerank, moderate, models, check, spend', async () => {
    const answers: Record<string, unknown> = {
      rerank: { scores: [0.5], model: 'm', usage: END.usage },
      moderate: { judgements: [{ flagged: true, scores: { hate: 0.9 } }] },
      models: [{ name: 'm', capabilities: ['RERANK'] }],
      check: null,
      spend: { totalUsd: '1.25' },
    };
    const { provider } = await openProcess(({ path }, response) =>
      response.end(JSON.stringify(answers[path.replace('/base/', '')])),
    );
    expect(await provider.rerank?.({ model: 'm', query: 'q', texts: ['a'] }, call())).toEqual(answers.rerank);
    expect(await provider.moderate?.({ model: 'm', texts: ['a'] }, call())).toEqual(answers.moderate);
    expect(await provider.listModels(call())).toEqual(answers.models);
    expect(await provider.check(call())).toBeUndefined();
    expect(await provider.spend?.(call())).toEqual({ totalUsd: '1.25' });
  });

  test('streams parts, however its bytes are cut', async () => {
    const text = event({ kind: 'text', text: 'Grüße' }) + event({ kind: 'finish', ...END });
    const bytes = Buffer.from(text);
    const { provider } = await openProcess(async (_received, response) => {
      for (const byte of bytes) {
        response.write(Buffer.of(byte));
        await new Promise(setImmediate);
      }
      response.end();
    });
    expect(await readAll(provider)).toEqual([
      { kind: 'text', text: 'Grüße' },
      { kind: 'finish', ...END },
    ]);
  });

  test('sees the connection close when the caller leaves, in a stream as in a call', async () => {
    let closed = 0;
    const { provider, asked } = await openProcess((_received, response) => {
      response.on('close', () => {
        closed += 1;
      });
      response.writeHead(200).write(event({ kind: 'text', text: 'first' }));
    });
    const leaving = new AbortController();
    const parts = provider.stream?.(CHAT, call(leaving.signal))[Symbol.asyncIterator]();
    await parts?.next();
    const stopped = expect(parts?.next()).rejects.toThrow('left');
    leaving.abort(new Error('left'));
    await stopped;
    await waitFor('the stream to be closed', () => closed === 1);
    const other = new AbortController();
    const generating = expect(provider.generate?.(CHAT, call(other.signal))).rejects.toThrow('left');
    await waitFor('the call to arrive', () => asked.length === 2);
    other.abort(new Error('left'));
    await generating;
    await waitFor('the call to be closed', () => closed === 2);
  });

  test('is left alone when its provider is closed', async () => {
    const { provider } = await openProcess((_received, response) => {
      response.writeHead(200).write(event({ kind: 'text', text: 'first' }));
    });
    const parts = provider.stream?.(CHAT, call())[Symbol.asyncIterator]();
    await parts?.next();
    const stopped = expect(parts?.next()).rejects.toMatchObject({ kind: 'unavailable' });
    await provider.close();
    await stopped;
  });
});

describe('a failure of a plugin process', () => {
  test('keeps its kind, status and wait, and loses the credential that it names', async () => {
    const error = { kind: 'rate_limited', message: `slow down, ${KEY}`, status: 429, retryAfterMs: 1_500 };
    const expected = { ...error, name: 'ProviderError', message: 'slow down, [redacted]' };
    const whole = await openProcess(json({ error }, 429));
    await expect(whole.provider.generate?.(CHAT, call())).rejects.toMatchObject(expected);
    const inStream = await openProcess(events(event({ kind: 'text', text: 'a' }), event({ error }, 'error')));
    await expect(readAll(inStream.provider)).rejects.toMatchObject(expected);
  });

  test.each([
    [429, 'rate_limited'],
    [503, 'unavailable'],
    [500, 'server'],
    [404, 'not_found'],
    [302, 'malformed'],
  ])('that says nothing is known by its status: %i is %s', async (status, kind) => {
    const { provider } = await openProcess(json('no error of ours', status, { 'retry-after': '2' }));
    await expect(provider.generate?.(CHAT, call())).rejects.toMatchObject({ kind, status, retryAfterMs: 2_000 });
  });

  test.each([
    ['of another shape', json({ text: 'no end' })],
    ['that is not JSON', ((_received, response) => response.end('<html>')) as Answers],
    ['that is null', json(null)],
  ])('is an answer %s: malformed', async (_what, answers) => {
    const { provider } = await openProcess(answers);
    await expect(provider.generate?.(CHAT, call())).rejects.toMatchObject({ kind: 'malformed' });
    const embedding = provider.embed?.({ model: 'm', texts: ['a'], purpose: 'query' }, call());
    await expect(embedding).rejects.toMatchObject({ kind: 'malformed' });
  });

  test('is a stream that ends before its finish part, or has a part that is none', async () => {
    const text = event({ kind: 'text', text: 'a' });
    for (const chunks of [[text], [text, 'data: {"kind":"te\n\n'], [text, event({ kind: 'song' })]]) {
      const { provider } = await openProcess(events(...chunks));
      await expect(readAll(provider)).rejects.toMatchObject({ kind: 'malformed' });
    }
  });

  test('is a connection that breaks: network', async () => {
    const reset = await openProcess((_received, response) => response.socket?.destroy());
    await expect(reset.provider.generate?.(CHAT, call())).rejects.toMatchObject({ kind: 'network' });
    const inStream = await openProcess((_received, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(event({ kind: 'text', text: 'a' }), () => response.socket?.destroy());
    });
    await expect(readAll(inStream.provider)).rejects.toMatchObject({ kind: 'network' });
  });
});
