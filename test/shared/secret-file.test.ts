import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createSecretFile, readSecretFile, writeSecretFile } from '../../src/shared/secret-file.ts';
import { makeTempFolder } from '../support/temp-folder.ts';

let folder: ReturnType<typeof makeTempFolder>;
beforeEach(() => {
  folder = makeTempFolder('secret-file');
});
afterEach(() => folder.remove());

test('a secret is kept for its owner’s eyes alone, and nothing lies beside it', () => {
  const path = join(folder.path, 'key');
  writeSecretFile(path, 'first');
  writeSecretFile(path, 'second');
  expect(readSecretFile(path)).toBe('second');
  expect(readFileSync(path, 'utf8')).toBe('second\n');
  expect(statSync(path).mode & 0o777).toBe(0o600);
  expect(readdirSync(folder.path)).toEqual(['key']);
});

test('a secret that others could read is closed to them', () => {
  const path = join(folder.path, 'key');
  writeFileSync(path, 'given\n', { mode: 0o644 });
  expect(readSecretFile(path)).toBe('given');
  expect(statSync(path).mode & 0o777).toBe(0o600);
});

test('an empty file holds no secret, like one that is not there', () => {
  const path = join(folder.path, 'key');
  expect(readSecretFile(path)).toBeNull();
  writeFileSync(path, '\n');
  expect(readSecretFile(path)).toBeNull();
});

test('a secret that is there stays, whoever would make another', () => {
  const path = join(folder.path, 'key');
  createSecretFile(path, 'first');
  createSecretFile(path, 'second');
  expect(readSecretFile(path)).toBe('first');
  expect(statSync(path).mode & 0o777).toBe(0o600);
  expect(readdirSync(folder.path)).toEqual(['key']);
});
