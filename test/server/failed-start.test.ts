import { expect, test } from 'vitest';
import { startApp } from '../../src/app.ts';
import { readConfig } from '../../src/config.ts';
import { openDatabase } from '../../src/db/client.ts';
import { createLogger } from '../../src/observability/logger.ts';
import { testDatabaseTarget } from '../support/database.ts';

test('a start that fails closes the providers that it had opened, and the database', async () => {
  // On a disk, so that what is broken here is there at the start.
  const target = { ...(await testDatabaseTarget()), inMemory: false };
  const options = { databaseUrl: target.databaseUrl, dataDir: target.dataDir, poolSize: target.poolSize };
  const database = await openDatabase({ ...options, preparedFolder: target.preparedFolder });
  // Without it there is no job queue, which is what a start comes to after the providers.
  await database.sql`alter table pgboss.queue rename to lost`;
  await database.close();
  const config = readConfig({
    SIGNALBOX_DATA_DIR: target.dataDir,
    DATABASE_URL: target.databaseUrl,
    DATABASE_POOL_SIZE: String(target.poolSize),
    LOG_LEVEL: 'silent',
  });
  let open = 0;
  const starting = startApp(config, createLogger('silent'), {
    wrapProvider: (provider) => {
      open += 1;
      return {
        ...{ listModels: (call) => provider.listModels(call), check: (call) => provider.check(call) },
        close: async () => {
          await provider.close();
          open -= 1;
        },
      };
    },
  });
  await expect(starting).rejects.toThrow(/pgboss/);
  expect(open).toBe(0);
  // Nothing holds the folder any more.
  const again = await openDatabase(options);
  await again.close();
  await target.remove();
});
