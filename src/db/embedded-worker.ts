/** The worker thread that runs PGlite behind a socket; started by embedded.ts. */
import { parentPort, workerData } from 'node:worker_threads';
import { PGlite } from '@electric-sql/pglite';
import { btree_gin } from '@electric-sql/pglite/contrib/btree_gin';
import { vector } from '@electric-sql/pglite-pgvector';
import { PGLiteSocketServer } from '@electric-sql/pglite-socket';
import type { EmbeddedMessage, EmbeddedReply, EmbeddedWorkerData } from './embedded.ts';

/** A parameter that is bytes already in Postgres' binary format is passed on as it is. */
const asBinary = (value: unknown) => value as string;

const port = parentPort;
if (port === null) throw new Error('embedded-worker.ts runs in a worker thread');

const { dataDir, socket, preparedFolder } = workerData as EmbeddedWorkerData;
const db = await PGlite.create({
  ...(dataDir === null ? {} : { dataDir }),
  ...(preparedFolder === null ? {} : { loadDataDir: new Blob([preparedFolder as Uint8Array<ArrayBuffer>]) }),
  extensions: { vector, btree_gin },
});
const server = new PGLiteSocketServer({ db, path: socket, maxConnections: 1 });
await server.start();
port.postMessage({ kind: 'ready' } satisfies EmbeddedReply);

port.on('message', async (message: EmbeddedMessage) => {
  try {
    port.postMessage({ kind: 'done', id: message.id, ...(await handle(message)) } satisfies EmbeddedReply);
  } catch (error) {
    port.postMessage({ kind: 'failed', id: message.id, error: String(error) } satisfies EmbeddedReply);
  }
});

async function handle(message: EmbeddedMessage): Promise<{ dump?: Uint8Array }> {
  switch (message.kind) {
    case 'query': {
      const serializers = Object.fromEntries(message.binaryTypes.map((oid) => [oid, asBinary]));
      await db.query(message.sql, message.params, { serializers });
      return {};
    }
    case 'dump': {
      const file = await db.dumpDataDir('none');
      return { dump: new Uint8Array(await file.arrayBuffer()) };
    }
    case 'close':
      await server.stop();
      await db.close();
      return {};
  }
}
