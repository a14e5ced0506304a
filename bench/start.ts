/**
 * How long does a start take, and how much memory does it leave?
 *
 * A start counts from the spawn of the process to the first 200 of /readyz, asked every 10 ms. Memory is the resident set
 * (VmRSS) five seconds later, before anything was embedded. There is no peer. Linux alone.
 *
 * Run: node bench/start.ts [--rounds=3] [--database=postgres://… of an empty database]
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';

const POLL_MS = 10;
const START_TIMEOUT_MS = 60_000;
const SETTLE_MS = 5_000;

const { values: flags } = parseArgs({
  options: { rounds: { type: 'string', default: '3' }, database: { type: 'string' } },
});

interface Start {
  readyMs: number;
  rssMb: number;
}

const starts: Record<'first' | 'second' | 'server', Start[]> = { first: [], second: [], server: [] };
for (let round = 0; round < Number(flags.rounds); round++) {
  const folder = mkdtempSync(join(tmpdir(), 'signalbox-start-'));
  starts.first.push(await startOnce(folder, {}));
  starts.second.push(await startOnce(folder, {}));
  if (flags.database !== undefined) starts.server.push(await startOnce(folder, { DATABASE_URL: flags.database }));
  rmSync(folder, { recursive: true, force: true });
}

console.log('| start | to /readyz (rounds) | memory (rounds) |\n|---|---|---|');
show('embedded, first', starts.first);
show('embedded, second', starts.second);
if (flags.database !== undefined) show('on Postgres, migrated after the first round', starts.server);
console.log(`\nload of the machine ${loadavg()[0]?.toFixed(1)}`);

function show(name: string, rounds: readonly Start[]): void {
  const seconds = rounds.map(({ readyMs }) => (readyMs / 1_000).toFixed(1));
  const megabytes = rounds.map(({ rssMb }) => String(Math.round(rssMb)));
  const middle = (values: readonly string[]) => [...values].sort((a, b) => Number(a) - Number(b))[values.length >> 1];
  console.log(
    `| ${name} | ${middle(seconds)} s (${seconds.join(', ')}) | ${middle(megabytes)} MB (${megabytes.join(', ')}) |`,
  );
}

async function startOnce(folder: string, environment: Record<string, string>): Promise<Start> {
  const port = await freePort();
  const settings = {
    PORT: String(port),
    SIGNALBOX_DEMO: '0',
    SIGNALBOX_DATA_DIR: folder,
    SIGNALBOX_ROOT_KEY: `sbx_root_${randomUUID()}`,
  };
  const startedAt = performance.now();
  const server = spawn(process.execPath, ['--max-semi-space-size=16', join(import.meta.dirname, '../src/main.ts')], {
    env: { ...process.env, ...settings, ...environment },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  try {
    await untilReady(server, port);
    const readyMs = performance.now() - startedAt;
    await sleep(SETTLE_MS);
    return { readyMs, rssMb: residentMb(server) };
  } finally {
    const exited = new Promise((resolve) => server.once('exit', resolve));
    if (server.exitCode === null) {
      server.kill('SIGTERM');
      await exited;
    }
  }
}

async function untilReady(server: ChildProcess, port: number): Promise<void> {
  const deadline = performance.now() + START_TIMEOUT_MS;
  while (performance.now() < deadline && server.exitCode === null) {
    const answer = await fetch(`http://127.0.0.1:${port}/readyz`).catch(() => null);
    if (answer?.status === 200) return;
    await sleep(POLL_MS);
  }
  throw new Error('the server did not get ready');
}

function residentMb(server: ChildProcess): number {
  const status = readFileSync(`/proc/${server.pid}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) / 1_024;
}

/** A port that nothing listens on at this moment. */
function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}
