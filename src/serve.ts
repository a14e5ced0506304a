import type { AddressInfo } from 'node:net';
import { type App, startApp } from './app.ts';
import { type Config, isLoopback } from './config.ts';
import { DataFolderInUseError } from './db/data-folder-lock.ts';
import { isDatabaseUnavailable } from './db/failures.ts';
import { DatabaseSetupError } from './db/migrate.ts';
import { type Demo, findDemo, makeDemo } from './demo.ts';
import { createLogger, type Logger } from './observability/logger.ts';
import { type RunningServer, startServer } from './server/start-server.ts';
import { ConfigError } from './shared/config-error.ts';
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
  const app = await startApp(config, logger, { onDatabaseStopped: (error) => endWithDatabase(logger, error) });
  const stopping = new AbortController();
  let server: RunningServer | null = null;
  try {
    let demo = config.demo ? await findDemo(app) : null;
    server = await startServer(app, () => (isLoopback(config.host) ? demo : null));
    await app.startWorking();
    const seeding = config.demo && demo === null ? seedDemo(app, stopping.signal) : Promise.resolve(demo);
    stopOnSignals({ app, server, stopping, seeding });
    demo = await seeding;
    if (!stopping.signal.aborted) showAddresses(app, server.address, demo, performance.now() - startedAt);
  } catch (error) {
    await server?.close();
    await app.close().catch((unclean: unknown) => logger.error({ err: unclean }, 'the stop was not clean'));
    throw error;
  }
}

/** Null where the demo is not wanted here, or a signal came before it was filled. */
async function seedDemo(app: App, signal: AbortSignal): Promise<Demo | null> {
  try {
    const demo = await makeDemo(app, { signal, onProgress: progressLine() });
    say('');
    return demo;
  } catch (error) {
    if (signal.aborted && (error as Error).name === 'AbortError') return null;
    throw error;
  }
}

/** Nothing works without the database, and only a new process brings it back: whoever watches this one starts it. */
function endWithDatabase(logger: Logger, error: Error): never {
  logger.fatal({ err: error }, 'the embedded database has ended by itself');
  process.stderr.write('signalbox: the embedded database has ended by itself; start Signalbox again\n');
  process.exit(1);
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

interface Running {
  app: App;
  server: RunningServer;
  stopping: AbortController;
  seeding: Promise<unknown>;
}

/** The first signal drains; a second one does not wait. */
function stopOnSignals({ app, server, stopping, seeding }: Running): void {
  const stop = async () => {
    if (stopping.signal.aborted) process.exit(130);
    stopping.abort();
    say('\nsignalbox: stopping; what is under way is finished first');
    await Promise.all([server.close(), seeding]);
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
