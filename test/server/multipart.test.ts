import { once } from 'node:events';
import { request as httpRequest } from 'node:http';
import { connect, type Socket } from 'node:net';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { ReadableStream } from 'node:stream/web';
import { afterEach, describe, expect, test } from 'vitest';
import type { MultipartLimits } from '../../src/server/multipart-request.ts';
import type { Upload } from '../../src/shared/upload.ts';
import { waitFor } from '../support/wait-for.ts';
import {
  manyFiles,
  oneFile,
  post,
  startUploadServer,
  TAKE_ONE,
  type Take,
  type UploadServer,
} from './upload-server.ts';

const MAX_BYTES = 4 * 1024 * 1024;

let server: UploadServer | null = null;
afterEach(async () => {
  await server?.close();
  server = null;
});

async function start(take: Take, limits: Partial<MultipartLimits> = {}): Promise<UploadServer> {
  server = await startUploadServer(take, MAX_BYTES, limits);
  return server;
}

const readAll: Take = async (files) => {
  const texts: string[] = [];
  for (const file of files) texts.push(await text(file.open()));
  return texts.join('|');
};

const BOUNDARY = 'a-boundary';
const part = (name: string, content: string, fileName?: string) =>
  `--${BOUNDARY}\r\ncontent-disposition: form-data; name="${name}"${fileName === undefined ? '' : `; filename="${fileName}"`}\r\n\r\n${content}\r\n`;
const OPERATIONS = part('operations', JSON.stringify({ query: TAKE_ONE, variables: { file: null } }));
const MAP = part('map', '{"0":["variables.file"]}');
const END = `--${BOUNDARY}--\r\n`;

/** Posts bytes as they are. */
async function postRaw(body: string, headers: Record<string, string> = {}) {
  const response = await fetch((server as UploadServer).url, {
    method: 'POST',
    headers: { 'content-type': `multipart/form-data; boundary=${BOUNDARY}`, 'x-signalbox-csrf': '1', ...headers },
    body,
    signal: AbortSignal.timeout(50_000),
  });
  return {
    status: response.status,
    body: (await response.json()) as { errors?: { message: string; extensions: { code: string } }[] },
  };
}

/** A request whose body comes as the test sends it. */
function openRequest(port: number, contentLength?: number): Socket {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => undefined);
  socket.write(
    `POST /graphql HTTP/1.1\r\nhost: x\r\nx-signalbox-csrf: 1\r\ncontent-type: multipart/form-data; boundary=${BOUNDARY}\r\n` +
      `${contentLength === undefined ? 'transfer-encoding: chunked' : `content-length: ${contentLength}`}\r\n\r\n`,
  );
  return socket;
}

const chunk = (content: string) => `${Buffer.byteLength(content).toString(16)}\r\n${content}\r\n`;

describe('a file', () => {
  test('comes with its name and type, and its content as it was sent', async () => {
    const { url } = await start(async ([file]) => {
      const { fileName, mimeType } = file as Upload;
      return JSON.stringify({ fileName, mimeType, content: await text((file as Upload).open()) });
    });
    const { status, body } = await post(
      url,
      oneFile('title\nGrüße\n', 'Grüße aus Köln.csv', 'text/csv; charset=utf-8'),
    );
    expect(status).toBe(200);
    expect(JSON.parse(body.data?.take ?? '')).toEqual({
      fileName: 'Grüße aus Köln.csv',
      mimeType: 'text/csv',
      content: 'title\nGrüße\n',
    });
  });

  test.each([
    ['../../etc/passwd', 'passwd'],
    ['C:\\Users\\me\\letters.csv', 'letters.csv'],
    ['a\u202efdp.exe', 'afdp.exe'],
    ['x'.repeat(400), 'x'.repeat(255)],
  ])('that the client calls %j has the name %j', async (given, seen) => {
    const { url } = await start(async ([file]) => (file as Upload).fileName);
    expect((await post(url, oneFile('x', given))).body.data?.take).toBe(seen);
  });

  test('may be empty', async () => {
    const { url } = await start(readAll);
    expect((await post(url, oneFile(''))).body.data?.take).toBe('');
  });

  test('is read while it comes: the mutation runs before the client has sent its end', async () => {
    const seen: string[] = [];
    const { port } = await start(async ([file]) => {
      for await (const bytes of (file as Upload).open()) seen.push(String(bytes));
      return seen.join('');
    });
    const socket = openRequest(port);
    const answer = text(socket);
    socket.write(chunk(OPERATIONS + MAP + part('0', 'first', 'a.txt').replace(/\r\n$/, '')));
    await waitFor('the first bytes to be read', () => seen.join('') === 'first');
    socket.write(chunk(` second\r\n${END}`));
    socket.end('0\r\n\r\n');
    expect(await answer).toContain('first second');
  });

  test('is read no faster than it is used: a client does not get far ahead of a resolver that waits', async () => {
    let going = () => {};
    const gone = new Promise<void>((resolve) => {
      going = resolve;
    });
    const { url } = await start(async ([file]) => {
      const content = (file as Upload).open();
      await gone;
      let bytes = 0;
      for await (const piece of content) bytes += (piece as Buffer).length;
      return String(bytes);
    });
    const size = 3 * 1024 * 1024;
    const body = OPERATIONS + MAP + part('0', 'x'.repeat(size), 'a.txt') + END;
    const client = httpRequest(url, {
      method: 'POST',
      headers: { 'content-type': `multipart/form-data; boundary=${BOUNDARY}`, 'x-signalbox-csrf': '1' },
    });
    const answered = once(client, 'response');
    // The kernel's buffers take some of it; what the server has taken from its socket is what counts.
    const [socket] = (await Promise.all([once(server?.server as never, 'connection'), client.write(body)]))[0] as [
      Socket,
    ];
    await waitFor('the server to stop reading', () => socket.bytesRead > 100_000 && socket.isPaused?.() !== undefined);
    expect(socket.bytesRead).toBeLessThan(1024 * 1024);
    going();
    client.end();
    const [response] = (await answered) as [Readable];
    expect(await text(response)).toContain(String(size));
  });

  test('that is larger than it may be fails while it is read, and the answer says what is allowed', async () => {
    const { url } = await start(readAll);
    // Without a length, as a client streams.
    const { body } = await postStream(url, MAX_BYTES + 1);
    expect(body.errors?.[0]).toMatchObject({ extensions: { code: 'BAD_INPUT' } });
    expect(body.errors?.[0]?.message).toMatch(/file: a file may have 4194304 bytes/);
  });

  test('of exactly the size that is allowed passes', async () => {
    const { url } = await start(async ([file]) => String((await text((file as Upload).open())).length));
    expect((await postStream(url, MAX_BYTES)).body.data?.take).toBe(String(MAX_BYTES));
  });

  test('that is said to be too large is refused before it is sent', async () => {
    const { port, taken } = await start(readAll);
    const socket = openRequest(port, MAX_BYTES * 2 + 10_000_000);
    const answer = text(socket);
    socket.write(OPERATIONS + MAP + part('0', 'x', 'a.txt'));
    await waitFor('an answer', () => socket.bytesRead > 0);
    socket.end();
    expect(await answer).toMatch(/^HTTP\/1.1 413[\s\S]*a file may have 4194304 bytes/);
    expect(taken()).toBe(0);
  });

  test('that nobody reads does not hold up the answer, and the connection can be used again', async () => {
    const { url } = await start(async ([file]) => (file as Upload).fileName);
    for (const size of [10, 3_000_000]) {
      expect((await post(url, oneFile('x'.repeat(size), 'unread.txt'))).body.data?.take).toBe('unread.txt');
    }
    expect((await post(url, oneFile('x', 'again.txt'))).body.data?.take).toBe('again.txt');
  });

  test('that nobody reads and that has no end ends with its connection, soon after the answer', async () => {
    const { port } = await start(async () => 'not wanted', { lingerMs: 200 });
    const socket = openRequest(port);
    let answered = '';
    socket.setEncoding('utf8').on('data', (piece: string) => {
      answered += piece;
    });
    socket.write(chunk(OPERATIONS + MAP + part('0', 'x', 'a.txt').replace(/\r\n$/, '')));
    await waitFor('the answer', () => answered.includes('not wanted'));
    // A reset is an end too.
    const closed = new Promise((resolve) => socket.once('close', resolve));
    const sending = setInterval(() => socket.write(chunk('more and more')), 5);
    await closed;
    clearInterval(sending);
  });

  test('that is read in part lets the answer come', async () => {
    const { url } = await start(async ([file]) => {
      const content = (file as Upload).open();
      const [first] = await content.take(1).toArray();
      return String((first as Buffer).length > 0 && content.destroyed);
    });
    expect((await post(url, oneFile('x'.repeat(3_000_000)))).body.data?.take).toBe('true');
  });

  test('fails for its reader where the client breaks off, and nothing waits for it any more', async () => {
    const failures: Error[] = [];
    const { port, server: http } = await start(async ([file]) => {
      await text((file as Upload).open()).catch((error: Error) => failures.push(error));
      return 'x';
    });
    const socket = openRequest(port);
    socket.write(chunk(OPERATIONS + MAP + part('0', 'the beginning', 'a.txt')));
    await waitFor('the mutation to run', () => server?.taken() === 1);
    socket.resetAndDestroy();
    await waitFor('the reading to fail', () => failures.length === 1);
    expect(failures[0]?.message).toMatch(/broke off/);
    await waitFor(
      'no connection',
      () => new Promise((resolve) => http.getConnections((_, count) => resolve(count === 0))),
    );
  });

  test('fails for its reader where the body ends in the middle of it', async () => {
    await start(readAll);
    const { body } = await postRaw(OPERATIONS + MAP + part('0', 'the beginning', 'a.txt'));
    expect(body.errors?.[0]).toMatchObject({ extensions: { code: 'BAD_INPUT' } });
    expect(body.errors?.[0]?.message).toMatch(/Unexpected end of multipart data|terminated early/);
  });

  test('fails for its reader where the client says nothing for too long, but not where the reader is the slow one', async () => {
    const { port } = await start(readAll, { silenceMs: 100 });
    const socket = openRequest(port);
    const answer = text(socket);
    socket.write(chunk(OPERATIONS + MAP + part('0', 'the beginning', 'a.txt').replace(/\r\n$/, '')));
    await waitFor('an answer', () => socket.bytesRead > 0);
    socket.end();
    expect(await answer).toMatch(/nothing came for 100 ms/);
    await server?.close();

    const { url } = await start(
      async ([file]) => {
        const content = (file as Upload).open();
        await new Promise((resolve) => setTimeout(resolve, 2_500));
        return String((await text(content)).length);
      },
      { silenceMs: 1_000 },
    );
    expect((await post(url, oneFile('x'.repeat(3_000_000)))).body.data?.take).toBe('3000000');
  });

  test('can be opened once', async () => {
    const { url } = await start(async ([file]) => {
      (file as Upload).open();
      return text((file as Upload).open());
    });
    expect((await post(url, oneFile('x'))).body.errors?.[0]?.message).toMatch(/used twice/);
  });
});

/** Posts a file of so many bytes as a stream, without saying how long it is. */
async function postStream(url: string, bytes: number) {
  const content = function* () {
    yield Buffer.from(OPERATIONS + MAP + part('0', '', 'a.txt').replace(/\r\n$/, ''));
    for (let sent = 0; sent < bytes; sent += 65_536) yield Buffer.alloc(Math.min(65_536, bytes - sent), 'x');
    yield Buffer.from(`\r\n${END}`);
  };
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': `multipart/form-data; boundary=${BOUNDARY}`, 'x-signalbox-csrf': '1' },
    body: ReadableStream.from(content()) as never,
    duplex: 'half',
    signal: AbortSignal.timeout(50_000),
  } as RequestInit);
  return { status: response.status, body: (await response.json()) as Awaited<ReturnType<typeof post>>['body'] };
}

describe('several files', () => {
  test('are read one after the other', async () => {
    const { url } = await start(readAll);
    expect((await post(url, manyFiles(['one', 'x'.repeat(200_000), 'three']))).body.data?.take).toBe(
      `one|${'x'.repeat(200_000)}|three`,
    );
  });

  test('are read all at once', async () => {
    const { url } = await start(async (files) =>
      (await Promise.all(files.map((file) => text(file.open())))).map(({ length }) => length).join(),
    );
    const sizes = [3, 400_000, 1, 300_000];
    expect((await post(url, manyFiles(sizes.map((size) => 'x'.repeat(size))))).body.data?.take).toBe(sizes.join());
  });

  test('tell their names when they have begun', async () => {
    const { url } = await start(async (files) => {
      const seen: string[] = [];
      for (const file of files) {
        await file.begun();
        seen.push(`${file.fileName}=${(await text(file.open())).length}`);
      }
      return seen.join();
    });
    expect((await post(url, manyFiles(['x', 'x'.repeat(300_000), '']))).body.data?.take).toBe(
      '0.txt=1,1.txt=300000,2.txt=0',
    );
  });

  test.each([1, 300_000])('of %i bytes are passed over by reading one behind them, and say so', async (size) => {
    const { url } = await start(async ([first, second]) => {
      const read = await text((second as Upload).open());
      return `${read} ${await text((first as Upload).open()).catch((error: Error) => error.message)}`;
    });
    const { body } = await post(url, manyFiles(['x'.repeat(size), 'second']));
    expect(body.data?.take).toMatch(/^second files.0: another file of the request was read before it/);
  });

  test('that `map` names and the request does not have are missing for who reads them', async () => {
    await start(async ([file, missing]) => {
      const read = await text((file as Upload).open());
      return `${read} ${await text((missing as Upload).open()).catch((error: Error) => error.message)}`;
    });
    const form = manyFiles(['here', 'gone']);
    form.delete('1');
    expect((await post((server as UploadServer).url, form)).body.data?.take).toMatch(
      /^here files.1: `map` names this file/,
    );
  });

  test('that are missing are so at once for who reads nothing else', async () => {
    await start(async ([, missing]) => text((missing as Upload).open()).catch((error: Error) => error.message));
    const form = manyFiles(['x'.repeat(500_000), 'gone']);
    form.delete('1');
    expect((await post((server as UploadServer).url, form)).body.data?.take).toMatch(/`map` names this file/);
  });

  test('of which one was given up let the next one come', async () => {
    const { url } = await start(async ([first, second]) => {
      (first as Upload).open().destroy();
      return text((second as Upload).open());
    });
    expect((await post(url, manyFiles(['x'.repeat(1_000_000), 'second']))).body.data?.take).toBe('second');
  });

  test('that `map` does not name are let go by', async () => {
    const { url } = await start(readAll);
    const form = oneFile('wanted');
    form.set('other', new Blob(['x'.repeat(100_000)]), 'other.txt');
    expect((await post(url, form)).body.data?.take).toBe('wanted');
  });

  test('may be 20', async () => {
    const { url, taken } = await start(readAll);
    expect((await post(url, manyFiles(Array(20).fill('x')))).body.data?.take).toBe(Array(20).fill('x').join('|'));
    const { status, body } = await post(url, manyFiles(Array(21).fill('x')));
    expect({ status, message: body.errors?.[0]?.message }).toEqual({
      status: 400,
      message: 'a request may have 20 files',
    });
    expect(taken()).toBe(1);
  });
});

describe('a multipart request is refused with 400 and nothing is executed', () => {
  const query = JSON.stringify({ query: TAKE_ONE, variables: { file: null } });
  const FILE = part('0', 'x', 'a.txt');
  test.each<[string, string, RegExp]>([
    ['where `map` comes before `operations`', MAP + OPERATIONS + FILE + END, /`operations` must come before `map`/],
    ['where a file comes first', FILE + OPERATIONS + MAP + END, /must come before the files/],
    ['where a file comes before `map`', OPERATIONS + FILE + MAP + END, /must come before the files/],
    ['without `operations`', MAP + END, /`operations` must come before/],
    ['without `map`', OPERATIONS + END, /`operations` and `map` must come before/],
    ['without the file that `map` names', OPERATIONS + MAP + END, /names files that the request does not have: 0/],
    ['whose `operations` are no JSON', part('operations', '{') + MAP + FILE + END, /`operations` is no JSON/],
    ['whose `operations` are a batch', part('operations', `[${query}]`) + MAP + FILE + END, /no batch/],
    ['whose `operations` are no object', part('operations', '1') + MAP + FILE + END, /must be an object/],
    ['with `operations` twice', OPERATIONS + OPERATIONS + MAP + FILE + END, /came twice/],
    ['with `map` twice', OPERATIONS + MAP + MAP + FILE + END, /came twice/],
    ['whose `map` is no JSON', OPERATIONS + part('map', 'x') + FILE + END, /`map` is no JSON/],
    ['whose `map` is a list', OPERATIONS + part('map', '[]') + FILE + END, /`map` must be an object/],
    ['whose `map` names no path', OPERATIONS + part('map', '{"0":[]}') + FILE + END, /`map` must be an object/],
    [
      'whose `map` leads out of the variables',
      OPERATIONS + part('map', '{"0":["query"]}') + FILE + END,
      /`map` must be/,
    ],
    ['whose `map` leads nowhere', OPERATIONS + part('map', '{"0":["variables.none"]}') + FILE + END, /must have null/],
    [
      'whose `map` leads to a prototype',
      OPERATIONS + part('map', '{"0":["variables.__proto__.x"]}') + FILE + END,
      /must have null/,
    ],
    [
      'whose `map` puts two files in one place',
      OPERATIONS + part('map', '{"0":["variables.file"],"1":["variables.file"]}') + FILE + END,
      /must have null/,
    ],
    ['that is cut off in `operations`', OPERATIONS.slice(0, 90), /cannot be read/],
    ['that is empty', '', /cannot be read|must come before/],
    ['that has no parts', 'nothing of this is multipart', /cannot be read|must come before/],
  ])('%s', async (_, body, reason) => {
    const { taken } = await start(readAll);
    const answer = await postRaw(body);
    expect(answer.body.errors?.[0]?.message).toMatch(reason);
    expect(answer).toMatchObject({ status: 400, body: { errors: [{ extensions: { code: 'BAD_INPUT' } }] } });
    expect(taken()).toBe(0);
    expect(Object.prototype).not.toHaveProperty('x');
  });

  test('where its header names no boundary', async () => {
    await start(readAll);
    const answer = await postRaw(END, { 'content-type': 'multipart/form-data' });
    expect(answer).toMatchObject({ status: 400, body: { errors: [{ extensions: { code: 'BAD_INPUT' } }] } });
  });

  test.each([
    ['without that header', `content-type: multipart/form-data; boundary=${BOUNDARY}`],
    ['without a boundary', 'x-signalbox-csrf: 1\r\ncontent-type: multipart/form-data'],
  ])('that goes on after its refusal, %s, ends with its connection', async (_why, headers) => {
    const { port } = await start(readAll, { lingerMs: 200 });
    const socket = connect(port, '127.0.0.1').on('error', () => undefined);
    socket.resume();
    const closed = new Promise((resolve) => socket.once('close', resolve));
    socket.write(`POST /graphql HTTP/1.1\r\nhost: x\r\n${headers}\r\ntransfer-encoding: chunked\r\n\r\n`);
    const sending = setInterval(() => socket.write(chunk('more and more')), 5);
    await closed;
    clearInterval(sending);
    expect(socket.bytesRead).toBeGreaterThan(0);
  });

  test('that a form of another site could send: without a header that makes the browser ask', async () => {
    const { url, taken } = await start(readAll);
    const answer = await post(url, oneFile('x'), { 'x-signalbox-csrf': '' });
    expect(answer.status).toBe(400);
    expect(answer.body.errors?.[0]?.message).toMatch(/x-signalbox-csrf/);
    expect(taken()).toBe(0);
    for (const header of ['authorization', 'apollo-require-preflight', 'x-graphql-yoga-csrf']) {
      expect((await post(url, oneFile('x'), { 'x-signalbox-csrf': '', [header]: 'yes' })).status).toBe(200);
    }
  });
});

describe('`operations`', () => {
  test('of more than a mebibyte are refused with 413', async () => {
    const { taken } = await start(readAll);
    const long = JSON.stringify({ query: TAKE_ONE, variables: { file: null, text: 'x'.repeat(1024 * 1024) } });
    const answer = await postRaw(part('operations', long) + MAP + part('0', 'x', 'a.txt') + END);
    expect(answer.status).toBe(413);
    expect(taken()).toBe(0);
  });

  test('that come too slowly are refused, however alive the client seems', async () => {
    const { port, taken } = await start(readAll, { operationsMs: 150 });
    const socket = openRequest(port);
    const answer = text(socket);
    const sending = setInterval(() => socket.write(chunk('-')), 10);
    await waitFor('an answer', () => socket.bytesRead > 0);
    clearInterval(sending);
    socket.end();
    expect(await answer).toMatch(/^HTTP\/1.1 408[\s\S]*took too long/);
    expect(taken()).toBe(0);
  });

  test('may come as parts with a file name, as some clients send them', async () => {
    await start(readAll);
    const named = OPERATIONS.replace('name="operations"', 'name="operations"; filename="operations.json"');
    const answer = await postRaw(named + MAP + part('0', 'content', 'a.txt') + END);
    expect(answer.body).toEqual({ data: { take: 'content' } });
  });

  test('without files are executed', async () => {
    await start(async () => 'nothing');
    const operations = part('operations', JSON.stringify({ query: 'mutation { take }' }));
    expect((await postRaw(operations + part('map', '{}') + END)).body).toEqual({ data: { take: 'nothing' } });
  });
});

test('a body that has stopped being executed for whatever reason leaves no open connection and no unhandled error', async () => {
  const { url, server: http } = await start(async () => {
    throw new Error('unexpected');
  });
  const bodies = Array.from({ length: 30 }, (_, index) => oneFile('x'.repeat(index * 50_000)));
  const answers = await Promise.all(bodies.map((form) => post(url, form).catch(() => null)));
  for (const answer of answers) expect(answer?.body.errors?.[0]?.extensions.code ?? 'INTERNAL').toBe('INTERNAL');
  http.closeIdleConnections();
  await waitFor(
    'no connection',
    () => new Promise((resolve) => http.getConnections((_, count) => resolve(count === 0))),
  );
});
