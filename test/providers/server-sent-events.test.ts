import { describe, expect, test } from 'vitest';
import type { PostResponse } from '../../src/plugins/contract.ts';
import { type ServerSentEvent, serverSentEvents } from '../../src/providers/server-sent-events.ts';

/** An answer in these pieces. */
function answerOf(...pieces: (string | Uint8Array)[]): PostResponse {
  async function* chunks() {
    for (const piece of pieces) yield typeof piece === 'string' ? Buffer.from(piece) : piece;
  }
  return { status: 200, headers: {}, text: async () => pieces.join(''), chunks };
}

async function dataOf(response: PostResponse, read?: (text: string) => ServerSentEvent[]): Promise<string[]> {
  const data: string[] = [];
  for await (const event of serverSentEvents(response, read)) data.push(event.data);
  return data;
}

describe('the last event of a stream', () => {
  test.each([
    ['no empty line after it', 'data: {"n":2}\n'],
    ['no end of its line', 'data: {"n":2}'],
    ['no end of its line, and was the mark of the end', 'data: [DONE]'],
  ])('that has %s is read', async (_lack, last) => {
    expect(await dataOf(answerOf('data: {"n":1}\n\n', last))).toEqual(['{"n":1}', last.trim().slice('data: '.length)]);
  });

  test.each(['data: {"n":', 'data: [DON', 'dat', 'data: {"n":"2'])('that is cut to %j is none', async (last) => {
    expect(await dataOf(answerOf('data: {"n":1}\n\n', last))).toEqual(['{"n":1}']);
  });
});

test('a stream that is cut anywhere, also within a character, has no event that is not its own', async () => {
  const events = ['{"text":"Grüße 🎉"}', '{"text":"aus Köln","n":12}', '[DONE]'];
  const whole = Buffer.from(events.map((data) => `data: ${data}\r\n\r\n`).join(''));
  for (let length = 0; length <= whole.length; length++) {
    const [first, second] = [whole.subarray(0, Math.floor(length / 2)), whole.subarray(Math.floor(length / 2), length)];
    const read = await dataOf(answerOf(first, second));
    expect(read).toEqual(events.slice(0, read.length));
  }
});

test('an event that is too long fails as the answer of a provider does, also where it ends the stream', async () => {
  await expect(dataOf(answerOf(`data: ${'x'.repeat(32 * 1024 * 1024)}`))).rejects.toMatchObject({ kind: 'malformed' });
});

describe('an answer without an event', () => {
  test('is read as a whole', async () => {
    const read = (text: string) => [{ event: undefined, data: text.toUpperCase() }];
    expect(await dataOf(answerOf('{"error":', '{"message":"no"}}'), read)).toEqual(['{"ERROR":{"MESSAGE":"NO"}}']);
  });

  test('is not read where events came, nor beyond 4 MB', async () => {
    const read = () => [{ event: undefined, data: 'read' }];
    expect(await dataOf(answerOf('data: {}\n\n', '{"error":1}'), read)).toEqual(['{}']);
    expect(await dataOf(answerOf('data: {}'), read)).toEqual(['{}']);
    const megabyte = 'x'.repeat(1024 * 1024);
    expect(await dataOf(answerOf(...Array(5).fill(`${megabyte}\n`)), read)).toEqual([]);
  });
});
