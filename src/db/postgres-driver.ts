import { createRequire, registerHooks } from 'node:module';
import type postgresDriver from 'postgres';

/** Text of the driver and what stands in its place. Each must be there exactly once, or nothing starts. */
type Mend = readonly [from: string, to: string];

/**
 * What is added: `sql.preceded(before)`, of which every statement is preceded by another one, in the same write and in the
 * same transaction, which is theirs alone. Only the Sync behind both ends that transaction, and where the first one fails the
 * server skips all that follows until there: the second one is not even looked at. What the first one has set for its
 * transaction is therefore set whenever the second one runs, and at no other time.
 */
const PRECEDED = `
  function preceded(before) {
    return Sql(q => {
      if (q.options.simple || q.cursorFn || q.onlyDescribe)
        return q.reject(Errors.generic('NOT_PRECEDED', 'only a statement that is sent in one piece can be preceded by another'))

      if (before.isOver)
        return q.reject(Errors.generic('SCOPE_OVER', 'a statement was asked for after the end of its scope'))

      q.before = before
      handler(q)
    })
  }
`;

/** A connection has parsed the first statement once it has answered it. */
const BEFORE = `
  function withBefore(q) {
    if (q.before.isOver) {
      q.reject(Errors.generic('SCOPE_OVER', 'its scope has ended before a connection was free'))
      return Sync
    }

    const then = toBuffer(q)
        , run = Buffer.concat([Bind([...q.before.values], [], 'before'), b().E().str(b.N).i32(0).end(), then])
    q.isBefore = true
    return beforeText === q.before.text ? run : Buffer.concat([
      b().C().str('Sbefore' + b.N).end(),
      Parse(q.before.text, [], [], 'before'),
      run
    ])
  }

  function answerBefore(x) {
    if (x === 67) { // CommandComplete
      query.isBefore = false
      beforeText = query.before.text
      query.before.begun()
    } else if (x === 69) { // ErrorResponse
      beforeText = null
    }
    return x === 67 || x === 68 || x === 49 || x === 50 || x === 51
  }
`;

/**
 * What postgres.js 3.4.9 does when a connection dies under it or a statement cannot be sent, and what is done instead. The
 * files are mended as they are loaded, because none of it can be caught from outside: the errors are thrown from timers
 * and from promises that nobody holds. To be dropped with the release that closes the issues named.
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
    // A statement that cannot be sent, for a value that has no text, stood in line all the same behind one under way: that
    // one was told of the failure, and this one got the answer of the next, which may be another workspace's.
    [
      `sent.length === 0 && write(Sync)
      errored(error)
      return true`,
      `if (sent.remove(q)) {
        queryError(q, error)
        return true
      }
      write(Sync)
      errored(error)
      return true`,
    ],
    ['\n  function toBuffer(q) {', `${BEFORE}\n  function toBuffer(q) {`],
    ['    , query = null\n', '    , query = null\n    , beforeText = null\n'],
    ['\n      statements = {}\n', '\n      statements = {}\n      beforeText = null\n'],
    // Nothing is sent behind it: it would wait for a slow one while other connections are free.
    [
      `return write(toBuffer(q))
`,
      `return write(q.before ? withBefore(q) : toBuffer(q))
        && !q.before
`,
    ],
    [
      'function handle(xs, x = xs[0]) {\n',
      'function handle(xs, x = xs[0]) {\n    if (query && query.isBefore && answerBefore(x)) return\n',
    ],
  ],
  '/postgres/cjs/src/index.js': [
    ['\n  function move(c, queue) {', `${PRECEDED}\n  function move(c, queue) {`],
    ['    begin,\n    close,\n', '    begin,\n    preceded,\n    close,\n'],
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

/** The CommonJS build, because nobody else loads it: what others import stays as it is. */
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

/** postgres.js, mended where it does not survive the death of a connection, and with `preceded`. */
export const postgres = loadDriver();
