/** A process whose database connection dies in the middle of a transaction; started by postgres-driver.test.ts. */
import { setTimeout as sleep } from 'node:timers/promises';
import plainDriver from 'postgres';
import { postgres as mendedDriver } from '../../src/db/postgres-driver.ts';
import { startTcpProxy } from '../support/tcp-proxy.ts';

const [socket, kind] = process.argv.slice(2);
const driver = kind === 'mended' ? mendedDriver : plainDriver;
const proxy = await startTcpProxy({ path: socket ?? '' });
const sql = driver(`postgres://postgres@127.0.0.1:${proxy.port}/postgres`, { max: 1, onnotice: () => undefined });

const codeOf = (error: unknown) => (error as { code?: string }).code ?? String(error);
const told = Promise.withResolvers<string>();
const transaction = sql.begin(async (inside) => {
  await inside`select 1`;
  await proxy.cut();
  await sleep(50);
  told.resolve(await inside`select 2`.then(() => 'ran', codeOf));
});
const outcome = await transaction.then(() => 'committed', codeOf);
const statement = await told.promise;
await proxy.mend();
const [row] = await sql<{ three: number }[]>`select 3 as three`;
await sql.end();
await proxy.close();
process.stdout.write(JSON.stringify({ outcome, statement, next: row?.three }));
