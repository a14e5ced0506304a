import { globSync, readFileSync } from 'node:fs';
import { dirname, join, posix } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseSync, Visitor } from 'vite';

/** The repository. */
export const ROOT = join(dirname(fileURLToPath(import.meta.url)), '../..');

/** Folders whose files a program writes, or that come from elsewhere. */
const NOT_OURS = /(^|\/)(node_modules|dist|gql|generated|__generated__)(\/|$)/;

/** Files below the given folders, as paths from the root with forward slashes, without generated ones. */
export function filesBelow(folders: readonly string[], extensions: readonly string[]): string[] {
  const patterns = folders.flatMap((folder) => extensions.map((extension) => `${folder}/**/*.${extension}`));
  return globSync(patterns, { cwd: ROOT, exclude: (path) => NOT_OURS.test(path.replaceAll('\\', '/')) })
    .map((path) => path.replaceAll('\\', '/'))
    .sort();
}

export function readSource(path: string): string {
  return readFileSync(join(ROOT, path), 'utf8');
}

export type ParsedFile = ReturnType<typeof parseSync>;

/** The syntax tree of a file, made by the parser that vitest itself runs on (oxc). */
export function parseFile(path: string): ParsedFile {
  const parsed = parseSync(path, readSource(path));
  const [error] = parsed.errors;
  if (error !== undefined) throw new Error(`${path} does not parse: ${error.message}`);
  return parsed;
}

export interface Import {
  /** The importing file. */
  from: string;
  /** The imported file of ours, as a path from the root. */
  to: string;
  /** It leaves nothing in the running program. */
  isType: boolean;
}

/** The files of ours that a file imports: `import`, `export … from`, `import()` of a fixed path, also as a type. */
export function importsOf(path: string): Import[] {
  const { module, program } = parseFile(path);
  const source = readSource(path);
  const found: { specifier: string; isType: boolean }[] = [
    ...module.staticImports.map(({ moduleRequest, entries }) => ({
      specifier: moduleRequest.value,
      isType: entries.length > 0 && entries.every((entry) => entry.isType),
    })),
    ...module.staticExports.flatMap(({ entries }) =>
      entries.flatMap(({ moduleRequest, isType }) =>
        moduleRequest === null || moduleRequest === undefined ? [] : [{ specifier: moduleRequest.value, isType }],
      ),
    ),
    ...module.dynamicImports.map(({ moduleRequest }) => ({
      specifier: source.slice(moduleRequest.start + 1, moduleRequest.end - 1),
      isType: false,
    })),
  ];
  new Visitor({
    TSImportType: ({ source: { value } }) => {
      found.push({ specifier: value, isType: true });
    },
  }).visit(program);
  return found
    .filter(({ specifier }) => /^\.\.?\//.test(specifier))
    .map(({ specifier, isType }) => ({ from: path, to: posix.join(posix.dirname(path), specifier), isType }));
}
