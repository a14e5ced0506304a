import OpenAI from 'openai';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { WireReply } from '../../../src/plugins/conformance/subject.ts';
import { type RecordedRequest, type Script, VendorServer } from '../../../src/plugins/conformance/vendor-server.ts';
import { chatWire, openAiFailure, sse } from '../../providers/openai/wire.ts';
import { change, startVendorServer } from '../integrations/integration-client.ts';
import type { TestServer } from '../server-harness.ts';
import { openWorkspace } from '../workspace-client.ts';

const WIRE = chatWire('max_tokens');
const PIECES = ['The export ', 'ends early ', 'because the page ', 'is cut.'];
const TEXT = PIECES.join('');
const OTHER_PIECES = ['It ends early: ', 'the page is cut.'];

const TIMEOUTS = { connectMs: 500, firstTokenMs: 300, idleMs: 300, totalMs: 1_500 };
/** Of the provider that takes over: it is to be in time on any machine. */
const PATIENT = { connectMs: 20_000, firstTokenMs: 20_000, idleMs: 20_000, totalMs: 40_000 };
/** All tries of the first provider, and the whole answer of the second. */
const BOUND_MS = 50_000;

function reply(pieces: readonly string[]): WireReply {
  const usage = { inputTokens: 9, outputTokens: 12 };
  return { pieces, toolCalls: [], finishReason: 'stop', usage, model: 'writer' };
}

function healthy(pieces: readonly string[]): (request: RecordedRequest) => Script {
  return (request) => {
    if (!WIRE.asked(request).stream) return { do: 'answer', ...WIRE.whole(reply(pieces), request) };
    const { opening, pieces: chunks, ending } = WIRE.stream(reply(pieces), request);
    return { do: 'stream', chunks: [...opening, ...chunks, ...ending] };
  };
}

const stream = WIRE.stream(reply(PIECES), {} as RecordedRequest);
const half = [...stream.opening, ...stream.pieces.slice(0, 2)];
const refusal = (cause: number | 'context_length' | 'content_filter' | 'prefill', headers = {}): Script => ({
  do: 'answer',
  ...(openAiFailure({ cause, message: 'refused' }) ?? { body: '' }),
  headers,
});

/** What befalls an answer before its first piece, streamed or not. */
const BEFORE: [string, Script][] = [
  ['a reset before the headers', { do: 'reset' }],
  ['silence', { do: 'silence' }],
  ...[401, 403, 404, 408, 409, 413, 429, 500, 503, 529].map((status): [string, Script] => [
    `the status ${status}`,
    refusal(status),
  ]),
  ['the status 429 with a pause of a minute', refusal(429, { 'retry-after': '60' })],
  ['a context-length refusal', refusal('context_length')],
  ['a refused prefill', refusal('prefill')],
  ['an answer that is no JSON', { do: 'answer', body: '<html>' }],
];

/** What befalls a stream. */
const WITHIN: [string, Script][] = [
  ['a slow first token', { do: 'stream', chunks: [...half, ...stream.ending], firstDelayMs: 5_000 }],
  ['a cut', { do: 'stream', chunks: half, after: 'cut' }],
  ['a stall', { do: 'stream', chunks: half, after: 'stall' }],
  ['a malformed chunk', { do: 'stream', chunks: [...half, 'data: {"choices": [\n\n', ...stream.ending] }],
  ['no terminator', { do: 'stream', chunks: half }],
  ['[DONE] without an end of the answer', { do: 'stream', chunks: [...half, 'data: [DONE]\n\n'] }],
  [
    'an error inside a 200 stream',
    { do: 'stream', chunks: [...half, sse({ error: { message: 'overloaded', type: 'server_error', code: null } })] },
  ],
];

let server: TestServer;
let primary: VendorServer;
let backup: VendorServer;

beforeAll(async () => {
  server = await startVendorServer();
  primary = await VendorServer.start();
  backup = await VendorServer.start();
});

afterAll(async () => {
  await server?.close();
  await Promise.all([primary?.close(), backup?.close()]);
});

/** A client of a workspace of its own: what one test does to a provider's circuit is no other test's concern. */
async function openClient(): Promise<OpenAI> {
  const workspace = await openWorkspace(server);
  const integrate = async (name: string, upstream: VendorServer, fallbackId: string | null) => {
    const timeouts = upstream === primary ? TIMEOUTS : PATIENT;
    const config = { baseUrl: `${upstream.url}/v1`, models: [{ name: 'writer' }], timeouts, retries: 1 };
    const input = { name, pluginId: 'openai-compatible', config, fallbackId };
    const made = await change(workspace, 'createIntegration', input);
    if (made.__typename !== 'Integration') throw new Error(JSON.stringify(made));
    return made.id;
  };
  await integrate('primary', primary, await integrate('backup', backup, null));
  return new OpenAI({ baseURL: `${server.url}/v1`, apiKey: workspace.ownerKey, maxRetries: 0, timeout: BOUND_MS });
}

const question = () => ({
  model: 'primary/writer',
  messages: [{ role: 'user' as const, content: `Why does it end early? ${crypto.randomUUID()}` }],
});

/** The text that a client has in the end, and whether it was told that something went wrong. */
async function readStream(client: OpenAI): Promise<{ text: string; finish: string | null; error: unknown }> {
  let text = '';
  let finish: string | null = null;
  try {
    for await (const chunk of await client.chat.completions.create({ ...question(), stream: true })) {
      text += chunk.choices[0]?.delta.content ?? '';
      finish = chunk.choices[0]?.finish_reason ?? finish;
    }
    return { text, finish, error: null };
  } catch (error) {
    return { text, finish, error };
  }
}

describe('a provider that fails before its answer has begun', () => {
  test.each(BEFORE)('with %s: the fallback answers, and the client sees nothing of it', async (_fault, script) => {
    primary.play(script);
    backup.play(healthy(PIECES));
    const client = await openClient();
    const { choices, model } = await client.chat.completions.create(question());
    expect([choices[0]?.message.content, choices[0]?.finish_reason, model]).toEqual([TEXT, 'stop', 'backup/writer']);
    expect(await readStream(client)).toEqual({ text: TEXT, finish: 'stop', error: null });
  });

  test('with the verdict of a content filter: the client gets the vendor’s reason', async () => {
    primary.play(refusal('content_filter'));
    backup.play(healthy(PIECES));
    const client = await openClient();
    const refused = { status: 400, code: 'content_filter', message: expect.stringContaining('refused') };
    await expect(client.chat.completions.create(question())).rejects.toMatchObject(refused);
    expect(await readStream(client)).toMatchObject({ text: '', error: refused });
    expect(backup.requests).toEqual([]);
  });
});

describe('a provider that fails amid its answer', () => {
  test.each(WITHIN)(
    'with %s: a fallback that says the same goes on, as if nothing had happened',
    async (_fault, script) => {
      primary.play(script);
      backup.play(healthy(PIECES));
      expect(await readStream(await openClient())).toEqual({ text: TEXT, finish: 'stop', error: null });
    },
  );

  test.each(WITHIN)(
    'with %s: a fallback that says something else gives the whole of it, or a clean error',
    async (_fault, script) => {
      primary.play(script);
      backup.play(healthy(OTHER_PIECES));
      const { text, finish, error } = await readStream(await openClient());
      if (error === null) expect([text, finish]).toEqual([OTHER_PIECES.join(''), 'stop']);
      else expect({ finish, error }).toMatchObject({ finish: null, error: { code: 'generation_restarted' } });
    },
  );

  test.each(WITHIN)(
    'with %s, and nobody to take over: the client gets an error, never a short answer',
    async (_fault, script) => {
      primary.play(script);
      backup.play({ do: 'reset' });
      const { finish, error } = await readStream(await openClient());
      expect(finish).toBeNull();
      expect(error).toBeInstanceOf(OpenAI.APIError);
    },
  );
});

test('a client that hangs up cancels the upstream, and is counted', async () => {
  primary.play({ do: 'stream', chunks: half, after: 'stall' });
  const client = await openClient();
  const leaving = new AbortController();
  const answer = await client.chat.completions.create({ ...question(), stream: true }, { signal: leaving.signal });
  for await (const _chunk of answer) break;
  leaving.abort();
  await (await primary.request()).abandoned;
});
