import { configDefaults, defineConfig } from 'vitest/config';

/** What opens no database: it is no different on another one. */
const WITHOUT_DATABASE = ['architecture', 'conformance', 'docs', 'plugins', 'providers', 'shared'];
const isOnPostgres = Boolean(process.env.SIGNALBOX_TEST_DATABASE_URL);

export default defineConfig({
  // As Node resolves: Vite would take the ES module build of graphql for our files and leave the other one to Yoga, and
  // an error of one copy is none of the other.
  resolve: { alias: [{ find: /^graphql$/, replacement: 'graphql/index.js' }] },
  test: {
    include: ['test/**/*.test.ts'],
    exclude: [
      ...configDefaults.exclude,
      ...(isOnPostgres ? WITHOUT_DATABASE.map((folder) => `test/${folder}/**`) : []),
    ],
    globalSetup: 'test/support/global-setup.ts',
    passWithNoTests: false,
    pool: 'forks',
    // Each file may run an embedded database, which takes some 600 MB and a thread of its own.
    maxWorkers: 2,
    // Generous: a busy machine is no fault of the code.
    testTimeout: 60_000,
    hookTimeout: 120_000,
    teardownTimeout: 10_000,
  },
});
