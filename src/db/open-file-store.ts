import type { Config } from '../config.ts';
import type { FileStore } from './file-store.ts';
import { LocalFileStore } from './local-file-store.ts';

/** The bucket where one is configured, else the folder. */
export async function openFileStore({ s3, filesDir }: Pick<Config, 's3' | 'filesDir'>): Promise<FileStore> {
  if (s3 === undefined) return LocalFileStore.open(filesDir);
  // Loaded where it is wanted alone: the SDK costs a start a tenth of a second.
  const { S3FileStore } = await import('./s3-file-store.ts');
  return new S3FileStore(s3);
}
