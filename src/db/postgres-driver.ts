import { createRequire, registerHooks } from 'node:module';
import type postgresDriver from 'postgres';

/** Text of the driver and what stands in its place. Each must be there exactly once, or nothing starts. */
type Mend = readonly [from: string, to: string];

/**
 * What postgres.js 3.4.9 does when a connection dies under it, and what is done instead. The files are mended as they
 * are loaded, because none of it can be caught from outside: the errors are thrown from timers and from promises that
 * nobody holds. To be dropped with the release that closes the issues named.
 */
const MENDS: Readonly<Record<string, readonly Mend[]>> = {
  '/postgres/cjs/src/connection.js': [
    // A write that was put off until the socket was gone threw out of setImmediate and ended the process
    // (porsager/postgres issues 1066, 1154 and 1208).
    [
      'const x = socket.write(chunk, fn)',
      `if (socket === null) {
      chunk = nextWriteTimer = null
      error(Errors.connection('CONNECTION_CLOSED', options))
      return true
    }
    const x = socket.write(chunk, fn)`,
    ],
    // A write cancelled by the end of the connection still counted as planned, and its bytes stayed: the connection
    // never wrote again, or wrote them before its greeting (pull request 1168).
    [
      `clearImmediate(nextWriteTimer)
    if (socket) {`,
      `clearImmediate(nextWriteTimer)
    chunk = nextWriteTimer = null
    if (socket) {`,
    ],
    // The same; and what the dead backend said last was told to the first query of the next one (issue 1223).
    [
      `clearImmediate(nextWriteTimer)
    socket.removeListener('data', data)`,
      `clearImmediate(nextWriteTimer)
    chunk = nextWriteTimer = errorResponse = null
    socket.removeListener('data', data)`,
    ],
    // The query for the array types belongs to nobody, so that its failure was an unhandled rejection (issues 1192 and
    // 1205). The query that the connection was opened for is told of the failure, or opens another one.
    ['return fetchArrayTypes()', 'return fetchArrayTypes().catch(noop)'],
  ],
  '/postgres/cjs/src/index.js': [
    // A transaction whose connection has died went on, from its rollback to the statements that were still to come, on
    // the connection that took its place: without its role and workspace, perhaps inside somebody else's transaction.
    [
      'new Promise((_, reject) => connection.onclose = reject)',
      `new Promise((_, reject) => connection.onclose = e => {
          lost = e
          while (queries.length)
            queries.shift().reject(e)
          reject(e)
        })`,
    ],
    ['let savepoints = 0\n', 'let lost = null\n      , savepoints = 0\n'],
    [
      `q.catch(e => uncaughtError || (uncaughtError = e))
`,
      `q.catch(e => uncaughtError || (uncaughtError = e))
        if (lost)
          return q.reject(lost)
`,
    ],
  ],
};

function mend(source: string, mends: readonly Mend[]): string {
  return mends.reduce((text, [from, to]) => {
    if (text.split(from).length !== 2) {
      throw new Error(
        `the database driver is not the version that src/db/postgres-driver.ts mends: no single "${from}"`,
      );
    }
    return text.replace(from, () => to);
  }, source);
}

/** The CommonJS build, because nobody else loads it: what drizzle-orm imports stays as it is, and is not used. */
function loadDriver(): typeof postgresDriver {
  const hooks = registerHooks({
    load(url, context, next) {
      const loaded = next(url, context);
      const file = Object.keys(MENDS).find((ending) => url.endsWith(ending));
      if (file === undefined || MENDS[file] === undefined) return loaded;
      return { ...loaded, source: mend(String(loaded.source), MENDS[file]) };
    },
  });
  try {
    return createRequire(import.meta.url)('postgres') as typeof postgresDriver;
  } finally {
    hooks.deregister();
  }
}

/** postgres.js, mended where it does not survive the death of a connection. */
export const postgres = loadDriver();
