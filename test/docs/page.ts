import { readFileSync } from 'node:fs';

const ROOT = new URL('../../', import.meta.url);

/** A page, or a file of the source, by its path from the root. */
export function readFromRoot(path: string): string {
  return readFileSync(new URL(path, ROOT), 'utf8');
}

/** The cells of each row of a page's tables, without the code marks; `first` says what the first cell looks like. */
export function tableRows(page: string, first: RegExp): string[][] {
  return page
    .split('\n')
    .filter((line) => line.startsWith('| '))
    .map((line) =>
      line
        .slice(1, line.lastIndexOf('|'))
        .split(' | ')
        .map((cell) => cell.replaceAll('`', '').trim()),
    )
    .filter(([cell]) => first.test(cell ?? ''));
}
