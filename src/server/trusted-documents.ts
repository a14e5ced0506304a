import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { ConfigError } from '../shared/config-error.ts';

const SHAPE = z.record(z.string(), z.string());

/**
 * @param path of a JSON file `{ "<hash>": "<document>" }`
 * @throws ConfigError where it cannot be read or is something else
 */
export function readTrustedDocuments(path: string): Record<string, string> {
  let parsed: unknown;
  try {
    parsed = JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    throw new ConfigError(`SIGNALBOX_TRUSTED_DOCUMENTS cannot be read as JSON: ${(error as Error).message}`);
  }
  const documents = SHAPE.safeParse(parsed);
  if (!documents.success) {
    throw new ConfigError('SIGNALBOX_TRUSTED_DOCUMENTS must name a file of JSON such as {"<hash>": "<document>"}');
  }
  return documents.data;
}
