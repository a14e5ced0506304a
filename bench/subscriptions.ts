/**
 * What does an idle subscriber cost in memory?
 *
 * Subscribers of `usageTick(everySeconds: 3600)`, each on a WebSocket of its own, are opened in steps; the server's
 * resident set and its heap (both from /metrics) are read when each step has settled. A tick at the start comes with
 * the subscription, so each has been served once.
 *
 * Run: node bench/subscriptions.ts [--subscribers=2000]
 */
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { WebSocket } from 'ws';

const STEPS = 4;
const OPENED_AT_ONCE = 50;
const SETTLE_MS = 4_000;

const { values: flags } = parseArgs({ options: { subscribers: { type: 'string', default: '2000' } } });
const folder = mkdtempSync(join(tmpdir(), 'signalbox-subscriptions-'));
const rootKey = `sbx_root_${randomUUID()}`;
const server = spawn(process.execPath, [join(import.meta.dirname, '../src/main.ts')], {
  env: {
    ...process.env,
    PORT: '0',
    SIGNALBOX_DEMO: '0',
    SIGNALBOX_DATA_DIR: folder,
    SIGNALBOX_ROOT_KEY: rootKey,
  },
  stdio: ['ignore', 'pipe', 'inherit'],
});
const sockets: WebSocket[] = [];

try {
  const address = await untilListening();
  const key = await makeKey(address);
  const step = Number(flags.subscribers) / STEPS;
  await open(address, key, 100);
  await sleep(SETTLE_MS);
  let before = await memory(address);
  console.log('| subscribers | resident, each | heap, each |\n|---|---|---|');
  for (let number = 0; number < STEPS; number++) {
    await open(address, key, step);
    await sleep(SETTLE_MS);
    const after = await memory(address);
    const each = (grown: number) => `${(grown / step / 1_024).toFixed(1)} kB`;
    console.log(
      `| ${sockets.length} | ${each(after.resident - before.resident)} | ${each(after.heap - before.heap)} |`,
    );
    before = after;
  }
} finally {
  for (const socket of sockets) socket.terminate();
  server.kill('SIGTERM');
  await new Promise((resolve) => server.once('exit', resolve));
  rmSync(folder, { recursive: true, force: true });
}

async function open(address: string, key: string, count: number): Promise<void> {
  for (let opened = 0; opened < count; opened += OPENED_AT_ONCE) {
    await Promise.all(Array.from({ length: Math.min(OPENED_AT_ONCE, count - opened) }, () => subscribe(address, key)));
  }
}

/** Resolves with the first tick. */
function subscribe(address: string, key: string): Promise<void> {
  const socket = new WebSocket(`${address.replace('http', 'ws')}/graphql`, 'graphql-transport-ws');
  sockets.push(socket);
  const send = (message: object) => socket.send(JSON.stringify(message));
  const query = 'subscription { usageTick(everySeconds: 3600) { requests } }';
  return new Promise((resolve, reject) => {
    socket.on('open', () => send({ type: 'connection_init', payload: { authorization: `Bearer ${key}` } }));
    socket.on('error', reject);
    socket.on('message', (bytes) => {
      const message = JSON.parse(String(bytes)) as { type: string; payload?: { errors?: object[] } };
      if (message.type === 'connection_ack') send({ type: 'subscribe', id: '1', payload: { query } });
      else if (message.type === 'next' && message.payload?.errors === undefined) resolve();
      else if (message.type !== 'ping') reject(new Error(String(bytes)));
    });
  });
}

async function memory(address: string): Promise<{ resident: number; heap: number }> {
  const text = await (await fetch(`${address}/metrics`)).text();
  const read = (name: string) => Number(new RegExp(`^${name} (\\S+)`, 'm').exec(text)?.[1]);
  return { resident: read('process_resident_memory_bytes'), heap: read('nodejs_heap_size_used_bytes') };
}

function untilListening(): Promise<string> {
  return new Promise((resolve, reject) => {
    let said = '';
    server.stdout.on('data', (text: Buffer) => {
      said += text;
      const address = /http:\/\/127\.0\.0\.1:\d+/.exec(said)?.[0];
      if (address !== undefined) resolve(address);
    });
    server.once('exit', (code) => reject(new Error(`the server has ended with ${code}`)));
  });
}

async function makeKey(address: string): Promise<string> {
  const answer = await fetch(`${address}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${rootKey}` },
    body: JSON.stringify({
      query:
        'mutation { createWorkspace(input: { name: "bench" }) { ... on CreatedWorkspace { ownerKey { secret } } } }',
    }),
  });
  const { data } = (await answer.json()) as { data: { createWorkspace: { ownerKey: { secret: string } } } };
  return data.createWorkspace.ownerKey.secret;
}
