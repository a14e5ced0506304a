import { randomBytes } from 'node:crypto';
import { readdirSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { FileMissingError, type FileStore } from '../../src/db/file-store.ts';
import { LocalFileStore } from '../../src/db/local-file-store.ts';
import { openFileStore } from '../../src/db/open-file-store.ts';
import { S3FileStore } from '../../src/db/s3-file-store.ts';
import { type S3Server, startS3Server } from '../support/s3-server.ts';
import { makeTempFolder, type TempFolder } from '../support/temp-folder.ts';

const MIB = 1024 * 1024;

interface OpenStore {
  store: FileStore;
  /** Everything that is there, also what was begun and not finished. */
  leftovers(): string[];
  close(): Promise<void>;
}

async function openLocal(): Promise<OpenStore> {
  const folder: TempFolder = makeTempFolder('files');
  const store = await openFileStore({ s3: undefined, filesDir: join(folder.path, 'below', 'files') });
  const leftovers = () =>
    readdirSync(folder.path, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map(({ name }) => name);
  return { store, leftovers, close: () => folder.remove() };
}

async function openS3(): Promise<OpenStore> {
  const server = await startS3Server({ pageSize: 3 });
  const store = await openFileStore({ s3: configOf(server), filesDir: '/nowhere' });
  const close = async () => {
    await store.close();
    await server.close();
  };
  const leftovers = () => [
    ...server.files.keys(),
    ...Array.from({ length: server.unfinishedUploads() }, () => 'unfinished'),
  ];
  return { store, leftovers, close };
}

const configOf = ({ endpoint, bucket, accessKeyId, secretAccessKey }: S3Server) => ({
  ...{ endpoint, bucket, region: 'us-east-1', forcePathStyle: true },
  credentials: { accessKeyId, secretAccessKey },
});

/** Chunks of a mebibyte, each of another byte; @param thrown after them */
function mebibytes(count: number, thrown?: Error): Readable {
  const chunks = function* () {
    for (let index = 0; index < count; index++) yield Buffer.alloc(MIB, index);
    if (thrown !== undefined) throw thrown;
  };
  return Readable.from(chunks());
}

const bytes = (text: string) => Readable.from([Buffer.from(text)]);

describe.each([
  { kind: 'a folder', open: openLocal },
  { kind: 'an S3-compatible bucket', open: openS3 },
])('$kind', ({ open }) => {
  let opened: OpenStore;
  let store: FileStore;
  beforeAll(async () => {
    opened = await open();
    store = opened.store;
  });
  afterAll(() => opened?.close());
  const textOf = async (key: string, fromByte?: number) => (await buffer(await store.read(key, fromByte))).toString();

  test('gives back what was written, also from the middle, and says how much it is', async () => {
    expect(await store.write('ws_1/text', bytes('hello, world'))).toBe(12);
    expect(await textOf('ws_1/text')).toBe('hello, world');
    expect(await textOf('ws_1/text', 7)).toBe('world');
  });

  test('has nothing to read at the end of a file and behind it', async () => {
    await store.write('ws_1/short', bytes('abc'));
    expect(await textOf('ws_1/short', 3)).toBe('');
    expect(await textOf('ws_1/short', 100)).toBe('');
  });

  test('keeps an empty file', async () => {
    expect(await store.write('ws_1/empty', Readable.from([]))).toBe(0);
    expect(await textOf('ws_1/empty')).toBe('');
  });

  test('keeps a file of many parts byte for byte', async () => {
    const content = randomBytes(19 * MIB + 17);
    const chunks = Array.from({ length: 200 }, (_, index) =>
      content.subarray(Math.floor((index * content.length) / 200), Math.floor(((index + 1) * content.length) / 200)),
    );
    expect(await store.write('ws_1/large', Readable.from(chunks))).toBe(content.length);
    expect((await buffer(await store.read('ws_1/large'))).equals(content)).toBe(true);
    expect((await buffer(await store.read('ws_1/large', 9 * MIB))).equals(content.subarray(9 * MIB))).toBe(true);
  });

  test('replaces a file by the one that is written over it', async () => {
    await store.write('ws_1/replaced', bytes('before'));
    await store.write('ws_1/replaced', bytes('after'));
    expect(await textOf('ws_1/replaced')).toBe('after');
  });

  test('says of a file that is not there, and of what others are in, that it is missing', async () => {
    await store.write('ws_1/folder/file', bytes('x'));
    await expect(store.read('ws_1/none')).rejects.toThrow(FileMissingError);
    await expect(store.read('ws_1/folder')).rejects.toThrow(FileMissingError);
    await expect(store.read('ws_1/folder/file/below')).rejects.toThrow(FileMissingError);
  });

  test.each([1, 20])('leaves nothing of a stream that fails after %i MiB, and tells its failure', async (count) => {
    await store.write('ws_2/kept', bytes('the old one'));
    const before = opened.leftovers();
    await expect(store.write('ws_2/kept', mebibytes(count, new Error('broke off')))).rejects.toThrow('broke off');
    await expect(store.write('ws_2/new', mebibytes(count, new Error('broke off')))).rejects.toThrow('broke off');
    expect(opened.leftovers()).toEqual(before);
    expect(await textOf('ws_2/kept')).toBe('the old one');
  });

  test('leaves nothing of a writing that is aborted, and destroys its stream', async () => {
    const before = opened.leftovers();
    const aborting = new AbortController();
    const endless = Readable.from(
      (async function* () {
        for (let index = 0; ; index++) {
          if (index === 12) setImmediate(() => aborting.abort());
          yield await nextTurn(Buffer.alloc(MIB));
        }
      })(),
    );
    await expect(store.write('ws_2/aborted', endless, aborting.signal)).rejects.toMatchObject({ name: 'AbortError' });
    expect(endless.destroyed).toBe(true);
    expect(opened.leftovers()).toEqual(before);
  });

  test('lets a reader stop in the middle', async () => {
    await store.write('ws_2/stopped', mebibytes(12));
    const reading = await store.read('ws_2/stopped');
    const [first] = await reading.take(1).toArray();
    expect((first as Buffer).length).toBeGreaterThan(0);
    expect(reading.destroyed).toBe(true);
  });

  test('deletes a file; to delete one that is not there is no error', async () => {
    await store.write('ws_3/gone', bytes('x'));
    await store.delete('ws_3/gone');
    await store.delete('ws_3/gone');
    await expect(store.read('ws_3/gone')).rejects.toThrow(FileMissingError);
  });

  test('deletes everything below a prefix, and nothing of a name that only begins like it', async () => {
    const below = Array.from({ length: 8 }, (_, index) => `ws_4/imports/imp_${index}/source`);
    for (const key of [...below, 'ws_4/other', 'ws_44/imports/imp_1/source']) await store.write(key, bytes(key));
    await store.deleteBelow('ws_4/imports/');
    for (const key of below) await expect(store.read(key)).rejects.toThrow(FileMissingError);
    expect(await textOf('ws_4/other')).toBe('ws_4/other');
    expect(await textOf('ws_44/imports/imp_1/source')).toBe('ws_44/imports/imp_1/source');
    await store.deleteBelow('ws_4/never/');
  });

  test('loses no file that is written while others below the same prefix are deleted', async () => {
    const rounds = Array.from({ length: 20 }, (_, index) => index);
    await Promise.all(
      rounds.flatMap((index) => [store.write(`ws_5/${index}/a`, bytes('a')), store.deleteBelow('ws_5/none/')]),
    );
    for (const index of rounds) expect(await textOf(`ws_5/${index}/a`)).toBe('a');
  });

  const BAD_KEYS = [
    ...['', '/', '/etc/passwd', '../x', 'a/../../x', 'a/..', 'a/./b', 'a//b', 'a/', '.hidden', 'a/.hidden', 'a\\b'],
    ...['a\0b', 'a b', 'a%2e%2e/b', 'ä', 'a/\n', 'x'.repeat(201), Array(300).fill('ab').join('/'), 'C:/x'],
  ];
  test.each(BAD_KEYS)('the key %j is refused by every call', async (key) => {
    await expect(store.write(key, bytes('x'))).rejects.toThrow(TypeError);
    await expect(store.read(key)).rejects.toThrow(TypeError);
    await expect(store.delete(key)).rejects.toThrow(TypeError);
    await expect(store.deleteBelow(`${key}/`)).rejects.toThrow(TypeError);
  });

  test('a prefix that does not end in a slash is refused', async () => {
    await expect(store.deleteBelow('ws_4')).rejects.toThrow(TypeError);
  });
});

describe('a folder', () => {
  test('and its files are for their owner’s eyes alone', async () => {
    const folder = makeTempFolder('files');
    const store = await LocalFileStore.open(join(folder.path, 'files'));
    await store.write('ws_1/secret', bytes('x'));
    expect(statSync(join(folder.path, 'files')).mode & 0o777).toBe(0o700);
    expect(statSync(join(folder.path, 'files/ws_1')).mode & 0o777).toBe(0o700);
    expect(statSync(join(folder.path, 'files/ws_1/secret')).mode & 0o777).toBe(0o600);
    await folder.remove();
  });

  test('is cleared at a start of what a dead process left unfinished, and of nothing that may still be written', async () => {
    const folder = makeTempFolder('files');
    await LocalFileStore.open(folder.path);
    const [old, young] = ['old', 'young'].map((name) => join(folder.path, '.unfinished', name)) as [string, string];
    writeFileSync(old, 'x');
    writeFileSync(young, 'x');
    const twoDaysAgo = Date.now() / 1_000 - 2 * 24 * 60 * 60;
    utimesSync(old, twoDaysAgo, twoDaysAgo);
    await LocalFileStore.open(folder.path);
    expect(readdirSync(join(folder.path, '.unfinished'))).toEqual(['young']);
    await folder.remove();
  });
});

describe('a bucket', () => {
  let server: S3Server;
  let store: FileStore;
  beforeAll(async () => {
    server = await startS3Server();
    store = await openFileStore({ s3: configOf(server), filesDir: '/nowhere' });
  });
  afterAll(async () => {
    await store?.close();
    await server?.close();
  });

  test('refuses what is signed with another secret, and the refusal does not show the secret', async () => {
    const credentials = { accessKeyId: server.accessKeyId, secretAccessKey: 'another-secret' };
    const stranger = await openFileStore({ s3: { ...configOf(server), credentials }, filesDir: '/nowhere' });
    const refusal = await stranger.write('ws_1/a', bytes('x')).catch((error: unknown) => error as Error);
    expect(refusal).toMatchObject({ name: 'SignatureDoesNotMatch' });
    expect(String((refusal as Error).stack)).not.toContain('another-secret');
    expect(server.files.size).toBe(0);
    await stranger.close();
  });

  test('that fails once is asked again', async () => {
    server.failNext('PUT', { status: 503 });
    await store.write('ws_1/again', bytes('x'));
    server.failNext('GET', { status: 500 });
    expect((await buffer(await store.read('ws_1/again'))).toString()).toBe('x');
  });

  test('that goes on failing makes the writing fail, with its reason, and keeps no part', async () => {
    for (let tries = 0; tries < 8; tries++) server.failNext('PUT', { status: 500 });
    const content = mebibytes(30);
    await expect(store.write('ws_1/failing', content)).rejects.toMatchObject({ name: 'InternalError' });
    expect(content.destroyed).toBe(true);
    expect(server.unfinishedUploads()).toBe(0);
    expect(server.files.has('ws_1/failing')).toBe(false);
  });

  test('whose answer is cut is read on from where it was', async () => {
    const content = randomBytes(3 * MIB);
    await store.write('ws_1/cut', Readable.from([content]));
    server.failNext('GET', { cutAfterBytes: MIB });
    server.failNext('GET', { cutAfterBytes: MIB });
    expect((await buffer(await store.read('ws_1/cut'))).equals(content)).toBe(true);
  });

  test('that falls silent amid an answer is asked for the rest', async () => {
    const impatient = new S3FileStore(configOf(server), { silenceTimeoutMs: 500 });
    const content = randomBytes(3 * MIB);
    await store.write('ws_1/silent', Readable.from([content]));
    server.failNext('GET', { stallAfterBytes: MIB });
    expect((await buffer(await impatient.read('ws_1/silent'))).equals(content)).toBe(true);
    await impatient.close();
  });

  test('is not given up by a reader that is slower than it may be silent', async () => {
    const impatient = new S3FileStore(configOf(server), { silenceTimeoutMs: 1_000 });
    const content = randomBytes(8 * MIB);
    await store.write('ws_1/slow', Readable.from([content]));
    const pieces: Buffer[] = [];
    for await (const piece of await impatient.read('ws_1/slow')) {
      pieces.push(piece as Buffer);
      if (pieces.length === 1 || pieces.length === 20) await sleep(2_000);
    }
    expect(Buffer.concat(pieces).equals(content)).toBe(true);
    await impatient.close();
  });

  test('whose file was replaced while it was read gives no mixture of both', async () => {
    await store.write('ws_1/mixed', Readable.from([Buffer.alloc(2 * MIB, 1)]));
    server.failNext('GET', { cutAfterBytes: MIB });
    const reading = await store.read('ws_1/mixed');
    await store.write('ws_1/mixed', Readable.from([Buffer.alloc(2 * MIB, 2)]));
    await expect(buffer(reading)).rejects.toMatchObject({ name: 'PreconditionFailed' });
  });
});
