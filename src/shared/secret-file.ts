import { randomBytes } from 'node:crypto';
import { chmodSync, existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';

/** The secret in a file, which is made to be for its owner's eyes alone; null where there is none, or an empty one. */
export function readSecretFile(path: string): string | null {
  if (!existsSync(path)) return null;
  chmodSync(path, 0o600);
  return readFileSync(path, 'utf8').trim() || null;
}

/** Writes the secret in one step, for its owner's eyes alone: a process that is killed meanwhile leaves no half of it. */
export function writeSecretFile(path: string, secret: string): void {
  const unfinished = `${path}.${randomBytes(6).toString('hex')}`;
  writeFileSync(unfinished, `${secret}\n`, { mode: 0o600, flag: 'wx', flush: true });
  renameSync(unfinished, path);
}
