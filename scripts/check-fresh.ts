/** Fails where a generated file that is committed is not what the code would generate now. */
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { printSchema } from 'graphql';
import { schema } from '../src/schema/index.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const CODEGEN_OUTPUT = 'examples/gql';

const run = (command: string, ...given: string[]) =>
  execFileSync(join(ROOT, 'node_modules/.bin', command), given, { cwd: ROOT, stdio: 'pipe', encoding: 'utf8' });

/** Paths of the files below a folder, from there. */
function filesBelow(folder: string): string[] {
  if (!existsSync(folder)) return [];
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .sort();
}

function sameFolders(a: string, b: string): boolean {
  const files = filesBelow(a);
  if (files.join() !== filesBelow(b).join()) return false;
  return files.every((file) => readFileSync(join(a, file)).equals(readFileSync(join(b, file))));
}

function isSchemaFresh(): boolean {
  const path = join(ROOT, 'schema.graphql');
  return existsSync(path) && readFileSync(path, 'utf8') === `${printSchema(schema)}\n`;
}

/** Generates in place and compares; what was there comes back where it differs. */
function isGeneratedFresh(folder: string, scratch: string, generate: () => void): boolean {
  const path = join(ROOT, folder);
  const before = join(scratch, folder);
  cpSync(path, before, { recursive: true });
  try {
    generate();
    return sameFolders(path, before);
  } finally {
    rmSync(path, { recursive: true, force: true });
    cpSync(before, path, { recursive: true });
  }
}

const scratch = mkdtempSync(join(tmpdir(), 'signalbox-fresh-'));
const stale: string[] = [];
try {
  if (!isSchemaFresh()) stale.push('schema.graphql: run `npm run schema`');
  if (existsSync(join(ROOT, 'codegen.ts'))) {
    if (!isGeneratedFresh(CODEGEN_OUTPUT, scratch, () => run('graphql-codegen', '--config', 'codegen.ts')))
      stale.push(`${CODEGEN_OUTPUT}: run \`npm run codegen\``);
  }
  run('drizzle-kit', 'check');
  if (!isGeneratedFresh('drizzle', scratch, () => run('drizzle-kit', 'generate', '--name', 'check_fresh')))
    stale.push('drizzle: run `npm run db:generate`, and name the migration');
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
if (stale.length > 0) {
  process.stderr.write(`These are not what the code would generate now:\n  ${stale.join('\n  ')}\n`);
  process.exit(1);
}
