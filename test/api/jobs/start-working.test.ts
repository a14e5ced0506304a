import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type App, startApp } from '../../../src/app.ts';
import { readConfig } from '../../../src/config.ts';
import type { Caller } from '../../../src/domain/access/caller.ts';
import { createLogger } from '../../../src/observability/logger.ts';
import { type TestDatabaseTarget, testDatabaseTarget } from '../../support/database.ts';
import { waitFor } from '../../support/wait-for.ts';
import { shareModels } from '../server-harness.ts';

/** Longer than a worker needs to take a job that it is told of. */
const IDLE_MS = 1_500;

let target: TestDatabaseTarget;
let app: App;
let caller: Caller;

beforeAll(async () => {
  target = await testDatabaseTarget();
  shareModels(target.dataDir);
  const config = readConfig({
    SIGNALBOX_DATA_DIR: target.dataDir,
    SIGNALBOX_LOCAL_WORKERS: '1',
    DATABASE_URL: target.databaseUrl,
    DATABASE_POOL_SIZE: String(target.poolSize),
    LOG_LEVEL: 'silent',
  });
  app = await startApp(config, createLogger('silent'), target);
  const root = { kind: 'root', workspace: null, role: 'OWNER', apiKeyId: null, userId: null } as const;
  const { workspace } = await app.services.workspaces.create(root, { name: 'Idle', slug: null, tier: 'ENTERPRISE' });
  caller = { ...root, workspace };
});
afterAll(async () => {
  await app?.close();
  await target?.remove();
});

test('a process takes no job before its doors are open, so that a start that fails uses up no attempt', async () => {
  const { collections, documents, jobs } = app.services;
  const { id: collectionId } = await collections.create(caller, { name: 'Notes', slug: null, kind: 'TEXT' });
  const { jobId } = await documents.upsert(caller, {
    collectionId,
    documents: [{ text: 'A note.' }],
    tasks: ['EMBED'],
    idempotencyKey: null,
  });
  const job = async () => (await jobs.find(caller, [jobId ?? '']))[0];
  await sleep(IDLE_MS);
  expect(await job()).toMatchObject({ status: 'QUEUED', attempt: 0 });
  await app.startWorking();
  await waitFor('the job to be done', async () => (await job())?.status === 'COMPLETED');
  expect(await job()).toMatchObject({ attempt: 1 });
});
