import type { Config } from '../../src/config.ts';
import { openFileStore } from '../../src/db/open-file-store.ts';
import { startUploadServer } from './upload-server.ts';

/**
 * A process that stores uploads and says how much memory that took.
 * It tells its port; asked for it by any message, the most that it ever had in memory.
 */
const options = JSON.parse(process.argv[2] ?? '') as Pick<Config, 's3' | 'filesDir'>;
const store = await openFileStore(options);
const server = await startUploadServer(
  async ([file], signal) => String(file === undefined ? 0 : await store.write('ws_1/file', file.open(), signal)),
  2 ** 31,
);
const maxMemoryBytes = () => process.resourceUsage().maxRSS * 1024;
process.on('message', () => process.send?.({ maxMemoryBytes: maxMemoryBytes() }));
process.send?.({ port: server.port, maxMemoryBytes: maxMemoryBytes() });
