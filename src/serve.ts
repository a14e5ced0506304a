import type { AddressInfo } from 'node:net';
import { type App, startApp } from './app.ts';
import { type Config, ConfigError } from './config.ts';
import { DataFolderInUseError } from './db/data-folder-lock.ts';
import { isDatabaseUnavailable } from './db/failures.ts';
import { DatabaseSetupError } from './db/migrate.ts';
import { type Demo, findDemo, makeDemo } from './demo.ts';
import { createLogger } from './observability/logger.ts';
import { type RunningServer, startServer } from './server/start-server.ts';
import { DomainError } from './shared/errors.ts';

const say = (line: string) => process.stdout.write(`${line}\n`);

/** Runs the server, and the worker unless it works elsewhere, until a signal ends the process. */
export async function serve(config: Config): Promise<void> {
  const startedAt = performance.now();
  const logger = createLogger(config.logLevel);
  say(
    config.databaseUrl === undefined
      ? `signalbox: opening the embedded database in ${config.dataDir}`
      : 'signalbox: connecting to the database',
  );
  const app = await startApp(config, logger);
  let demo = config.demo ? await findDemo(app) : null;
  const server = await startServer(app, () => (isLoopback(config.host) ? demo : null));
  stopOnSignals(app, server);
  if (config.demo && demo === null) {
    demo = await makeDemo(app, progressLine());
    say('');
  }
  showAddresses(app, server.address, demo, performance.now() - startedAt);
}

/** On a terminal one line that moves; elsewhere a line for every change. */
function progressLine(): (done: number, total: number) => void {
  let shown = -1;
  return (done, total) => {
    if (done === shown) return;
    shown = done;
    const line = `signalbox: filling the demo workspace: ${done} of ${total} documents embedded`;
    process.stdout.write(process.stdout.isTTY ? `\r${line}` : `${line}\n`);
  };
}

function showAddresses(app: App, address: AddressInfo, demo: Demo | null, elapsedMs: number): void {
  const host = address.family === 'IPv6' ? `[${address.address}]` : address.address;
  const base = `http://${host}:${address.port}`;
  say(`
Signalbox is ready (${(elapsedMs / 1_000).toFixed(1)} s)

  GraphQL and GraphiQL   ${base}/graphql
  Health and metrics     ${base}/healthz  ${base}/readyz  ${base}/metrics

  Root key               ${app.config.rootKey === undefined ? `${app.rootKey}\n                         (kept in ${app.rootKeyFile})` : '(SIGNALBOX_ROOT_KEY)'}${
    demo === null ? '' : `\n  Demo key               ${demo.key}`
  }

Stop with Ctrl-C.`);
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || host.startsWith('127.');
}

/** The first signal drains; a second one does not wait. */
function stopOnSignals(app: App, server: RunningServer): void {
  let stopping = false;
  const stop = async () => {
    if (stopping) process.exit(130);
    stopping = true;
    say('\nsignalbox: stopping; what is under way is finished first');
    await server.close();
    await app.close();
    say('signalbox: stopped');
    process.exit(0);
  };
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      stop().catch((error: unknown) => {
        app.logger.fatal({ err: error }, 'the stop was not clean');
        process.exit(1);
      });
    });
  }
}

const LISTEN_FAILURES: Readonly<Record<string, string>> = {
  EADDRINUSE: 'the port is in use: stop what listens there, or name another one in PORT',
  EADDRNOTAVAIL: 'this machine has no such address: name one of its own in HOST, such as 127.0.0.1 or 0.0.0.0',
  ENOTFOUND: 'HOST is no address and no known name: name an address of this machine, such as 127.0.0.1 or 0.0.0.0',
  EACCES: 'this user may not listen on the port: name one of 1024 or above in PORT',
};

/** One line where the reason is known; otherwise everything, because then it is a bug. */
export function explain(error: unknown): string {
  const known = [ConfigError, DataFolderInUseError, DatabaseSetupError, DomainError];
  if (known.some((kind) => error instanceof kind)) return (error as Error).message;
  if (isDatabaseUnavailable(error))
    return `the database named by DATABASE_URL does not answer: ${(error as Error).message}`;
  const { syscall, code = '' } = (error ?? {}) as NodeJS.ErrnoException;
  const reason = syscall === 'listen' ? LISTEN_FAILURES[code] : undefined;
  if (reason !== undefined) return reason;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
