import type { Database } from '../../db/client.ts';
import type { FileStore } from '../../db/file-store.ts';
import { expiredFiles, forgetFile } from './import-store.ts';

/** Files that one round deletes; the rest waits for the next. */
const FILES_PER_ROUND = 200;

/**
 * Deletes files whose time is over: of imports that are done, of uploads that were cut off, of workspaces that are gone.
 * A file goes before what is known of it, so that none is ever forgotten. One that cannot be deleted keeps no other.
 */
export async function deleteExpiredFiles(database: Database, files: FileStore, signal: AbortSignal): Promise<number> {
  const expired = await database.withSystem((scope) => expiredFiles(scope, FILES_PER_ROUND));
  const failures: unknown[] = [];
  let deleted = 0;
  for (const file of expired) {
    if (signal.aborted) break;
    try {
      await files.delete(file.fileKey);
      await database.withSystem((scope) => forgetFile(scope, file));
      deleted += 1;
    } catch (error) {
      failures.push(error);
    }
  }
  if (failures.length > 0) throw new AggregateError(failures, `${failures.length} files could not be deleted yet`);
  return deleted;
}
