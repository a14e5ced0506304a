import { createHash } from 'node:crypto';
import { mkdirSync, realpathSync, unlinkSync } from 'node:fs';
import { connect, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** `sun_path` holds 108 bytes on Linux and 104 on macOS. */
const SOCKET_PATH_MAX_BYTES = 100;

/** Another live process uses the same data folder. */
export class DataFolderInUseError extends Error {
  override readonly name = 'DataFolderInUseError';

  constructor(dataDir: string) {
    super(
      `another Signalbox process is using the data folder ${dataDir}: stop it, or name another folder in SIGNALBOX_DATA_DIR, ` +
        'or set DATABASE_URL to share a Postgres between processes',
    );
  }
}

/** Where a socket of this data folder lives: inside it, or in the temporary folder where its path would be too long. */
export function socketPath(dataDir: string, name: string): string {
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  const folder = realpathSync(dataDir);
  if (process.platform === 'win32') return `\\\\.\\pipe\\signalbox-${digest(folder)}-${name}`;
  const inside = join(folder, name);
  if (Buffer.byteLength(inside) <= SOCKET_PATH_MAX_BYTES) return inside;
  return join(tmpdir(), `signalbox-${digest(folder)}-${name}`);
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}

/**
 * Takes the data folder for this process, until the returned function is called or the process dies. A listening
 * socket is the lock: unlike a file with a process id it ends with its process, also at kill -9.
 * @throws DataFolderInUseError
 */
export async function lockDataFolder(dataDir: string): Promise<() => Promise<void>> {
  const path = socketPath(dataDir, 'lock.sock');
  for (let attempt = 0; attempt < 3; attempt++) {
    const server = await listen(path);
    if (server !== null) return () => new Promise((resolve) => server.close(() => resolve()));
    if (await answers(path)) throw new DataFolderInUseError(dataDir);
    removeStale(path);
  }
  throw new DataFolderInUseError(dataDir);
}

function listen(path: string): Promise<Server | null> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.destroy());
    server.once('error', (error: NodeJS.ErrnoException) =>
      error.code === 'EADDRINUSE' ? resolve(null) : reject(error),
    );
    server.listen(path, () => {
      server.unref();
      resolve(server);
    });
  });
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

function removeStale(path: string): void {
  try {
    unlinkSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}
