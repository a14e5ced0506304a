import { join } from 'node:path';
import { defineConfig } from 'vitest/config';
import { filesWithDatabase } from './test/support/files-with-database.ts';

const isOnPostgres = Boolean(process.env.SIGNALBOX_TEST_DATABASE_URL);

export default defineConfig({
  // As Node resolves: Vite would take the ES module build of graphql for our files and leave the other one to Yoga, and
  // an error of one copy is none of the other.
  resolve: { alias: [{ find: /^graphql$/, replacement: 'graphql/index.js' }] },
  test: {
    include: isOnPostgres
      ? filesWithDatabase(join(import.meta.dirname, 'test')).map((file) => `test/${file}`)
      : ['test/**/*.test.ts'],
    globalSetup: 'test/support/global-setup.ts',
    passWithNoTests: false,
    pool: 'forks',
    // Each file may run an embedded database, which takes some 600 MB and a thread of its own.
    maxWorkers: 2,
    // Generous: a busy machine is no fault of the code.
    testTimeout: 120_000,
    hookTimeout: 120_000,
    teardownTimeout: 10_000,
    expect: { poll: { timeout: 50_000 } },
  },
});
