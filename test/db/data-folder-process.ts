/**
 * A process that has a data folder open, for tests that need a second one: `node data-folder-process.ts <folder>`
 * says `ready`, then inserts documents into the workspace `ws_1` and says the id of each once it is committed, until
 * it is killed. Where the folder cannot be opened it says why, on stderr, and ends with code 1.
 */
import { writeSync } from 'node:fs';
import { openDatabase } from '../../src/db/client.ts';
import { insertDocument } from '../support/rows.ts';

const STDOUT = 1;

const [, , dataDir] = process.argv;
if (dataDir === undefined) throw new Error('which data folder?');
const database = await openDatabase({ databaseUrl: undefined, poolSize: 1, dataDir }).catch((error: Error) => {
  process.stderr.write(`${error.name}: ${error.message}\n`);
  process.exit(1);
});
writeSync(STDOUT, 'ready\n');
for (let number = 1; ; number++) {
  const id = `doc_${number}`;
  const text = `Note ${number}: ${'the quick brown fox. '.repeat(100)}`;
  await database.withWorkspace('ws_1', (scope) => insertDocument(scope, { id, text }));
  // Written at once: what the test has read was committed before.
  writeSync(STDOUT, `${id}\n`);
}
