import { randomBytes } from 'node:crypto';
import { chmodSync, existsSync, linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';

/** The secret in a file, which is made to be for its owner's eyes alone; null where there is none, or an empty one. */
export function readSecretFile(path: string): string | null {
  if (!existsSync(path)) return null;
  chmodSync(path, 0o600);
  return readFileSync(path, 'utf8').trim() || null;
}

/** Writes the secret in one step, for its owner's eyes alone: a process that is killed meanwhile leaves no half of it. */
export function writeSecretFile(path: string, secret: string): void {
  renameSync(writeBeside(path, secret), path);
}

/** Writes the secret unless there is a file already: of several processes that do so at once, all but one change nothing. */
export function createSecretFile(path: string, secret: string): void {
  if (existsSync(path)) return;
  const unfinished = writeBeside(path, secret);
  try {
    linkSync(unfinished, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  } finally {
    rmSync(unfinished);
  }
}

function writeBeside(path: string, secret: string): string {
  const unfinished = `${path}.${randomBytes(6).toString('hex')}`;
  writeFileSync(unfinished, `${secret}\n`, { mode: 0o600, flag: 'wx', flush: true });
  return unfinished;
}
