import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const ROOT = join(import.meta.dirname, '../..');

function locksOf(pattern: string): number[] {
  return globSync(pattern, { cwd: ROOT }).flatMap((file) => {
    const text = readFileSync(join(ROOT, file), 'utf8');
    return (text.match(/\b7_?391_?004_?\d{3}\b/g) ?? []).map((number) => Number(number.replaceAll('_', '')));
  });
}

test('no two uses of advisory locks share a number, so that none waits for what it has nothing to do with', () => {
  const inCode = locksOf('src/**/*.ts');
  const inFunctions = new Set(locksOf('drizzle/*.sql'));
  expect(inCode.length).toBeGreaterThan(3);
  expect(inFunctions.size).toBeGreaterThan(1);
  expect(inCode.toSorted()).toEqual([...new Set(inCode)].toSorted());
  expect(inCode.filter((lock) => inFunctions.has(lock))).toEqual([]);
});
