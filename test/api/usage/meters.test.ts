import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Tier } from '../../../src/domain/access/caller.ts';
import type { ChatWire } from '../../../src/plugins/conformance/subject.ts';
import { type RecordedRequest, VendorServer, type WireAnswer } from '../../../src/plugins/conformance/vendor-server.ts';
import { MAX_TOKENS } from '../../../src/shared/token-count.ts';
import { usageEvent } from '../../domain/usage/usage-fixtures.ts';
import { errorAnswer, OPENAI_WIRE } from '../../providers/openai/wire.ts';
import { waitFor } from '../../support/wait-for.ts';
import { chatScript, MediaClient, mp3, PNG, wav } from '../media/media-client.ts';
import { startTestServer, type TestServer, type TestWorkspace } from '../server-harness.ts';

/** What the vendor tells of each answer. */
const ANSWER_TOKENS = 912;
const CHAT = chatScript(OPENAI_WIRE.chat as ChatWire, ['A dot.']);
const NOTHING = { TOKENS: 0, IMAGES: 0, AUDIO_SECONDS: 0 };

let server: TestServer;
let vendor: VendorServer;
let workspace: TestWorkspace;
let client: MediaClient;
beforeAll(async () => {
  server = await startTestServer({ environment: { SIGNALBOX_ALLOW_PRIVATE_URLS: '1' } });
});
beforeEach(async () => {
  vendor = await VendorServer.start();
  vendor.play(CHAT);
});
afterEach(() => vendor?.close());
afterAll(() => server?.close());

/** A workspace that has OpenAI. */
async function open(tier: Tier): Promise<void> {
  workspace = await server.createWorkspace({ tier });
  client = new MediaClient(server, workspace.ownerKey);
  await client.integrate('openai', 'openai', { baseUrl: `${vendor.url}/v1` });
}

interface Usage {
  total: { requests: number };
  limits: { meter: string; used: number; limit: number | null; resetsAt: string }[];
  percentages: { meter: string; percent: number | null }[];
}
const USAGE = '{ usage { total { requests } limits { meter used limit resetsAt } percentages { meter percent } } }';

async function usageOf(owner = client): Promise<Usage> {
  return (await owner.conversations.read<{ usage: Usage }>(USAGE)).usage;
}

/** What no tier limits, once so many tries are in the ledger. */
async function metersAfter(requests: number): Promise<Record<string, number>> {
  await waitFor('the ledger', async () => (await usageOf()).total.requests === requests);
  const { limits } = await usageOf();
  const counted = Object.fromEntries(limits.map(({ meter, used }) => [meter, used]));
  const { TOKENS = -1, IMAGES = -1, AUDIO_SECONDS = -1 } = counted;
  return { TOKENS, IMAGES, AUDIO_SECONDS };
}

const posts = () => vendor.requests.filter(({ method }) => method === 'POST');

async function chat(text: string, pictures = 0): Promise<number> {
  const url = `data:image/png;base64,${PNG.toString('base64')}`;
  const shown = Array.from({ length: pictures }, () => ({ type: 'image_url', image_url: { url } }));
  const response = await fetch(`${server.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${client.key}`, 'content-type': 'application/json' },
    body: JSON.stringify({
      model: 'openai/gpt-4.1-mini',
      messages: [{ role: 'user', content: [{ type: 'text', text }, ...shown] }],
    }),
  });
  await response.arrayBuffer();
  return response.status;
}

async function describePicture(): Promise<void> {
  const { id } = await client.describe({ content: PNG }, { model: 'openai/gpt-4.1-mini' });
  await client.conversations.follow(id as string).rest();
}

const failure = (status: number) => errorAnswer(status, { message: 'not now', type: 'server_error' });

/** The first call of the vendor's models is answered with this, the others with a dot. */
function failFirst(answer: WireAnswer): void {
  let calls = 0;
  vendor.play((request: RecordedRequest) => {
    if (request.method !== 'POST' || calls++ > 0) return CHAT(request);
    return { do: 'answer', ...answer };
  });
}

describe.each<Tier>(['FREE', 'ENTERPRISE'])('of a workspace of the tier %s', (tier) => {
  beforeEach(() => open(tier));

  test('a chat counts its tokens, and nothing where the cache gives it', async () => {
    expect(await chat('Good morning.')).toBe(200);
    expect(await metersAfter(1)).toEqual({ ...NOTHING, TOKENS: ANSWER_TOKENS });
    expect(await chat('Good morning.')).toBe(200);
    expect(posts()).toHaveLength(1);
    expect(await metersAfter(2)).toEqual({ ...NOTHING, TOKENS: ANSWER_TOKENS });
  });

  test('an embedding counts its tokens once', async () => {
    const document = '{ embed(texts: ["Some words to count.", "And more of them."]) { tokenCount } }';
    const { embed } = await client.conversations.read<{ embed: { tokenCount: number }[] }>(document);
    const tokens = embed.reduce((sum, { tokenCount }) => sum + tokenCount, 0);
    expect(tokens).toBeGreaterThan(5);
    expect(await metersAfter(1)).toEqual({ ...NOTHING, TOKENS: tokens });
    await client.conversations.read(document);
    expect(await metersAfter(2)).toEqual({ ...NOTHING, TOKENS: tokens });
  });

  test('a picture counts where it is described, and each one that a chat shows', async () => {
    await describePicture();
    expect(await metersAfter(1)).toEqual({ ...NOTHING, TOKENS: ANSWER_TOKENS, IMAGES: 1 });
    expect(await chat('What is in these?', 2)).toBe(200);
    expect(await metersAfter(2)).toEqual({ ...NOTHING, TOKENS: 2 * ANSWER_TOKENS, IMAGES: 3 });
    expect(await chat('What is in these?', 2)).toBe(200);
    expect(posts()).toHaveLength(2);
    expect(await metersAfter(3)).toEqual({ ...NOTHING, TOKENS: 2 * ANSWER_TOKENS, IMAGES: 3 });
  });

  test('a picture whose first try failed counts once, and not at all where the call failed', async () => {
    failFirst(failure(503));
    expect(await chat('What is this?', 1)).toBe(200);
    expect(posts()).toHaveLength(2);
    expect(await metersAfter(2)).toEqual({ ...NOTHING, TOKENS: ANSWER_TOKENS, IMAGES: 1 });
    // It was worked on, and is billed; one call of the client's shows its picture once all the same.
    failFirst({ body: 'no answer' });
    expect(await chat('Which colour has it?', 1)).toBe(200);
    expect(posts()).toHaveLength(2);
    const told = await metersAfter(4);
    expect(told).toEqual({ ...NOTHING, TOKENS: expect.any(Number), IMAGES: 2 });
    expect(told.TOKENS).toBeGreaterThan(2 * ANSWER_TOKENS);
    failFirst(failure(400));
    expect(await chat('And what is that?', 1)).toBeGreaterThanOrEqual(400);
    expect(await metersAfter(5)).toEqual(told);
  });

  test('sound counts in seconds: what was heard as the provider tells it, and what was spoken', async () => {
    const whisper = { model: 'openai/whisper-1' };
    vendor.play({ do: 'answer', ...(OPENAI_WIRE.transcribe?.('Good day', {} as never) ?? { body: '' }) });
    expect(await client.transcribe({ content: wav(2) }, whisper)).toMatchObject({ durationSeconds: 2.5 });
    vendor.play({ do: 'answer', body: { text: 'Silence' } });
    expect(await client.transcribe({ content: wav(4) }, whisper)).toMatchObject({ text: 'Silence' });
    // Six and a half seconds, and 2.4 of them: rounded one by one they would be nine or ten.
    vendor.play({ do: 'answer', ...(OPENAI_WIRE.speak?.(mp3(100), {} as never) ?? { body: '' }) });
    expect(await client.speak({ text: 'Good day.', model: 'openai/tts-1' })).toMatchObject({ __typename: 'Speech' });
    expect(await metersAfter(3)).toMatchObject({ IMAGES: 0, AUDIO_SECONDS: 9 });
    vendor.play({ do: 'answer', ...errorAnswer(400, { message: 'no sound', type: 'invalid_request_error' }) });
    expect(await client.transcribe({ content: wav(60) }, whisper)).toMatchObject({ code: 'PROVIDER_FAILED' });
    expect(await metersAfter(4)).toMatchObject({ AUDIO_SECONDS: 9 });
  });

  test('they have no limit, and other workspaces see nothing of them', async () => {
    await chat('What is this?', 1);
    await metersAfter(1);
    const { limits, percentages } = await usageOf();
    const names = ['EMBEDDINGS', 'LLM_CALLS', 'VECTOR_QUERIES', 'TOKENS', 'IMAGES', 'AUDIO_SECONDS'];
    expect(limits.map(({ meter }) => meter)).toEqual(names);
    expect(percentages.map(({ meter }) => meter)).toEqual(names);
    expect(limits.slice(3).map(({ limit }) => limit)).toEqual([null, null, null]);
    expect(percentages.slice(3).map(({ percent }) => percent)).toEqual([null, null, null]);
    await open(tier);
    expect(await metersAfter(0)).toEqual(NOTHING);
  });

  test('more than 2,147,483,647 are told', async () => {
    const at = Date.now();
    const many = {
      llmCalls: 1,
      inputTokens: MAX_TOKENS,
      outputTokens: 1,
      images: MAX_TOKENS,
      audioSeconds: MAX_TOKENS,
    };
    for (let calls = 0; calls < 2; calls++) {
      server.app.recorder.record(usageEvent(workspace.id, { ...many, at, metered: true }));
    }
    const twice = 2 * MAX_TOKENS;
    expect(await metersAfter(2)).toEqual({ TOKENS: twice + 2, IMAGES: twice, AUDIO_SECONDS: twice });
  });
});

test('sound whose client leaves counts with the call, as long as it is', async () => {
  await open('FREE');
  vendor.play({ do: 'silence' });
  const leaving = new AbortController();
  const left = client.transcribe({ content: wav(60) }, { model: 'openai/whisper-1' }, leaving.signal);
  await waitFor('the vendor to be asked', () => posts().length === 1);
  leaving.abort();
  await expect(left).rejects.toThrow();
  expect(await metersAfter(1)).toEqual({ ...NOTHING, AUDIO_SECONDS: 60 });
});
