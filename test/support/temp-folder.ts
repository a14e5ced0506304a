import { mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inject } from 'vitest';

/** An empty folder of a test's own. */
export interface TempFolder {
  readonly path: string;
  /** Removes the folder and all that is in it. What a failing test leaves behind is removed when the run ends. */
  remove(): Promise<void>;
}

/** @param name says in the folder's name what it is for */
export function makeTempFolder(name: string): TempFolder {
  const path = mkdtempSync(join(inject('runFolder'), `${name}-`));
  return { path, remove: () => rm(path, { recursive: true, force: true }) };
}

/** The folder that holds all temporary folders of one run of the suite. Short: Unix sockets live below it. */
export function makeRunFolder(): string {
  return mkdtempSync(join(tmpdir(), 'signalbox-test-'));
}
