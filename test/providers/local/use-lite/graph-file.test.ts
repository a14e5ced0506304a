import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { GRAPH_FILE_NAME, readGraphFile } from '../../../../src/providers/local/use-lite/graph-file.ts';

const cacheDir = mkdtempSync(join(tmpdir(), 'signalbox-graph-'));
const path = join(cacheDir, 'nested', GRAPH_FILE_NAME);
const read = (): Buffer => readGraphFile(join(cacheDir, 'nested'));

afterAll(() => rmSync(cacheDir, { recursive: true, force: true }));

describe('the built model file', () => {
  it('is written once, under a name with its version, and leaves nothing else behind', () => {
    const built = read();
    const writtenAt = statSync(path).mtimeMs;
    expect(readFileSync(path).equals(built)).toBe(true);
    expect(read().equals(built)).toBe(true);
    expect(statSync(path).mtimeMs).toBe(writtenAt);
    expect(GRAPH_FILE_NAME).toMatch(/\.v\d+\.onnx$/);
    expect(readdirSync(join(cacheDir, 'nested'))).toEqual([GRAPH_FILE_NAME]);
  });

  it.each([
    ['cut short', (file: Buffer) => file.subarray(0, file.length / 2)],
    ['empty', () => Buffer.alloc(0)],
    ['changed in one byte', (file: Buffer) => Buffer.from(file).fill(0xff, 5_000_000, 5_000_001)],
  ])('is made anew where it was %s', (_, damage) => {
    const whole = read();
    const damaged = damage(whole);
    expect(damaged.equals(whole)).toBe(false);
    writeFileSync(path, damaged);
    expect(read().equals(whole)).toBe(true);
    expect(readFileSync(path).equals(whole)).toBe(true);
  });
});
