import { cp, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { inject } from 'vitest';
import type {} from './provided-context.ts';

/** A data folder of the embedded database, migrated and empty, as `DatabaseOptions.preparedFolder` takes it. */
export async function readPreparedFolder(): Promise<Uint8Array> {
  return new Uint8Array(await readFile(inject('preparedFolderPath')));
}

/** Puts the same below a data folder, for a process that shall not begin with making its database. */
export async function copyPreparedFolder(dataDir: string): Promise<void> {
  await cp(inject('preparedDatabasePath'), join(dataDir, 'postgres'), { recursive: true });
}
