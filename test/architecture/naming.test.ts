import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { filesBelow, parseFile, ROOT, readSource } from './source-tree.ts';

const OWN_FOLDERS = ['src', 'test', 'scripts', 'bench', 'examples', 'console'];
const CODE = ['ts', 'tsx', 'mts', 'js', 'mjs', 'sh'];

/** Names under which anything may be put, so that in the end everything is. */
const UNBOUNDED = /(^|[-.])(utils?|helpers?|misc|common|stuff|lib)([-.]|$)/i;

/** Vendors of models, and their products. */
const VENDORS = [
  ...['openai', 'azure', 'chatgpt', 'gpt', 'anthropic', 'claude', 'google', 'gemini', 'vertex', 'cloudflare', 'aws'],
  ...['bedrock', 'mistral', 'cohere', 'voyage', 'jina', 'ollama', 'groq', 'deepseek', 'hugging ?face', 'openrouter'],
];

/** Folders of src/providers that are no vendor's. */
const NO_VENDOR = ['local', 'custom-gateway'];

/** The file exports what it has from another file of ours, by `export … from` or by an import and an export. */
function passesOnExports(path: string): boolean {
  const { module } = parseFile(path);
  const isOurs = (request: { value: string } | null) => request?.value.startsWith('.') ?? false;
  const imported = new Set(
    module.staticImports
      .filter(({ moduleRequest }) => isOurs(moduleRequest))
      .flatMap(({ entries }) => entries.map(({ localName }) => localName.value)),
  );
  return module.staticExports
    .flatMap(({ entries }) => entries)
    .some(({ moduleRequest, localName }) => isOurs(moduleRequest) || imported.has(localName.name ?? ''));
}

describe('a name', () => {
  const paths = filesBelow(OWN_FOLDERS, CODE);

  test('says what is in the file or folder: none is called utils, helpers, common', () => {
    expect(paths.filter((path) => path.split('/').some((part) => UNBOUNDED.test(part)))).toEqual([]);
  });

  test('of a file of ours is in kebab-case', () => {
    const named = paths.filter((path) => /^(src|test|scripts|bench)\//.test(path));
    const kebab = /^[a-z0-9]+(-[a-z0-9]+)*(\.test|\.d)?\.[a-z]+$/;
    expect(named.filter((path) => !kebab.test(path.split('/').at(-1) ?? ''))).toEqual([]);
  });
});

describe('a module', () => {
  test('is imported from the file that defines it: no file passes on the exports of another', () => {
    const barrels = filesBelow(['src'], ['ts', 'tsx', 'mts']).filter(passesOnExports);
    expect(barrels).toEqual([]);
  });
});

describe('the plugin system', () => {
  test('names no vendor', () => {
    const shipped = readdirSync(join(ROOT, 'src/providers'), { withFileTypes: true })
      .filter((entry) => entry.isDirectory() && !NO_VENDOR.includes(entry.name))
      .map((entry) => entry.name);
    const vendor = new RegExp(`(?<![a-z])(${[...VENDORS, ...shipped].join('|')})(?![a-z])`, 'i');
    const lines = filesBelow(['src/plugins'], CODE).flatMap((path) =>
      readSource(path)
        .split('\n')
        .map((text, index) => ({ place: `${path}:${index + 1}`, text })),
    );
    expect(lines.length).toBeGreaterThan(100);
    expect(lines.filter(({ text }) => vendor.test(text))).toEqual([]);
  });
});
