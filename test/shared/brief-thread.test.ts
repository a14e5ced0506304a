import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, expect, test } from 'vitest';
import { answerOfThread } from '../../src/shared/brief-thread.ts';

const folder = mkdtempSync(join(tmpdir(), 'signalbox-brief-thread-'));
afterAll(() => rmSync(folder, { recursive: true }));

function entryOf(name: string, code: string): URL {
  const file = join(folder, `${name}.mjs`);
  writeFileSync(file, code);
  return pathToFileURL(file);
}

test('the first message of the thread is the answer', async () => {
  const entry = entryOf(
    'says',
    "import { parentPort } from 'node:worker_threads'; parentPort.postMessage({ said: 1 });",
  );
  expect(await answerOfThread(entry)).toEqual({ said: 1 });
});

test('what the thread throws comes out here', async () => {
  await expect(answerOfThread(entryOf('throws', "throw new Error('the tables are gone');"))).rejects.toThrow(
    'the tables are gone',
  );
});

test('a thread that ends without a word is an error, not a wait', async () => {
  await expect(answerOfThread(entryOf('silent', 'process.exit(3);'))).rejects.toThrow('silent.mjs ended with 3');
});
