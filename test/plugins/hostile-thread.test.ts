import { describe, expect, test } from 'vitest';
import { waitFor } from '../support/wait-for.ts';
import { call, openPlugin } from './plugin-harness.ts';

const HOSTILE = { kind: 'path', value: 'hostile.ts' } as const;
/** The server's number of it: the check of the plugin was the one before. */
const FIRST_CALL = 2;
const KEY = 'sk-a-secret-that-is-cut-in-two';

async function send(message: unknown) {
  const { provider } = await openPlugin(HOSTILE);
  return provider.generate?.({ model: JSON.stringify(message), messages: [] }, call());
}

describe('a message of a plugin’s thread that is none of ours', () => {
  const log = { kind: 'log', provider: 1, level: 'info', fields: '{}', message: 'hi' };
  test.each([
    ...['ready', 0, null, [], {}, { kind: 'unheard-of' }, { kind: 'result' }, { kind: 'part', id: 'one' }],
    ...[
      { ...log, level: 'constructor' },
      { ...log, fields: {} },
      { ...log, message: null },
      { ...log, provider: '1' },
    ],
  ])('ends that thread, and nothing of the server: %j', async (message) => {
    await expect(send(message)).rejects.toMatchObject({
      ...{ name: 'ProviderError', kind: 'unavailable', message: expect.stringContaining('no message of this server') },
    });
  });

  test.each([null, 'boom', { kind: 'nobody', message: 'x' }, { kind: 'server' }])(
    'as the failure of a call is malformed: %j',
    async (error) => {
      await expect(send({ kind: 'error', id: FIRST_CALL, error })).rejects.toMatchObject({
        ...{ name: 'ProviderError', kind: 'malformed' },
      });
    },
  );

  test.each([null, {}, { vectors: null }, { vectors: { values: [1], lengths: [1] } }])(
    'as vectors is malformed: %j',
    async (value) => {
      const { provider } = await openPlugin(HOSTILE);
      const model = JSON.stringify({ kind: 'result', id: FIRST_CALL, value });
      await expect(provider.embed?.({ model, texts: [], purpose: 'query' }, call())).rejects.toMatchObject({
        ...{ name: 'ProviderError', kind: 'malformed' },
      });
    },
  );
});

describe('a credential', () => {
  test('that the cut of a long message would go through is not shown by half', async () => {
    const { provider } = await openPlugin(HOSTILE, { apiKey: KEY });
    const failure = provider.generate?.({ model: 'long-error', messages: [] }, call());
    await expect(failure).rejects.toMatchObject({ message: `${'x'.repeat(1_990)}[redacted]` });
  });

  test('that the cut of a long line would go through is not logged by half', async () => {
    const { provider, lines } = await openPlugin(HOSTILE, { apiKey: KEY });
    const caller = new AbortController();
    const asked = provider.generate?.({ model: 'long-line', messages: [] }, call(caller.signal));
    asked?.catch(() => undefined);
    const line = await waitFor('the line', () => lines.find(({ fields }) => JSON.stringify(fields).includes('xxx')));
    expect(line?.fields).toEqual({ plugin: 'hostile', output: `${'x'.repeat(1_990)}[redacted]` });
    caller.abort(new Error('left'));
  });
});
