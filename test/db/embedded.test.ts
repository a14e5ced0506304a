import { once } from 'node:events';
import type { Worker } from 'node:worker_threads';
import { expect, test } from 'vitest';
import { DatabaseStoppedError, EmbeddedPostgres } from '../../src/db/embedded.ts';
import { readPreparedFolder } from '../support/prepared-folder.ts';
import { makeTempFolder } from '../support/temp-folder.ts';

/** An embedded database in memory, the thread it runs in, and what was told of its end. */
async function startEmbedded() {
  const folder = makeTempFolder('embedded');
  const stops: Error[] = [];
  const made = once(process, 'worker') as Promise<[Worker]>;
  const embedded = await EmbeddedPostgres.start(folder.path, {
    inMemory: true,
    preparedFolder: await readPreparedFolder(),
    onStopped: (error) => stops.push(error),
  });
  const [worker] = await made;
  const close = async () => {
    await embedded.close();
    await folder.remove();
  };
  return { embedded, worker, stops, close };
}

test('an embedded database that ends by itself is told of once, and what waits for it is told too', async () => {
  const { embedded, worker, stops, close } = await startEmbedded();
  const waiting = embedded.query('select pg_sleep(30)', [], []);
  const refused = expect(waiting).rejects.toThrow(DatabaseStoppedError);
  await worker.terminate();
  await refused;
  expect(stops).toEqual([expect.any(DatabaseStoppedError)]);
  expect(() => embedded.assertRunning()).toThrow('the embedded database has stopped');
  await close();
  expect(stops).toHaveLength(1);
});

test('an embedded database that is closed is told of by nobody', async () => {
  const { stops, close } = await startEmbedded();
  await close();
  expect(stops).toEqual([]);
});
