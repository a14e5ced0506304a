import { startApp } from './app.ts';
import { readConfig } from './config.ts';
import { createLogger } from './observability/logger.ts';
import { ConfigError } from './shared/config-error.ts';

async function main(): Promise<void> {
  const config = readConfig(process.env);
  if (config.databaseUrl === undefined) {
    throw new ConfigError(
      'DATABASE_URL must be set for a worker of its own: the embedded database belongs to one process',
    );
  }
  const logger = createLogger(config.logLevel);
  const app = await startApp({ ...config, worker: true }, logger);
  await app.startWorking().catch(async (error: unknown) => {
    await app.close().catch((unclean: unknown) => logger.error({ err: unclean }, 'the stop was not clean'));
    throw error;
  });
  process.stdout.write('signalbox worker: ready; stop with Ctrl-C\n');
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => {
      app.close().then(
        () => process.exit(0),
        (error: unknown) => {
          logger.fatal({ err: error }, 'the stop was not clean');
          process.exit(1);
        },
      );
    });
  }
}

main().catch((error: unknown) => {
  process.stderr.write(
    `signalbox worker: ${error instanceof ConfigError ? error.message : String((error as Error).stack)}\n`,
  );
  process.exit(1);
});
