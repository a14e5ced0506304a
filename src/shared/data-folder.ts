import { accessSync, constants, mkdirSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { ConfigError } from './config-error.ts';

/**
 * Makes the data folder where it is not there yet, for its owner's eyes alone.
 * @throws ConfigError where it cannot be used
 */
export function makeDataFolder(dataDir: string): void {
  try {
    makeFolder(resolve(dataDir));
    accessSync(dataDir, constants.R_OK | constants.W_OK);
  } catch (error) {
    throw new ConfigError(`SIGNALBOX_DATA_DIR ${dataDir} cannot be used: ${(error as Error).message}`);
  }
}

/** One level after the other: mkdir's own way of making parents never returns below /proc. */
function makeFolder(path: string): void {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found?.isDirectory()) return;
  if (found !== undefined) throw new Error(`${path} is no folder`);
  const parent = dirname(path);
  if (parent !== path) makeFolder(parent);
  mkdirSync(path, { mode: 0o700 });
}
