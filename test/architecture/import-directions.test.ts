import { describe, expect, test } from 'vitest';
import { filesBelow, type Import, importsOf } from './source-tree.ts';

/** The files that put the parts together, so they may import everything. */
const COMPOSITION_FILES = [
  'src/main.ts',
  'src/serve.ts',
  'src/worker.ts',
  'src/app.ts',
  'src/model-access.ts',
  'src/use-cases.ts',
  'src/demo.ts',
  'src/cli/main.ts',
];

const CONTRACT = ['src/plugins/contract.ts', 'src/plugins/errors.ts'];
const FOUNDATION = ['src/shared/', 'src/observability/'];

/** What the files of a folder may import, beside one another. A path that ends in / is a folder. */
const MAY_IMPORT: Record<string, readonly string[]> = {
  'src/server/': ['src/schema/', 'src/domain/', 'src/plugins/', 'src/db/', 'src/jobs/', ...FOUNDATION],
  'src/schema/': ['src/domain/', 'src/plugins/', 'src/db/', 'src/jobs/', ...FOUNDATION],
  'src/domain/': ['src/plugins/', 'src/db/', 'src/jobs/', ...FOUNDATION],
  'src/plugins/': FOUNDATION,
  'src/db/': FOUNDATION,
  // A job is enqueued in the transaction of the write that wants it.
  'src/jobs/': ['src/db/', ...FOUNDATION],
  // A client of the API like any other.
  'src/cli/': ['src/shared/'],
  'src/providers/': [...CONTRACT, 'src/shared/'],
  'src/observability/': ['src/shared/'],
  'src/shared/': [],
};

const files = filesBelow(['src'], ['ts', 'tsx', 'mts']);
const imports = files.flatMap(importsOf);

const layerOf = (path: string) => Object.keys(MAY_IMPORT).find((folder) => path.startsWith(folder));

function isWithin(path: string, places: readonly string[]): boolean {
  return places.some((place) => (place.endsWith('/') ? path.startsWith(place) : path === place));
}

function isAllowed({ from, to, isType }: Import): boolean {
  if (COMPOSITION_FILES.includes(from)) return true;
  if (to === 'src/config.ts') return isType;
  if (from === 'src/config.ts') return to.startsWith('src/shared/');
  const layer = layerOf(from);
  return layer !== undefined && isWithin(to, [layer, ...(MAY_IMPORT[layer] ?? [])]);
}

const arrow = ({ from, to }: Import) => `${from} → ${to}`;

describe('an import', () => {
  test('is found wherever a file has one', () => {
    expect(imports.map(arrow)).toContain('src/db/client.ts → src/db/embedded.ts');
    expect(imports.filter((each) => !files.includes(each.to) && !each.to.endsWith('.json')).map(arrow)).toEqual([]);
  });

  test('points inward only: server → schema → domain → plugins, db, jobs → shared, observability', () => {
    expect(imports.filter((each) => !isAllowed(each)).map(arrow)).toEqual([]);
  });

  test('never goes to a file that puts the parts together', () => {
    const upward = imports.filter(
      ({ from, to }) => COMPOSITION_FILES.includes(to) && !COMPOSITION_FILES.includes(from),
    );
    expect(upward.map(arrow)).toEqual([]);
  });

  test('never makes a circle of files, not even by types', () => {
    expect(findCircle()).toEqual([]);
  });
});

describe('a file of src', () => {
  test('lies in a layer, is config.ts, or puts the parts together', () => {
    const known = ['src/config.ts', ...COMPOSITION_FILES];
    expect(files.filter((path) => layerOf(path) === undefined && !known.includes(path))).toEqual([]);
  });
});

describe('config.ts', () => {
  test('imports nothing of ours but from shared', () => {
    expect(importsOf('src/config.ts').filter(({ to }) => !to.startsWith('src/shared/'))).toEqual([]);
  });
});

/** The files of one circle in the order they import each other; none: an empty list. */
function findCircle(): string[] {
  const targets = Map.groupBy(imports, ({ from }) => from);
  const done = new Set<string>();
  const path: string[] = [];
  const visit = (file: string): string[] => {
    if (path.includes(file)) return [...path.slice(path.indexOf(file)), file];
    if (done.has(file)) return [];
    path.push(file);
    for (const { to } of targets.get(file) ?? []) {
      const circle = visit(to);
      if (circle.length > 0) return circle;
    }
    path.pop();
    done.add(file);
    return [];
  };
  for (const file of files) {
    const circle = visit(file);
    if (circle.length > 0) return circle;
  }
  return [];
}
