import { once } from 'node:events';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ProviderError } from '../../../src/plugins/errors.ts';
import { waitFor } from '../../support/wait-for.ts';
import { startTestServer, type TestServer, type TestWorkspace } from '../server-harness.ts';
import { finish, type Script, ScriptedModels, says } from './scripted-provider.ts';

const models = new ScriptedModels();
let server: TestServer;
let workspace: TestWorkspace;

beforeAll(async () => {
  server = await startTestServer({ wrapProvider: models.wrap });
  workspace = await server.createWorkspace();
});

afterAll(() => server.close());

/** Of a kind that leaves the circuit closed: all of these tests share one provider. */
const BROKEN = new ProviderError('conflict', 'the vendor broke off');

interface Streamed {
  text: string;
  calls: { id: string; name: string; arguments: string }[];
  /** Code of the error event; null where there was none. */
  error: string | null;
  done: boolean;
  /** The response came to its proper end. */
  whole: boolean;
}

/** Hangs up, before there is an answer too. */
let leave = () => undefined as unknown;

async function open(fields: object = {}, key = workspace.ownerKey): Promise<IncomingMessage> {
  const body = JSON.stringify({
    ...{ model: 'local/writer', messages: [{ role: 'user', content: `Hello ${crypto.randomUUID()}` }], stream: true },
    ...{ signalbox: { fallbacks: ['local/second'] }, ...fields },
  });
  const request = httpRequest(`${server.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
  });
  request.end(body);
  leave = () => request.destroy();
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  return response;
}

/** Everything that a plain client gets, whatever becomes of the connection. */
async function readStream(response: IncomingMessage): Promise<Streamed> {
  let raw = '';
  response.setEncoding('utf8').on('data', (chunk: string) => {
    raw += chunk;
  });
  response.on('error', () => undefined);
  await once(response, 'close').catch(() => undefined);
  const streamed: Streamed = { text: '', calls: [], error: null, done: false, whole: response.complete };
  for (const event of raw.split('\n\n')) {
    if (event === 'data: [DONE]') streamed.done = true;
    else if (event.startsWith('data: ')) takeChunk(streamed, JSON.parse(event.slice(6)));
  }
  return streamed;
}

interface Chunk {
  error?: { code: string };
  choices?: { delta: { content?: string; tool_calls?: ChunkCall[] } }[];
}

interface ChunkCall {
  index: number;
  id?: string;
  function: { name?: string; arguments: string };
}

function takeChunk(streamed: Streamed, { error, choices = [] }: Chunk): void {
  if (error !== undefined) streamed.error = error.code;
  const delta = choices[0]?.delta;
  streamed.text += delta?.content ?? '';
  for (const { index, id = '', function: called } of delta?.tool_calls ?? []) {
    const known = streamed.calls[index] ?? { id, name: called.name ?? '', arguments: '' };
    streamed.calls[index] = { ...known, arguments: known.arguments + called.arguments };
  }
}

async function streamed(writer: Script, second: Script): Promise<Streamed> {
  models.play('writer', writer);
  models.play('second', second);
  return readStream(await open());
}

const broken = (...pieces: string[]): Script => [...says(...pieces).slice(0, -1), BROKEN];
const call = (id: string, name: string, ...args: string[]): Script =>
  args.map((piece, place) => ({
    ...({ kind: 'toolCall', index: 0, arguments: piece } as const),
    ...(place === 0 ? { id, name } : {}),
  }));

describe('a stream whose provider breaks off', () => {
  const whole = { error: null, done: true, whole: true };
  const restarted = { error: 'generation_restarted', done: false, whole: false };

  test('before its first piece is answered by the next provider, and nothing shows', async () => {
    expect(await streamed([BROKEN], says('Good', ' morning'))).toMatchObject({ text: 'Good morning', ...whole });
  });

  test('amid a text goes on with the same text of the next provider', async () => {
    expect(await streamed(broken('It ', 'is ra'), says('It is', ' raining', '.'))).toMatchObject({
      ...{ text: 'It is raining.', ...whole },
    });
  });

  test('amid a text ends with an error where the next provider answers otherwise', async () => {
    expect(await streamed(broken('It is ra'), says('It is ', 'sunny'))).toMatchObject({
      text: 'It is ra',
      ...restarted,
    });
  });

  test('amid a text ends with an error where the next answer is shorter', async () => {
    expect(await streamed(broken('It is raining'), says('It is'))).toMatchObject({
      text: 'It is raining',
      ...restarted,
    });
  });

  test('amid the call of a tool goes on with the same call', async () => {
    const second = [...call('call_b', 'weather', '{"city":"Bern"}'), finish('tool_calls')];
    expect(await streamed([...call('call_a', 'weather', '{"ci'), BROKEN], second)).toMatchObject({
      calls: [{ id: 'call_a', name: 'weather', arguments: '{"city":"Bern"}' }],
      ...whole,
    });
  });

  test('amid the call of a tool ends with an error where the next provider calls otherwise', async () => {
    const second = [...call('call_b', 'weather', '{"town":"Bern"}'), finish('tool_calls')];
    expect(await streamed([...call('call_a', 'weather', '{"ci'), BROKEN], second)).toMatchObject(restarted);
  });

  test('after a call without arguments ends with an error where the next provider does not call', async () => {
    const result = await streamed([...call('call_a', 'now', ''), BROKEN], says('It is noon.'));
    expect(result).toMatchObject({ calls: [{ name: 'now', arguments: '' }], ...restarted });
  });

  test('after a call without arguments is whole where the next provider makes the same one', async () => {
    const second = [...call('call_b', 'now', ''), finish('tool_calls')];
    expect(await streamed([...call('call_a', 'now', ''), BROKEN], second)).toMatchObject({
      calls: [{ id: 'call_a', name: 'now', arguments: '' }],
      ...whole,
    });
  });

  test('ends with an error where every provider does', async () => {
    const result = await streamed(broken('It is'), broken('It is'));
    expect(result).toMatchObject({ text: 'It is', done: false, whole: false });
    expect(result.error).not.toBeNull();
  });
});

describe('a client that hangs up', () => {
  const USAGE = /* GraphQL */ `
    { usage(range: { last: DAY }) { groups(by: [OPERATION]) { key totals { requests } } } }
  `;
  interface Usage {
    usage: { groups: { key: Record<string, string>; totals: { requests: number } }[] };
  }

  test('cancels the provider’s answer, and the attempt is counted', async () => {
    const { ownerKey } = await server.createWorkspace();
    models.play('writer', [{ kind: 'text', text: 'Good' }, 'hang']);
    const response = await open({}, ownerKey);
    await once(response, 'data');
    response.destroy();
    await models.cancelled[0];
    const requests = await waitFor('the attempt in the usage', async () => {
      const { body } = await server.query<Usage>(USAGE, {}, { key: ownerKey });
      const chat = body.data?.usage.groups.find(({ key }) => Object.values(key).includes('chat'));
      return chat?.totals.requests;
    });
    expect(requests).toBe(1);
  });

  test('before the first piece cancels it too', async () => {
    models.play('writer', ['hang']);
    const opening = open().catch((error: unknown) => error);
    await waitFor('the request at the provider', () => models.cancelled[0] !== undefined);
    leave();
    await models.cancelled[0];
    expect(await opening).toBeInstanceOf(Error);
  });
});
