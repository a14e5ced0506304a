import pino from 'pino';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { VendorServer } from '../../../src/plugins/conformance/vendor-server.ts';
import { envelope } from '../../providers/cloudflare/wire.ts';
import { errorAnswer, OPENAI_WIRE } from '../../providers/openai/wire.ts';
import { waitFor } from '../../support/wait-for.ts';
import { startTestServer, type TestServer, type TestWorkspace } from '../server-harness.ts';
import { MediaClient, mp3, wav } from './media-client.ts';

let server: TestServer;
let vendor: VendorServer;
let workspace: TestWorkspace;
let client: MediaClient;
/** What has gone wrong. */
const logged: string[] = [];
beforeAll(async () => {
  const logger = pino({ level: 'error' }, { write: (line) => logged.push(line) });
  server = await startTestServer({ environment: { SIGNALBOX_ALLOW_PRIVATE_URLS: '1' }, logger });
  vendor = await VendorServer.start();
});
beforeEach(async () => {
  workspace = await server.createWorkspace();
  client = new MediaClient(server, workspace.ownerKey);
});
afterAll(async () => {
  await server?.close();
  await vendor?.close();
});

const withOpenAi = () => client.integrate('openai', 'openai', { baseUrl: `${vendor.url}/v1` });
const withCloudflare = () =>
  client.integrate('workers', 'cloudflare', { baseUrl: vendor.url, accountId: 'acc' }, { apiToken: 'cf-token-1' });

/** Rows of the ledger, once they are written. */
async function ledger(operation: string) {
  return waitFor('the ledger', async () => {
    const rows = await server.app.database.withWorkspace(
      workspace.id,
      (scope) => scope.sql<{ model: string; outcome: string; costUsd: string | null; apiKeyId: string | null }[]>`
        select model, outcome, cost_usd::text, api_key_id from usage_attempts where operation = ${operation}`,
    );
    return rows.length > 0 && [...rows];
  });
}

const policies = (given: object) =>
  client.conversations.read(
    'mutation ($given: JSON!) { updateSettings(input: { policies: $given }) { __typename ... on Error { message } } }',
    { given },
  );
const budget = (limitUsd: string) =>
  client.conversations.read(
    'mutation ($limitUsd: Decimal!) { setBudget(input: { window: DAY, limitUsd: $limitUsd }) { __typename } }',
    { limitUsd },
  );

describe('transcribe', () => {
  test('sends the file as it is to OpenAI, and gives what was said with its times, length and cost', async () => {
    await withOpenAi();
    vendor.play(({ method }) =>
      method === 'GET'
        ? { do: 'answer', ...OPENAI_WIRE.checked({} as never) }
        : { do: 'answer', ...(OPENAI_WIRE.transcribe?.('Grüezi mitenand', {} as never) ?? { body: '' }) },
    );
    const sound = wav(2);
    const file = { content: sound, fileName: 'note.txt', mimeType: 'text/plain' };
    expect(await client.transcribe(file, { model: 'openai/whisper-1', language: 'de-CH' })).toMatchObject({
      ...{ __typename: 'Transcript', text: 'Grüezi mitenand', language: 'de', durationSeconds: 2.5 },
      segments: [{ start: 0, end: 2.5, text: 'Grüezi mitenand' }],
      ...{ model: 'openai/whisper-1', usage: { inputTokens: 0, outputTokens: 0, costUsd: '0.00025' } },
    });
    const request = vendor.requests.find(({ path }) => path.endsWith('/audio/transcriptions'));
    expect(request?.headers.authorization).toBe('Bearer sk-test-1234');
    const body = Buffer.from(request?.body ?? []);
    expect(body.includes(sound)).toBe(true);
    // What the client called it is not what it is.
    expect(body.toString('latin1')).toMatch(/filename="audio\.wav"\r\n[\s\S]*audio\/wav/);
    expect(body.toString('latin1')).toMatch(/name="language"\r\n\r\nde\r\n/);
    expect(await ledger('transcribe')).toEqual([
      { model: 'openai/whisper-1', outcome: 'SUCCEEDED', costUsd: '0.00025', apiKeyId: expect.stringMatching(/^key_/) },
    ]);
    const { usage } = await client.conversations.read<{ usage: { total: { llmCalls: number; costUsd: string } } }>(
      '{ usage { total { llmCalls costUsd } } }',
    );
    expect(usage.total).toEqual({ llmCalls: 1, costUsd: '0.00025' });
  });

  test('sends it to Workers AI in base64, where that is all there is', async () => {
    await withCloudflare();
    vendor.play({
      do: 'answer',
      ...envelope({ text: ' Hello.', transcription_info: { language: 'en', duration: 1.5 } }),
    });
    const sound = wav(1);
    expect(await client.transcribe({ content: sound })).toMatchObject({
      ...{ text: 'Hello.', language: 'en', durationSeconds: 1.5, segments: null },
      model: 'workers/whisper-large-v3-turbo',
    });
    expect(vendor.requests.at(-1)?.json).toEqual({ audio: sound.toString('base64') });
  });

  test('of a provider that tells no length has that of the file', async () => {
    await withOpenAi();
    vendor.play({
      do: 'answer',
      body: { text: 'Short', usage: { type: 'tokens', input_tokens: 14, output_tokens: 5 } },
    });
    expect(await client.transcribe({ content: wav(3) }, { model: 'openai/gpt-4o-transcribe' })).toMatchObject({
      ...{ text: 'Short', language: null, durationSeconds: 3 },
      usage: { inputTokens: 14, outputTokens: 5, costUsd: null },
    });
  });

  test('that is paid by the second costs what the file says it has, where the provider says nothing', async () => {
    await withOpenAi();
    vendor.play({ do: 'answer', body: { text: 'Silence' } });
    const told = await client.transcribe({ content: mp3(2_500) }, { model: 'openai/whisper-1' });
    expect(told).toMatchObject({ durationSeconds: 60, usage: { costUsd: '0.006' } });
    expect(await ledger('transcribe')).toMatchObject([{ outcome: 'SUCCEEDED', costUsd: '0.006' }]);
  });

  test('whose client leaves is billed by the length of what the vendor had, and counts as one call', async () => {
    await withOpenAi();
    vendor.play({ do: 'silence' });
    const leaving = new AbortController();
    const left = client.transcribe({ content: wav(60) }, { model: 'openai/whisper-1' }, leaving.signal);
    await waitFor('the vendor to be asked', () => vendor.requests.some(({ method }) => method === 'POST'));
    leaving.abort();
    await expect(left).rejects.toThrow();
    expect(await ledger('transcribe')).toMatchObject([{ outcome: 'CANCELLED', costUsd: '0.006' }]);
  });

  test('whose client leaves amid the file asks nobody, and gives its place back', async () => {
    await withOpenAi();
    vendor.play({ do: 'answer', body: { text: 'Heard' } });
    // As many as one workspace has places for.
    await Promise.all([1, 2, 3].map(() => client.breakOff('transcribe', wav(2).subarray(0, 9_000))));
    expect(await client.transcribe({ content: wav(1) }, { model: 'openai/whisper-1' })).toMatchObject({
      text: 'Heard',
    });
    expect(vendor.requests.filter(({ method }) => method === 'POST')).toHaveLength(1);
    expect(await ledger('transcribe')).toHaveLength(1);
    expect(logged).toEqual([]);
  });

  test.each<[string, Uint8Array, object, string]>([
    ['a picture of a telephone', Buffer.from('\0\0\0\x20ftypheic\0\0\0\0', 'latin1'), {}, 'WAV, MP3, MP4'],
    ['more than 25 MB', Buffer.concat([wav(1), Buffer.alloc(25 * 1024 * 1024)]), {}, 'may have 25 MB'],
    ['a picture that is called sound', Buffer.from('\x89PNG\r\n\x1a\n and more', 'latin1'), {}, 'WAV, MP3, MP4'],
    ['nothing', Buffer.alloc(0), {}, 'WAV, MP3, MP4'],
    ['a language that is none', wav(1), { language: 'not a language' }, 'BCP 47'],
  ])('of %s is BAD_INPUT that says what is allowed, and nobody is asked', async (_what, content, input, said) => {
    await withOpenAi();
    vendor.play({ do: 'answer', body: { text: 'never' } });
    const told = await client.transcribe({ content, fileName: 'a.wav', mimeType: 'audio/wav' }, input);
    expect(told).toMatchObject({ __typename: 'InvalidInputError', code: 'BAD_INPUT' });
    expect(told.message).toContain(said);
    expect(vendor.requests.filter(({ method }) => method === 'POST')).toEqual([]);
  });

  test('that the vendor refuses is a typed error with every try', async () => {
    await withOpenAi();
    vendor.play({ do: 'answer', ...errorAnswer(400, { message: 'no sound in it', type: 'invalid_request_error' }) });
    expect(await client.transcribe({ content: wav(1) }, { model: 'openai/whisper-1' })).toMatchObject({
      ...{
        __typename: 'ProviderFailedError',
        code: 'PROVIDER_FAILED',
        message: expect.stringContaining('no sound in it'),
      },
      attempts: [
        {
          ...{ seq: 1, provider: 'openai', model: 'openai/whisper-1', outcome: 'FAILED', errorCode: 'bad_request' },
          usage: { costUsd: '0' },
        },
      ],
    });
  });

  test('where no integration can says which plugins could, and how', async () => {
    const { errors } = await client.post('transcribe', { file: null }, { file: { content: wav(1) } });
    expect(errors?.[0]).toMatchObject({ extensions: { code: 'NO_PROVIDER' } });
    expect(errors?.[0]?.message).toMatch(/createIntegration, of a plugin that can: .*openai.*cloudflare/);
    expect(errors?.[0]?.message).not.toContain('anthropic');
  });
});

describe('speak', () => {
  const SOUND = new Uint8Array([0xff, 0xfb, 0x90, 0x00, 1, 2, 3]);

  test('has OpenAI say a text in a voice', async () => {
    await withOpenAi();
    vendor.play({ do: 'answer', ...(OPENAI_WIRE.speak?.(SOUND, {} as never) ?? { body: '' }) });
    const told = await client.speak({ text: 'Good day.', voice: 'coral', model: 'openai/tts-1' });
    expect(told).toMatchObject({
      ...{ __typename: 'Speech', mimeType: 'audio/mpeg', durationSeconds: null, model: 'openai/tts-1' },
      audioBase64: Buffer.from(SOUND).toString('base64'),
    });
    expect(vendor.requests.at(-1)).toMatchObject({
      path: '/v1/audio/speech',
      json: { model: 'tts-1', input: 'Good day.', voice: 'coral', response_format: 'mp3' },
    });
    expect(await ledger('speak')).toMatchObject([{ model: 'openai/tts-1', outcome: 'SUCCEEDED', costUsd: null }]);
  });

  test('has Workers AI say it where that is all there is', async () => {
    await withCloudflare();
    vendor.play({ do: 'answer', ...envelope({ audio: Buffer.from(SOUND).toString('base64') }) });
    expect(await client.speak({ text: 'Hola', voice: 'es' })).toMatchObject({
      ...{ model: 'workers/melotts', mimeType: 'audio/mpeg', audioBase64: Buffer.from(SOUND).toString('base64') },
    });
    expect(vendor.requests.at(-1)?.json).toEqual({ prompt: 'Hola', lang: 'es' });
  });

  test.each<[string, Uint8Array[]]>([
    ['no sound at all', []],
    ['sound without an end', Array.from({ length: 65 }, () => new Uint8Array(1024 * 1024))],
  ])('of a vendor that sends %s has failed', async (_what, chunks) => {
    await withOpenAi();
    vendor.play({ do: 'stream', headers: { 'content-type': 'audio/mpeg' }, chunks });
    const told = await client.speak({ text: 'Good day.', model: 'openai/tts-1' });
    expect(told).toMatchObject({ __typename: 'ProviderFailedError' });
    const codes = (told.attempts as { errorCode: string }[]).map(({ errorCode }) => errorCode);
    expect(new Set(codes)).toEqual(new Set(['malformed']));
  });

  test.each<[string, object, string]>([
    ['nothing', { text: ' ' }, 'must say something'],
    ['a book', { text: 'x'.repeat(4_097) }, 'may have 4096 characters, and has 4097'],
    ['no voice', { text: 'Hi', voice: '' }, 'must have 1 to 100'],
  ])('%s is BAD_INPUT', async (_what, input, said) => {
    await withOpenAi();
    const told = await client.speak(input);
    expect(told).toMatchObject({ __typename: 'InvalidInputError', code: 'BAD_INPUT' });
    expect(told.message).toContain(said);
  });

  test('where no integration can is NO_PROVIDER, and where a model cannot as well', async () => {
    await expect(client.speak({ text: 'Hi' })).rejects.toThrow(/NO_PROVIDER/);
    await withOpenAi();
    vendor.play({ do: 'answer', ...OPENAI_WIRE.checked({} as never) });
    await expect(client.speak({ text: 'Hi', model: 'openai/gpt-4.1-mini' })).rejects.toThrow(/NO_PROVIDER/);
  });
});

describe('limits', () => {
  test('a budget that does not cover it is a typed error, and the vendor is not asked', async () => {
    await withOpenAi();
    vendor.play({ do: 'answer', body: { text: 'never' } });
    await budget('0.0001');
    expect(await client.transcribe({ content: wav(60) }, { model: 'openai/whisper-1' })).toMatchObject({
      ...{ __typename: 'BudgetExceededError', code: 'BUDGET_EXCEEDED' },
    });
    expect(vendor.requests.filter(({ method }) => method === 'POST')).toEqual([]);
  });

  test('requests per minute hold for both', async () => {
    await withOpenAi();
    vendor.play({ do: 'answer', ...(OPENAI_WIRE.speak?.(new Uint8Array([1]), {} as never) ?? { body: '' }) });
    await policies({ requestsPerMinute: 1 });
    expect(await client.speak({ text: 'One', model: 'openai/tts-1' })).toMatchObject({ __typename: 'Speech' });
    expect(await client.speak({ text: 'Two', model: 'openai/tts-1' })).toMatchObject({
      __typename: 'RateLimitedError',
    });
    expect(await client.transcribe({ content: wav(1) }, { model: 'openai/whisper-1' })).toMatchObject({
      __typename: 'RateLimitedError',
    });
  });

  test('a key that may not use models is refused', async () => {
    await withOpenAi();
    const viewer = new MediaClient(server, (await server.createKey(workspace.ownerKey, 'VIEWER')).secret);
    expect(await viewer.speak({ text: 'Hi' })).toMatchObject({ __typename: 'ForbiddenError' });
    expect(await viewer.transcribe({ content: wav(1) })).toMatchObject({ __typename: 'ForbiddenError' });
  });
});
