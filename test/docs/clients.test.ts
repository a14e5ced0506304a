import { readdirSync } from 'node:fs';
import { expect, test } from 'vitest';
import { readFromRoot } from './page.ts';

test('the page on clients shows the examples that are run, and all of them', () => {
  const shown = [...readFromRoot('docs/clients.md').matchAll(/```ts\n([\s\S]*?)```/g)].map(([, code]) => code);
  const files = readdirSync(new URL('../../examples/clients/', import.meta.url));
  const code = files.map((file) => readFromRoot(`examples/clients/${file}`));
  expect(shown.toSorted()).toEqual(code.toSorted());
});
