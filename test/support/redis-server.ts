import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { Redis } from 'ioredis';
import { waitFor } from './wait-for.ts';

/** A Redis of a test's own. */
export interface TestRedis {
  readonly url: string;
  readonly port: number;
  /** Ends the server as a crash would; `start` brings it back on the same port. */
  kill(): Promise<void>;
  start(): Promise<void>;
  close(): Promise<void>;
}

/**
 * Whether `redis-server` is installed. Without it what needs one is left out, and said so; not on CI, where nothing may be
 * left out without being noticed.
 */
export function hasRedisServer(): boolean {
  const found = spawnSync('redis-server', ['--version']).status === 0;
  if (found) return true;
  if (process.env.CI !== undefined) throw new Error('redis-server is not installed: scripts/services/redis.sh');
  process.stderr.write(
    '\nSKIPPED: the tests on Redis, as redis-server is not installed (apt-get install redis-server)\n',
  );
  return false;
}

/** Starts a Redis that keeps nothing, on a port of its own. */
export async function startTestRedis({ password }: { password?: string } = {}): Promise<TestRedis> {
  const port = await freePort();
  const url = `redis://${password === undefined ? '' : `:${password}@`}127.0.0.1:${port}`;
  let running: ChildProcess | null = null;
  const start = async () => {
    const settings = { port, bind: '127.0.0.1', save: '', appendonly: 'no', daemonize: 'no' };
    const flags = Object.entries({ ...settings, ...(password === undefined ? {} : { requirepass: password }) });
    running = spawn(
      'redis-server',
      flags.flatMap(([name, value]) => [`--${name}`, String(value)]),
      { stdio: 'ignore' },
    );
    await waitFor('Redis to answer', () => answers(url));
  };
  const kill = async () => {
    if (running === null || running.exitCode !== null || running.signalCode !== null) return;
    const ended = once(running, 'exit');
    running.kill('SIGKILL');
    await ended;
  };
  // A test that fails before its close leaves no server behind.
  process.once('exit', () => running?.kill('SIGKILL'));
  await start();
  return { url, port, start, kill, close: kill };
}

async function answers(url: string): Promise<boolean> {
  const client = new Redis(url, { lazyConnect: true, retryStrategy: () => null });
  client.on('error', () => undefined);
  try {
    await client.connect();
    return (await client.ping()) === 'PONG';
  } finally {
    client.disconnect();
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
