import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { statSync } from 'node:fs';
import { type ClientRequest, request } from 'node:http';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, test } from 'vitest';
import type { Config } from '../../src/config.ts';
import { startS3Server } from '../support/s3-server.ts';
import { makeTempFolder } from '../support/temp-folder.ts';
import { TAKE_ONE } from './upload-server.ts';

const MIB = 1024 * 1024;
const MAX_GROWTH_BYTES = 160 * MIB;

let child: ChildProcess | null = null;
afterEach(() => {
  child?.kill('SIGKILL');
  child = null;
});

interface Told {
  port: number;
  maxMemoryBytes: number;
}

async function startProcess(options: Pick<Config, 's3' | 'filesDir'>): Promise<Told> {
  const script = fileURLToPath(new URL('upload-process.ts', import.meta.url));
  child = fork(script, [JSON.stringify(options)], { execArgv: [] });
  const [told] = (await once(child, 'message')) as [Told];
  return told;
}

async function memoryOf(process: ChildProcess): Promise<number> {
  const told = once(process, 'message');
  process.send('how much?');
  const [{ maxMemoryBytes }] = (await told) as [Told];
  return maxMemoryBytes;
}

/** Sends a file of so many mebibytes, made while it is sent. */
async function send(port: number, mebibytes: number): Promise<string> {
  const part = (name: string, content: string) =>
    `--b\r\ncontent-disposition: form-data; name="${name}"\r\n\r\n${content}`;
  const operations = JSON.stringify({ query: TAKE_ONE, variables: { file: null } });
  const body = function* () {
    yield Buffer.from(
      `${part('operations', operations)}\r\n${part('map', '{"0":["variables.file"]}')}\r\n${part('0', '')}`,
    );
    for (let sent = 0; sent < mebibytes; sent++) yield Buffer.alloc(MIB, sent);
    yield Buffer.from('\r\n--b--\r\n');
  };
  const headers = { 'content-type': 'multipart/form-data; boundary=b', 'x-signalbox-csrf': '1' };
  const client: ClientRequest = request({ port, path: '/graphql', method: 'POST', headers });
  const answered = once(client, 'response') as Promise<[Readable]>;
  await pipeline(Readable.from(body(), { objectMode: false }), client);
  const [response] = await answered;
  return text(response);
}

test('a file of 300 MB reaches the folder without being held in memory', async () => {
  const folder = makeTempFolder('upload');
  const { port, maxMemoryBytes: before } = await startProcess({ s3: undefined, filesDir: folder.path });
  expect(await send(port, 300)).toBe(`{"data":{"take":"${300 * MIB}"}}`);
  expect(statSync(join(folder.path, 'ws_1/file')).size).toBe(300 * MIB);
  expect((await memoryOf(child as ChildProcess)) - before).toBeLessThan(MAX_GROWTH_BYTES);
  await folder.remove();
});

test('a file of 200 MB reaches the bucket without being held in memory', async () => {
  const s3 = await startS3Server();
  const { endpoint, bucket, accessKeyId, secretAccessKey } = s3;
  const config = { endpoint, bucket, region: 'us-east-1', forcePathStyle: true };
  const { port, maxMemoryBytes: before } = await startProcess({
    s3: { ...config, credentials: { accessKeyId, secretAccessKey } },
    filesDir: '/nowhere',
  });
  expect(await send(port, 200)).toBe(`{"data":{"take":"${200 * MIB}"}}`);
  expect(s3.files.get('ws_1/file')?.length).toBe(200 * MIB);
  expect((await memoryOf(child as ChildProcess)) - before).toBeLessThan(MAX_GROWTH_BYTES);
  await s3.close();
});
