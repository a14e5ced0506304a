import { Visitor } from 'vite';
import { expect, test } from 'vitest';
import { filesBelow, parseFile, readSource } from './source-tree.ts';

const MAX_FILE_LINES = 500;
const MAX_FUNCTION_LINES = 80;

const CODE = ['ts', 'tsx', 'mts', 'js', 'mjs', 'cjs', 'jsx', 'sh', 'css', 'html'];
const FOLDERS = ['src', 'test', 'scripts', 'bench', 'examples', 'console'];

const linesOf = (text: string) => text.split('\n').length - (text.endsWith('\n') ? 1 : 0);

interface FunctionSize {
  place: string;
  lines: number;
}

function functionsOf(path: string): FunctionSize[] {
  const source = readSource(path);
  const found: FunctionSize[] = [];
  const measure = ({ start, end }: { start: number; end: number }) => {
    const firstLine = linesOf(source.slice(0, start + 1));
    found.push({ place: `${path}:${firstLine}`, lines: linesOf(source.slice(start, end)) });
  };
  new Visitor({
    FunctionDeclaration: measure,
    FunctionExpression: measure,
    ArrowFunctionExpression: measure,
  }).visit(parseFile(path).program);
  return found;
}

test(`no file has more than ${MAX_FILE_LINES} lines`, () => {
  const files = filesBelow(FOLDERS, CODE);
  expect(files).toContain('src/config.ts');
  const tooLong = files
    .map((path) => ({ path, lines: linesOf(readSource(path)) }))
    .filter(({ lines }) => lines > MAX_FILE_LINES);
  expect(tooLong).toEqual([]);
});

test(`no function of src has more than ${MAX_FUNCTION_LINES} lines`, () => {
  const functions = filesBelow(['src'], ['ts', 'tsx', 'mts']).flatMap(functionsOf);
  expect(functions.length).toBeGreaterThan(100);
  expect(functions.filter(({ lines }) => lines > MAX_FUNCTION_LINES)).toEqual([]);
});
