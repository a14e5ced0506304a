import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** Any path beside a file: what it imports, at once or later, and what it starts as a process or a thread. */
const PATH_BESIDE = /['"](\.{1,2}\/[^'"]+\.ts)['"]/g;
/** Nothing else leads to a Postgres that the suite runs on. */
const ASKS_FOR_SERVER = /\binject\(\s*['"]testServer['"]\s*\)/;

/**
 * The test files that ask which database the suite runs on, themselves or through what they import of the folder. All
 * others are no different on another one.
 * @returns their paths in the folder
 */
export function filesWithDatabase(folder: string): string[] {
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts'));
  const sources = new Map(names.map((name) => [join(folder, name), readFileSync(join(folder, name), 'utf8')]));
  const asks = (path: string, seen: Set<string>): boolean => {
    const source = sources.get(path);
    if (source === undefined || seen.has(path)) return false;
    seen.add(path);
    if (ASKS_FOR_SERVER.test(source)) return true;
    return [...source.matchAll(PATH_BESIDE)].some(([, beside = '']) => asks(join(dirname(path), beside), seen));
  };
  return names.filter((name) => name.endsWith('.test.ts') && asks(join(folder, name), new Set())).sort();
}
