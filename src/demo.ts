import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { App } from './app.ts';
import type { Caller } from './domain/access/caller.ts';
import type { DocumentKind } from './domain/documents/document.ts';
import type { DocumentInput } from './domain/documents/prepare-documents.ts';
import { isFinished } from './domain/queues/job.ts';
import { ConflictError } from './shared/errors.ts';
import type { JsonObject } from './shared/json.ts';

const DEMO_FOLDER = fileURLToPath(new URL('../demo', import.meta.url));
const DEMO_SLUG = 'demo';
const PROGRESS_INTERVAL_MS = 100;

/** What a person needs to try the demo. */
export interface Demo {
  key: string;
  workspaceId: string;
  collectionId: string | null;
}

interface DemoCollection {
  slug: string;
  name: string;
  kind: DocumentKind;
  file: string;
}

const ROOT: Caller = { kind: 'root', workspace: null, role: 'OWNER', apiKeyId: null, userId: null };

/** The demo that this data folder knows of, or null. */
export async function findDemo(app: App): Promise<Demo | null> {
  const file = keyFile(app);
  if (!existsSync(file)) return null;
  const key = readFileSync(file, 'utf8').trim();
  try {
    const caller = await app.authenticator.authenticate({ authorization: `Bearer ${key}`, workspaceId: null });
    const [collection] = await app.services.collections.list(caller, { limit: 1, after: null });
    return { key, workspaceId: caller.workspace?.id ?? '', collectionId: collection?.id ?? null };
  } catch {
    // The workspace or its key was deleted: then there is no demo.
    return null;
  }
}

/**
 * Makes and fills the demo workspace, where the database has no workspace yet. What was begun and cut off is finished
 * by the next start: documents are written by their external ids.
 * @param onProgress told how many of the documents are embedded
 */
export async function makeDemo(app: App, onProgress: (done: number, total: number) => void): Promise<Demo | null> {
  const key = await makeWorkspace(app);
  if (key === null) return null;
  const caller = await app.authenticator.authenticate({ authorization: `Bearer ${key}`, workspaceId: null });
  const collections = JSON.parse(readFileSync(join(DEMO_FOLDER, 'collections.json'), 'utf8')) as DemoCollection[];
  const jobIds: string[] = [];
  let total = 0;
  for (const { file, ...collection } of collections) {
    const documents = readDocuments(join(DEMO_FOLDER, file));
    total += documents.length;
    const { id: collectionId } = await app.services.collections.create(caller, collection);
    const { jobId } = await app.services.documents.upsert(caller, {
      collectionId,
      documents,
      tasks: ['EMBED'],
      idempotencyKey: null,
    });
    if (jobId !== null) jobIds.push(jobId);
  }
  await untilEmbedded(app, caller, jobIds, (done) => onProgress(done, total));
  return findDemo(app);
}

/** The key of a new demo workspace; null where the server is in use already. */
async function makeWorkspace(app: App): Promise<string | null> {
  const existing = await app.services.workspaces.list(ROOT, { limit: 1, after: null });
  if (existing.length > 0) return null;
  try {
    const { ownerKey } = await app.services.workspaces.create(ROOT, {
      name: 'Harbourline (demo)',
      slug: DEMO_SLUG,
      tier: 'ENTERPRISE',
    });
    writeFileSync(keyFile(app), `${ownerKey.secret}\n`, { mode: 0o600 });
    return ownerKey.secret;
  } catch (error) {
    if (error instanceof ConflictError) return null;
    throw error;
  }
}

async function untilEmbedded(
  app: App,
  caller: Caller,
  jobIds: readonly string[],
  onProgress: (done: number) => void,
): Promise<void> {
  // Another process works the jobs, and this one does not wait for it.
  if (!app.config.worker) return;
  for (;;) {
    const jobs = await app.services.jobs.find(caller, jobIds);
    onProgress(jobs.reduce((sum, job) => sum + job.done, 0));
    if (jobs.every(isFinished)) return;
    await new Promise((resolve) => setTimeout(resolve, PROGRESS_INTERVAL_MS));
  }
}

function readDocuments(file: string): DocumentInput[] {
  return readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const { createdAt, ...document } = JSON.parse(line) as Omit<DocumentInput, 'createdAt'> & {
        createdAt: string;
        source: JsonObject;
      };
      return { ...document, createdAt: new Date(createdAt) };
    });
}

function keyFile(app: App): string {
  return join(app.config.dataDir, 'demo-key');
}
