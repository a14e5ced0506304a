import { describe, expect, test } from 'vitest';
import { parseFile, readSource } from './source-tree.ts';

const CONTRACT = 'src/plugins/contract.ts';
const MAX_CONTRACT_LINES = 250;

/** The exported declarations of a file that have no TSDoc directly above them, and how many exports there are. */
function undocumentedExports(path: string): { exports: number; undocumented: string[] } {
  const source = readSource(path);
  const { program, comments } = parseFile(path);
  const docEnds = comments.filter(({ type, value }) => type === 'Block' && value.startsWith('*')).map(({ end }) => end);
  const exported = program.body.filter(({ type }) => type.startsWith('Export'));
  const undocumented = exported
    .filter(({ start }) => !docEnds.some((end) => end < start && source.slice(end, start).trim() === ''))
    .map(({ start }) => `${path}: ${source.slice(start).split('\n')[0]}`);
  return { exports: exported.length, undocumented };
}

describe('the plugin contract', () => {
  test('documents everything that it exports', () => {
    const { exports, undocumented } = undocumentedExports(CONTRACT);
    expect(exports).toBeGreaterThan(10);
    expect(undocumented).toEqual([]);
  });

  test(`is read in one sitting: ${MAX_CONTRACT_LINES} lines at the most`, () => {
    expect(readSource(CONTRACT).split('\n').length - 1).toBeLessThanOrEqual(MAX_CONTRACT_LINES);
  });
});
