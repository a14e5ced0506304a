import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, test } from 'vitest';
import { filesWithDatabase } from '../support/files-with-database.ts';
import { makeTempFolder, type TempFolder } from '../support/temp-folder.ts';

const ASKS = `export const server = ${'inject'}('testServer');`;

let folder: TempFolder | undefined;
afterEach(() => folder?.remove());

function filesOf(sources: Record<string, string>): string[] {
  folder = makeTempFolder('files');
  for (const [name, source] of Object.entries(sources)) {
    const path = join(folder.path, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, source);
  }
  return filesWithDatabase(folder.path);
}

test('what asks for the database of the suite runs on each, however far it is from asking', () => {
  const files = filesOf({
    'support/database.ts': ASKS,
    'support/harness.ts': `import { server } from './database.ts';`,
    'a/itself.test.ts': `const server = ${'inject'}("testServer");`,
    'a/imports.test.ts': `import { harness } from '../support/harness.ts';`,
    'a/exports.test.ts': `export * from '../support/harness.ts';`,
    'a/later.test.ts': `await import('../support/harness.ts');`,
    'a/thread.test.ts': `new Worker(new URL('../support/harness.ts', import.meta.url));`,
    'a/mutual.test.ts': `import './other.ts';`,
    'a/other.ts': `import './mutual.test.ts';\nimport '../support/harness.ts';`,
  });
  expect(files).toEqual(
    ['exports', 'imports', 'itself', 'later', 'mutual', 'thread'].map((name) => `a/${name}.test.ts`),
  );
});

test('what never asks for it runs once', () => {
  const files = filesOf({
    'support/database.ts': ASKS,
    'a/other.ts': 'export const one = 1;',
    'a/without.test.ts': `import { one } from './other.ts';\nimport { two } from '../../src/two.ts';`,
  });
  expect(files).toEqual([]);
});

test('the tests of the API, of migrations and of stores are among them', () => {
  const files = filesWithDatabase(fileURLToPath(new URL('..', import.meta.url)));
  expect(files).toEqual(
    expect.arrayContaining(['api/usage/usage.test.ts', 'db/migrate.test.ts', 'domain/gateway/budgets.test.ts']),
  );
  expect(files).not.toContain('shared/decimal.test.ts');
});
