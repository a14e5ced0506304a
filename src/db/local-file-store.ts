import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { type FileHandle, mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { FileMissingError, type FileStore, segmentsOfKey, segmentsOfPrefix } from './file-store.ts';

/** Files that are being written are here: no key begins with a dot. */
const UNFINISHED_FOLDER = '.unfinished';
/** What was not written to for so long is of a process that died. */
const ABANDONED_AFTER_MS = 24 * 60 * 60 * 1_000;
/** The folder of a file may be removed by `deleteBelow` between its making and the file's coming into it. */
const PLACING_TRIES = 5;

/** Files in a folder. Processes that are to see each other's share it. */
export class LocalFileStore implements FileStore {
  readonly #folder: string;
  readonly #unfinished: string;

  private constructor(folder: string) {
    this.#folder = folder;
    this.#unfinished = join(folder, UNFINISHED_FOLDER);
  }

  /** Makes the folder where it is not there yet, for its owner's eyes alone, and clears away what was never finished. */
  static async open(folder: string): Promise<LocalFileStore> {
    const store = new LocalFileStore(resolve(folder));
    await mkdir(store.#unfinished, { recursive: true, mode: 0o700 });
    await store.#clearAbandoned();
    return store;
  }

  async write(key: string, content: Readable, signal?: AbortSignal): Promise<number> {
    const path = this.#pathOf(segmentsOfKey(key));
    const unfinished = join(this.#unfinished, randomBytes(12).toString('hex'));
    // Flushed before it gets its name: a machine that loses its power has no file of zeros.
    const file = createWriteStream(unfinished, { flags: 'wx', mode: 0o600, flush: true });
    try {
      await pipeline(content, file, { signal });
      await place(unfinished, path);
      return file.bytesWritten;
    } catch (error) {
      // Only then can it not come into being behind our back.
      if (!file.closed) await once(file, 'close');
      await rm(unfinished, { force: true });
      throw error;
    }
  }

  async read(key: string, fromByte = 0): Promise<Readable> {
    const file = await openFile(this.#pathOf(segmentsOfKey(key)));
    if (file === null) throw new FileMissingError(key);
    return file.createReadStream({ start: fromByte });
  }

  async delete(key: string): Promise<void> {
    await rm(this.#pathOf(segmentsOfKey(key)), { force: true });
  }

  async deleteBelow(prefix: string): Promise<void> {
    await rm(this.#pathOf(segmentsOfPrefix(prefix)), { recursive: true, force: true, maxRetries: PLACING_TRIES });
  }

  async close(): Promise<void> {}

  #pathOf(segments: string[]): string {
    return join(this.#folder, ...segments);
  }

  async #clearAbandoned(): Promise<void> {
    for (const name of await readdir(this.#unfinished)) {
      const path = join(this.#unfinished, name);
      const found = await stat(path).catch(() => null);
      if (found !== null && Date.now() - found.mtimeMs > ABANDONED_AFTER_MS) await rm(path, { force: true });
    }
  }
}

/** Gives a written file its name, in one step. */
async function place(unfinished: string, path: string): Promise<void> {
  const folder = dirname(path);
  for (let tries = 1; ; tries++) {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    try {
      await rename(unfinished, path);
      return await flushFolder(folder);
    } catch (error) {
      if (!isMissing(error) || tries === PLACING_TRIES) throw error;
    }
  }
}

/** The name is on the disk too. Windows opens no folders; there it is left to the file system. */
async function flushFolder(folder: string): Promise<void> {
  if (process.platform === 'win32') return;
  const handle = await open(folder);
  await handle.sync().finally(() => handle.close());
}

/** Null where there is none, or a folder. */
async function openFile(path: string): Promise<FileHandle | null> {
  const file = await open(path).catch((error: unknown) => {
    if (isMissing(error)) return null;
    throw error;
  });
  if (file === null || (await file.stat()).isFile()) return file;
  await file.close();
  return null;
}

function isMissing(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === 'ENOENT' || code === 'ENOTDIR';
}
