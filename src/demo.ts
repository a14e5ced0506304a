import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { App } from './app.ts';
import { type Caller, UnauthenticatedError } from './domain/access/caller.ts';
import type { AgentType } from './domain/agents/agent-type.ts';
import { findAgentType } from './domain/agents/agent-types.ts';
import type { Collection, DocumentKind } from './domain/documents/document.ts';
import type { DocumentInput } from './domain/documents/prepare-documents.ts';
import { isFinished } from './domain/queues/job.ts';
import { ConflictError } from './shared/errors.ts';
import type { JsonObject } from './shared/json.ts';
import { readSecretFile, writeSecretFile } from './shared/secret-file.ts';

const DEMO_FOLDER = fileURLToPath(new URL('../demo', import.meta.url));
const DEMO_SLUG = 'demo';
const PROGRESS_INTERVAL_MS = 100;
/** More than the demo has: a person may have added some while it was being filled. */
const COLLECTIONS_MAX = 1_000;
const AGENTS_MAX = 1_000;

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

/** An agent of each type, as a team would set it up. */
interface DemoAgent {
  type: AgentType;
  name: string;
  description: string;
  configuration?: JsonObject;
  schedule?: string;
}

const ROOT: Caller = { kind: 'root', workspace: null, role: 'OWNER', apiKeyId: null, userId: null };

/** The demo that this data folder knows of, or null; also null where its filling was cut off. */
export async function findDemo(app: App): Promise<Demo | null> {
  return existsSync(fillingFile(app)) ? null : readDemo(app);
}

/**
 * Makes and fills the demo workspace, where the database has no workspace yet. What was begun and cut off is finished
 * by the next start: a file says that it was begun, and documents are written by their external ids.
 * @param options.onProgress told how many of the documents are embedded
 * @throws the signal's reason, once it is aborted
 */
export async function makeDemo(
  app: App,
  options: { signal: AbortSignal; onProgress: (done: number, total: number) => void },
): Promise<Demo | null> {
  const caller = await enterWorkspace(app);
  if (caller !== null) await fill(app, caller, options);
  rmSync(fillingFile(app), { force: true });
  return caller === null ? null : readDemo(app);
}

async function fill(app: App, caller: Caller, { signal, onProgress }: Parameters<typeof makeDemo>[1]): Promise<void> {
  const wanted = JSON.parse(readFileSync(join(DEMO_FOLDER, 'collections.json'), 'utf8')) as DemoCollection[];
  const jobIds: string[] = [];
  let total = 0;
  for (const { file, ...collection } of wanted) {
    signal.throwIfAborted();
    const { id: collectionId } = await ensureCollection(app, caller, collection);
    const upsert = { collectionId, documents: readDocuments(join(DEMO_FOLDER, file)), tasks: ['EMBED' as const] };
    const { jobId } = await app.services.documents.upsert(caller, { ...upsert, idempotencyKey: null });
    total += upsert.documents.length;
    // Where nothing is left to embed there is no job.
    if (jobId !== null) jobIds.push(jobId);
  }
  await ensureAgents(app, caller);
  await untilEmbedded(app, caller, {
    jobIds,
    signal,
    onProgress: (ready) => onProgress(Math.min(ready, total), total),
  });
}

/** After the documents, so that none of them has an agent run by itself. */
async function ensureAgents(app: App, caller: Caller): Promise<void> {
  const { agents } = app.services;
  const present = await agents.list(caller, null, { limit: AGENTS_MAX, after: null });
  const wanted = JSON.parse(readFileSync(join(DEMO_FOLDER, 'agents.json'), 'utf8')) as DemoAgent[];
  for (const { configuration = null, schedule = null, ...agent } of wanted) {
    const isThere = present.some(({ type, name }) => type === agent.type && name === agent.name);
    if (isThere || findAgentType(agent.type) === null) continue;
    await agents.create(caller, { ...agent, configuration, schedule, isActive: true });
  }
}

async function ensureCollection(app: App, caller: Caller, wanted: Omit<DemoCollection, 'file'>): Promise<Collection> {
  const { collections } = app.services;
  const find = async () => {
    const present = await collections.list(caller, { limit: COLLECTIONS_MAX, after: null });
    return present.find(({ slug }) => slug === wanted.slug);
  };
  const known = await find();
  if (known !== undefined) return known;
  try {
    return await collections.create(caller, wanted);
  } catch (error) {
    // Another server on the same data folder was quicker.
    const made = error instanceof ConflictError ? await find() : undefined;
    if (made === undefined) throw error;
    return made;
  }
}

/** Who fills the demo: its new workspace's owner, or that of the one that was begun; null where the server is in use. */
async function enterWorkspace(app: App): Promise<Caller | null> {
  const known = await authenticate(app, readSecretFile(keyFile(app)));
  if (known !== null) return known;
  const { services } = app;
  const begun = existsSync(fillingFile(app)) ? await services.workspaces.findBySlug(DEMO_SLUG) : null;
  if (begun === null) return makeWorkspace(app);
  // Cut off after the workspace was made and before its key was written, so that nobody has that key.
  const key = { name: 'owner', role: 'OWNER' as const, expiresAt: null };
  const { secret } = await services.apiKeys.create({ ...ROOT, workspace: begun }, key);
  return keepKey(app, secret);
}

async function makeWorkspace(app: App): Promise<Caller | null> {
  const { workspaces } = app.services;
  const existing = await workspaces.list(ROOT, { limit: 1, after: null });
  if (existing.length > 0) return null;
  writeFileSync(fillingFile(app), 'The demo is being filled; the next start goes on with it.\n');
  try {
    const demo = { name: 'Harbourline (demo)', slug: DEMO_SLUG, tier: 'ENTERPRISE' as const };
    const { ownerKey } = await workspaces.create(ROOT, demo);
    return await keepKey(app, ownerKey.secret);
  } catch (error) {
    // Another server was quicker.
    if (error instanceof ConflictError) return null;
    throw error;
  }
}

function keepKey(app: App, secret: string): Promise<Caller | null> {
  writeSecretFile(keyFile(app), secret);
  return authenticate(app, secret);
}

async function readDemo(app: App): Promise<Demo | null> {
  const key = readSecretFile(keyFile(app));
  const caller = await authenticate(app, key);
  if (key === null || caller === null) return null;
  const [collection] = await app.services.collections.list(caller, { limit: 1, after: null });
  return { key, workspaceId: caller.workspace?.id ?? '', collectionId: collection?.id ?? null };
}

/** Null where there is no key, or it or its workspace was deleted. */
async function authenticate(app: App, key: string | null): Promise<Caller | null> {
  if (key === null) return null;
  try {
    return await app.authenticator.authenticate({ authorization: `Bearer ${key}`, workspaceId: null });
  } catch (error) {
    if (error instanceof UnauthenticatedError) return null;
    throw error;
  }
}

async function untilEmbedded(
  app: App,
  caller: Caller,
  options: { jobIds: readonly string[]; signal: AbortSignal; onProgress: (done: number) => void },
): Promise<void> {
  const { jobIds, signal, onProgress } = options;
  // Another process works the jobs, and this one does not wait for it.
  if (!app.config.worker) return;
  for (;;) {
    const jobs = await app.services.jobs.find(caller, jobIds);
    onProgress(await app.services.documents.count(caller, { embedding: ['READY'] }));
    if (jobs.every(isFinished)) return;
    await sleep(PROGRESS_INTERVAL_MS, null, { signal });
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

/** There while the demo is being filled. */
function fillingFile(app: App): string {
  return join(app.config.dataDir, 'demo-unfinished');
}
