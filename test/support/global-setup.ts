import { randomBytes } from 'node:crypto';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { openDatabase } from '../../src/db/client.ts';
import { EmbeddedPostgres } from '../../src/db/embedded.ts';
import { startBoss } from '../../src/jobs/boss.ts';
import { createLogger } from '../../src/observability/logger.ts';
import type { TestServer } from './provided-context.ts';
import { makeRunFolder } from './temp-folder.ts';
import { createDatabase, dropDatabasesOf } from './test-server.ts';

/** Makes, once a run, the migrated database that each test file gets a copy of. */
export default async function setUp(project: TestProject): Promise<() => Promise<void>> {
  const runFolder = makeRunFolder();
  const url = process.env.SIGNALBOX_TEST_DATABASE_URL || undefined;
  const server = url === undefined ? null : { url, template: `signalbox_test_${randomBytes(5).toString('hex')}` };
  const tearDown = async () => {
    if (server !== null) await dropDatabasesOf(server);
    await rm(runFolder, { recursive: true, force: true });
  };
  try {
    project.provide('runFolder', runFolder);
    const preparedFolder = join(runFolder, 'prepared');
    project.provide('preparedFolderPath', await prepareFolder(runFolder, preparedFolder));
    project.provide('preparedDatabasePath', join(preparedFolder, 'postgres'));
    if (server !== null) await prepareTemplate(server, runFolder);
    project.provide('testServer', server);
  } catch (error) {
    await tearDown();
    throw error;
  }
  return tearDown;
}

async function prepareFolder(runFolder: string, dataDir: string): Promise<string> {
  await prepare({ databaseUrl: undefined, dataDir });
  // Started once more and dumped untouched, so that a copy has no log to replay.
  const embedded = await EmbeddedPostgres.start(dataDir);
  try {
    const path = join(runFolder, 'prepared.tar');
    await writeFile(path, await embedded.dump());
    return path;
  } finally {
    await embedded.close();
  }
}

async function prepareTemplate(server: TestServer, dataDir: string): Promise<void> {
  const databaseUrl = await createDatabase(server, server.template);
  await prepare({ databaseUrl, dataDir });
}

/** Migrates, and installs the job queue. */
async function prepare(target: { databaseUrl: string | undefined; dataDir: string }): Promise<void> {
  const database = await openDatabase({ ...target, poolSize: 2 });
  try {
    const boss = await startBoss(database, createLogger('silent'));
    await boss.stop({ graceful: false });
  } finally {
    await database.close();
  }
}
