import { enableCompileCache } from 'node:module';
import { join } from 'node:path';
import { readConfig } from './config.ts';
import { makeDataFolder } from './shared/data-folder.ts';

/** Settings are read before everything else is loaded, so that a wrong one is told at once. */
async function main(): Promise<void> {
  const config = readConfig(process.env);
  makeDataFolder(config.dataDir);
  enableCompileCache(join(config.dataDir, 'compile-cache'));
  const { serve, explain } = await import('./serve.ts');
  await serve(config).catch((error: unknown) => fail(explain(error)));
}

function fail(reason: string): never {
  process.stderr.write(`signalbox: ${reason}\n`);
  process.exit(1);
}

main().catch((error: unknown) => fail(error instanceof Error ? error.message : String(error)));
